"""Folders in which a compiler writes, and a way to interfere with each call that it makes."""

import contextlib
import fcntl
import functools
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fpncompiler.codegen.files import Checked, write_file
from fpncompiler.options import Options
from fpncompiler.pipeline import compile_spec

HEAVY = os.environ.get("FPNC_HEAVY") == "1"
MEMORY = Path("/dev/shm")  # a file system without a disk: quick to sync
SPEC = "fpnc: 1\nname: mine\nextends: panet\nwidth: {width}\n"
MINE = "mine = 1\n"
LEFT = ".fpnc-0123456789abcdef.tmp"  # of a killed run
CALLS = [
    (os, "open read write fsync replace rename link symlink unlink remove mkdir rmdir".split()),
    (os, "stat lstat fstat close listdir scandir fchmod chmod utime truncate ftruncate".split()),
    (fcntl, "flock lockf fcntl".split()),
]

Hook = Callable[[int, str], None]


def nothing(number: int, name: str) -> None:
    """The hook that does nothing."""


@contextlib.contextmanager
def watched(before: Hook = nothing, after: Hook = nothing) -> Iterator[list[str]]:
    """Let hooks see each call to the system that this thread makes; yield the calls' names."""
    thread = threading.get_ident()
    seen: list[str] = []

    def wrap(call: Callable, name: str) -> Callable:
        @functools.wraps(call)
        def wrapped(*args: object, **kwargs: object) -> object:
            if threading.get_ident() != thread:
                return call(*args, **kwargs)
            number = len(seen)
            seen.append(name)
            if name != "close":  # an interrupted close has closed
                before(number, name)
            try:
                return call(*args, **kwargs)
            finally:
                if name == "close":
                    before(number, name)
                after(number, name)

        return wrapped

    real = [(module, name, getattr(module, name)) for module, names in CALLS for name in names]
    for module, name, call in real:
        setattr(module, name, wrap(call, name))
    try:
        yield seen
    finally:
        for module, name, call in real:
            setattr(module, name, call)


@functools.cache
def compiled(width: int, phi: int = 0) -> str:
    """A real compilation of `specs/mine.yaml`, written nowhere."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "specs/mine.yaml"
        path.parent.mkdir()
        path.write_text(SPEC.format(width=width))
        return compile_spec(path, Options(phi=phi)).source


@dataclass(frozen=True)
class Scenario:
    """A folder before a compilation.

    `old` is what the target holds, None if it does not exist; `elsewhere` whether the target is a
    link to a file that does.
    """

    name: str
    old: str | None
    force: bool = False
    elsewhere: bool = False
    leftover: bool = False
    folder_exists: bool = True

    def lay(self, root: Path) -> Path:
        """Make it below an empty folder; return the target."""
        folder = root / "project/generated"
        if self.folder_exists:
            folder.mkdir(parents=True)
        path = folder / "mine_d0.py"
        if self.leftover:
            (folder / LEFT).write_text("half a fi")
        if self.elsewhere:
            (root / "elsewhere.py").write_text(self.old)
            path.symlink_to(root / "elsewhere.py")
        elif self.old is not None:
            path.write_text(self.old)
        return path

    def write(self, path: Path) -> Checked:
        return write_file(path, compiled(64), force=self.force)

    def is_whole(self, path: Path) -> bool:
        """Whether the target is the old file or the new one, and the old one is not lost."""
        now = path.read_text() if path.exists() else None
        if self.elsewhere:
            assert (path.parents[2] / "elsewhere.py").read_text() == self.old
        if now == compiled(64) and self.force:
            return any(kept.read_text() == self.old for kept in path.parent.glob("*.orig*"))
        return now in (self.old, compiled(64))


def edited() -> str:
    return compiled(64).replace("class FeatureNetwork", "class Mine")


def scenarios() -> list[Scenario]:
    return [
        Scenario("new folder", None, folder_exists=False),
        Scenario("new", None),
        Scenario("stale", compiled(72)),
        Scenario("edited", edited(), force=True),
        Scenario("link", MINE, force=True, elsewhere=True),
        Scenario("left", compiled(72), leftover=True),
        Scenario("current", compiled(64), leftover=True),
    ]


SCENARIOS = {scenario.name: scenario for scenario in scenarios()}


def temporaries(folder: Path) -> list[Path]:
    return [*folder.rglob(".fpnc*")]


@contextlib.contextmanager
def quick_folder(fallback: Path) -> Iterator[Path]:
    """A folder in memory where there is one, unless this is a heavy run."""
    if HEAVY or not os.access(MEMORY, os.W_OK):
        yield fallback
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)
