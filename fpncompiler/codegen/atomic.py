"""Files that appear whole.

    write a temporary beside the target, sync it -> give the old file its second name, sync the
    folder -> rename the temporary to the target, sync the folder

A reader needs no lock: it sees the old file or the new one. An error is an OSError; until the
rename it leaves everything as it was.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator

from fpncompiler.codegen.folder import (
    NO_FOLLOW,
    PREFIX,
    SUFFIX,
    Folder,
    close_quietly,
    insist,
    look,
)

_UNSYNCABLE = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EBADF}
_UNLINKABLE = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
_LINKS_LINKS = os.link in os.supports_follow_symlinks  # and not only what they point to


def place(
    folder: Folder,
    name: str,
    data: bytes,
    *,
    seen: os.stat_result | None,
    keep_as: str = "",
    mode: int = 0o644,
) -> None:
    """Make a file hold some bytes: all of them, or it stays as it was.

    Args:
        seen: what was there when the caller decided; if it has changed, nothing is written.
        keep_as: a free name that the old file gets.
        mode: the permissions of a file that is new, less the umask; another keeps its own.

    Raises:
        UnsyncedError: the file is in place, but the disk has not confirmed it.
    """
    if seen is not None and stat.S_ISREG(seen.st_mode):
        mode = stat.S_IMODE(seen.st_mode) & 0o777
    with _temporary(folder, data, mode, exact=seen is not None) as temporary:
        if _identity(look(folder, name)) != _identity(seen):
            raise OSError(errno.EAGAIN, "another program changed it in the meantime")
        with contextlib.ExitStack() as undo:
            if keep_as:
                undo.callback(_keep(folder, name, keep_as))
                _sync_folder(folder)
            _rename(folder, temporary, name)
            undo.pop_all()
    try:
        _sync_folder(folder)
    except OSError as error:
        raise UnsyncedError(error.errno, error.strerror) from error


class UnsyncedError(OSError):
    """A file is in place and complete, but might not outlive a power cut."""


def _identity(found: os.stat_result | None) -> tuple[int, ...]:
    if found is None:
        return ()
    return (found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns)


@contextlib.contextmanager
def _temporary(folder: Folder, data: bytes, mode: int, *, exact: bool) -> Iterator[str]:
    """A synced file with some bytes, which is gone in the end if nobody has renamed it."""
    name = f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW
    handle = insist(os.open, folder.at(name), flags, mode, dir_fd=folder.handle)
    try:
        try:
            if exact and hasattr(os, "fchmod"):
                insist(os.fchmod, handle, mode)
            _write_all(handle, data)
            insist(os.fsync, handle)
        finally:
            _close(handle)
        yield name
    finally:
        with contextlib.suppress(OSError):
            insist(os.unlink, folder.at(name), dir_fd=folder.handle)


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        count = insist(os.write, handle, rest)
        if count == 0:
            raise OSError(errno.EIO, "the disk takes no more bytes")
        rest = rest[count:]


def _keep(folder: Folder, name: str, kept: str) -> Callable[[], None]:
    """Give the old file a second name, or only that one where it can have only one.

    Returns:
        What takes it back.
    """
    found = look(folder, name)
    if found is not None and stat.S_ISREG(found.st_mode):
        _sync_file(folder, name)
    try:
        _link(folder, name, kept)
    except OSError as error:
        if error.errno not in _UNLINKABLE:
            raise
        _rename(folder, name, kept)
        return lambda: _quietly(lambda: _rename(folder, kept, name))
    return lambda: _quietly(lambda: insist(os.unlink, folder.at(kept), dir_fd=folder.handle))


def _link(folder: Folder, name: str, second: str) -> None:
    if not _LINKS_LINKS:
        raise OSError(errno.ENOSYS, "links are followed here")
    insist(
        os.link,
        folder.at(name),
        folder.at(second),
        src_dir_fd=folder.handle,
        dst_dir_fd=folder.handle,
        follow_symlinks=False,
    )


def _rename(folder: Folder, old: str, new: str) -> None:
    insist(
        os.replace,
        folder.at(old),
        folder.at(new),
        src_dir_fd=folder.handle,
        dst_dir_fd=folder.handle,
    )


def _sync_file(folder: Folder, name: str) -> None:
    handle = insist(os.open, folder.at(name), os.O_RDONLY | NO_FOLLOW, dir_fd=folder.handle)
    try:
        insist(os.fsync, handle)
    finally:
        close_quietly(handle)


def _sync_folder(folder: Folder) -> None:
    """Make renames last; where folders cannot be synced, they last as long as they do."""
    if folder.handle is None:
        return
    try:
        insist(os.fsync, folder.handle)
    except OSError as error:
        if error.errno not in _UNSYNCABLE:
            raise


def _close(handle: int) -> None:
    """Close once: an interrupted close has closed."""
    with contextlib.suppress(InterruptedError):
        os.close(handle)


def _quietly(call: Callable[[], object]) -> None:
    with contextlib.suppress(OSError):
        call()
