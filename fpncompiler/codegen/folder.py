"""A folder that one process writes to at a time.

The lock is on the folder itself, so that no lock file lies about, and ends with its process.
Whoever has it sweeps what killed processes left. Where there are no such locks (Windows, some
network file systems), only temporaries of more than an hour are swept. Errors are OSErrors.
"""

import contextlib
import errno
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

if sys.platform != "win32":
    import fcntl

P = ParamSpec("P")
T = TypeVar("T")

LOCK_SECONDS = 30.0  # as long as a process waits for the others
POLL_SECONDS = 0.01
STALE_SECONDS = 3600.0  # the age of a temporary whose process cannot be alive, without a lock
CHUNK = 1 << 20  # bytes read at once

_UNSUPPORTED = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EBADF}
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
NO_WAIT = getattr(os, "O_NONBLOCK", 0)
PREFIX, SUFFIX = ".fpnc-", ".tmp"  # of a temporary
_TEMPORARY = re.compile(re.escape(PREFIX) + "[0-9a-f]{16}" + re.escape(SUFFIX))


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to read or write in.

    `handle` is its open descriptor, through which files are reached even if it is moved, and
    `locked` whether no other process writes to it. Without a handle, files are reached by path.
    """

    path: Path
    handle: int | None = None
    locked: bool = False

    def at(self, name: str) -> str:
        """What to call a file of the folder, beside `dir_fd=handle`."""
        return name if self.handle is not None else str(self.path / name)


def insist(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call again for as long as signals interrupt it."""
    while True:
        try:
            return call(*args, **kwargs)
        except InterruptedError:
            continue


@contextlib.contextmanager
def locked_folder(path: Path) -> Iterator[Folder]:
    """A folder for one writer, made if need be, and swept.

    Raises:
        TimeoutError: another process holds it.
    """
    handle = _open_folder(path)
    try:
        folder = Folder(path, handle, handle is not None and _lock(handle))
        _sweep(folder)
        yield folder
    finally:
        if handle is not None:
            close_quietly(handle)  # and with it the lock


def _open_folder(path: Path) -> int | None:
    if not hasattr(os, "O_DIRECTORY"):
        insist(path.mkdir, parents=True, exist_ok=True)
        return None
    flags = os.O_RDONLY | os.O_DIRECTORY
    try:
        return insist(os.open, path, flags)
    except FileNotFoundError:
        insist(path.mkdir, parents=True, exist_ok=True)
        return insist(os.open, path, flags)


def _lock(handle: int) -> bool:
    """Wait for the lock of an open folder; False where there are none."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return _try_lock(handle)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = f"another process has been writing there for {LOCK_SECONDS:g} s"
                raise TimeoutError(errno.ETIMEDOUT, message) from None
        time.sleep(POLL_SECONDS)


def _try_lock(handle: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        insist(fcntl.flock, handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return False
    return True


def _sweep(folder: Folder) -> None:
    """Remove the temporaries that killed processes left; what cannot be removed stays."""
    with contextlib.suppress(OSError):
        for name in sorted(insist(_names, folder)):
            if _TEMPORARY.fullmatch(name):
                _sweep_one(folder, name)


def _names(folder: Folder) -> list[str]:
    return os.listdir(folder.path if folder.handle is None else folder.handle)


def _sweep_one(folder: Folder, name: str) -> None:
    with contextlib.suppress(OSError):
        found = look(folder, name)
        if found is None or not stat.S_ISREG(found.st_mode):
            return
        if folder.locked or time.time() - found.st_mtime > STALE_SECONDS:
            insist(os.unlink, folder.at(name), dir_fd=folder.handle)


def look(folder: Folder, name: str) -> os.stat_result | None:
    """What is there, links not followed; None if nothing is."""
    try:
        return insist(os.stat, folder.at(name), dir_fd=folder.handle, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read(folder: Folder, name: str) -> bytes:
    """The bytes of a plain file."""
    flags = os.O_RDONLY | NO_FOLLOW | NO_WAIT
    handle = insist(os.open, folder.at(name), flags, dir_fd=folder.handle)
    try:
        return b"".join(iter(lambda: insist(os.read, handle, CHUNK), b""))
    finally:
        close_quietly(handle)


def close_quietly(handle: int) -> None:
    """Close what has been read."""
    with contextlib.suppress(OSError):
        os.close(handle)
