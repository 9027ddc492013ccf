"""Versions of a file that a command names: a path, a spec that ships, or a git revision of a path.

    specs/bifpn.yaml    bifpn    main:specs/bifpn.yaml    HEAD~2:./bifpn.yaml

Of a revision, the specs beside the file and those in `specs/` are laid out in a temporary folder,
so that what a spec extends is of the same revision.
"""

import os
import posixpath
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fpncompiler.diagnostics import Diagnostic, Span, SpecError, printable
from fpncompiler.spec.finding import found_spec

HELP = "\n  = help: "
MAX_FILES = 2000
MAX_BYTES = 1 << 26
_REGULAR = ("100644", "100755")


class RevisionError(Exception):
    """What a command names is not there; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a file: where it can be read now, and what it is called."""

    name: str
    path: Path
    folder: Path | None = None

    def shown(self, error: SpecError) -> SpecError:
        """Faults of a spec, their places by the names that the user knows."""
        return SpecError(
            tuple(self._shown(each) for each in error.diagnostics),
            {self._name(file): lines for file, lines in error.texts.items()},
        )

    def _shown(self, diagnostic: Diagnostic) -> Diagnostic:
        labels = tuple(replace(each, span=self._span(each.span)) for each in diagnostic.labels)
        span = diagnostic.span and self._span(diagnostic.span)
        return replace(diagnostic, span=span, labels=labels, fix=None)

    def _span(self, span: Span) -> Span:
        return replace(span, file=self._name(span.file))

    def _name(self, file: str) -> str:
        """The file's name with the revision in front in place of the temporary folder."""
        if self.folder is None or not file.startswith(f"{self.folder.as_posix()}/"):
            return file
        revision = self.name.partition(":")[0]
        return f"{revision}:{file.removeprefix(f'{self.folder.as_posix()}/')}"


@contextmanager
def version(name: str) -> Iterator[Version]:
    """The version of a file that a name stands for, as long as it is needed.

    Raises:
        RevisionError: git, the repository, the revision or the path is not there.
        SpecNotFoundError: there is no spec of that name.
    """
    if "\0" in name:
        raise RevisionError(f"{printable(name)} is no name of a file")
    revision, colon, path = name.partition(":")
    if os.path.exists(name) or not colon:
        yield Version(name, Path(name) if is_code(name) else found_spec(name))
        return
    with tempfile.TemporaryDirectory(prefix="fpnc-") as made:
        folder = Path(made).resolve()
        yield Version(name, _laid_out(revision, path, folder), folder)


def _laid_out(revision: str, given: str, folder: Path) -> Path:
    """Write the file at a revision, and the specs that it may name, below a folder."""
    commit = _commit(revision)
    here = _git("rev-parse", "--show-prefix").decode().rstrip("\n")
    is_relative = given.startswith(("./", "../"))
    path = posixpath.normpath(posixpath.join(here, given) if is_relative else given)
    if not given or path.startswith(("/", "../")) or path in (".", ".."):
        raise RevisionError(f"{printable(given)} is no path within the repository")
    beside = posixpath.dirname(path)
    blobs = _blobs(commit, beside)
    if is_code(path):
        blobs = {each: blob for each, blob in blobs.items() if each == path}
    else:
        folders = (beside, posixpath.join(here, "specs"))
        places = (place for each in folders for place in (each, posixpath.join(each, "models")))
        specs = {p: blob for place in places for p, blob in _blobs(commit, place).items()}
        blobs = {p: blob for p, blob in specs.items() if p.endswith(".yaml") or p == path}
    if path not in blobs:
        help = f"{HELP}paths are those from the top of the repository, or begin with ./"
        raise RevisionError(f"there is no file {printable(path)} in {printable(revision)}{help}")
    _write(blobs, path, folder)
    return folder / path


def is_code(path: str) -> bool:
    """Whether a name is that of a generated file, and not of a spec."""
    return path.endswith(".py")


def _commit(revision: str) -> str:
    if not _runs("rev-parse", "--git-dir"):
        raise RevisionError(
            f"there is no git repository here to look for {printable(revision)}:... in"
        )
    wanted = f"{revision}^{{commit}}"
    found = None
    if revision and not revision.startswith("-"):
        found = _runs("rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
    if not found:
        help = f"{HELP}`git log` and `git branch` list those that there are"
        raise RevisionError(f"there is no revision {printable(revision)}{help}")
    return found.decode().split()[-1]


def _blobs(commit: str, folder: str) -> dict[str, str]:
    """Path -> object, of the files in a folder; none if it is not there."""
    listed = _runs("ls-tree", "-z", "--full-tree", f"{commit}:{folder.rstrip('/')}")
    found = {}
    for line in listed.decode(errors="replace").split("\0"):
        about, _, name = line.partition("\t")
        mode, _, blob = about.partition(" blob ")
        if blob and mode in _REGULAR and "/" not in name:
            found[posixpath.join(folder, name)] = blob
    if len(found) > MAX_FILES:
        raise RevisionError(f"more than {MAX_FILES} files in {printable(folder)}")
    return found


def _write(blobs: dict[str, str], wanted: str, folder: Path) -> None:
    """Write files; specs of `specs/` also beside the wanted one, where it has none of that name."""
    beside = posixpath.dirname(wanted)
    total = 0
    for path, blob in blobs.items():
        data = _git("cat-file", "blob", blob)
        total += len(data)
        if total > MAX_BYTES:
            raise RevisionError(f"specs of more than {MAX_BYTES} bytes")
        last = posixpath.dirname(path)
        models = "models" if posixpath.basename(last) == "models" and path != wanted else ""
        near = posixpath.join(beside, models, posixpath.basename(path))
        for place in {path, near if near not in blobs else path}:
            target = folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def _git(*arguments: str) -> bytes:
    """What a command of git prints.

    Raises:
        RevisionError: git is not there, or fails.
    """
    done = _done(arguments)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["git fails"]
        raise RevisionError(printable(lines[0].removeprefix("fatal: ")))
    return done.stdout


def _runs(*arguments: str) -> bytes:
    """What a command of git prints; nothing where it fails."""
    done = _done(arguments)
    return done.stdout if done.returncode == 0 else b""


def _done(arguments: tuple[str, ...]) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    try:
        return subprocess.run(
            ["git", "--no-pager", *arguments], capture_output=True, check=False, env=environment
        )
    except FileNotFoundError:
        raise RevisionError("git is not installed: give a path in place of a revision") from None
