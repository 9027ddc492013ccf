"""What people name on a command line: spec files, folders of them, or specs that ship."""

from collections.abc import Sequence
from pathlib import Path

from fpncompiler.diagnostics import suggest
from fpncompiler.spec.loading import SpecNotFoundError, shipped_specs
from fpncompiler.spec.names import name_fault

HELP = "\n  = help: "


def found_specs(word: str) -> list[Path]:
    """The spec files that a word stands for: a path, a folder, or the name of a shipped spec.

    A name is looked for in `specs/` of the working directory, then among the specs that ship.

    Raises:
        SpecNotFoundError: there are none.
    """
    return _specs_at(_meant(word, _folders(), (".yaml", "")))


def found_spec(word: str) -> Path:
    """The one spec file that a word stands for, as above.

    Raises:
        SpecNotFoundError: there is no such name.
    """
    return _meant(word, _folders(), (".yaml",))


def found_here(word: str) -> Path:
    """The same among the specs of the working directory alone.

    Raises:
        SpecNotFoundError: there is no such name; of a spec that ships, how to get a copy.
    """
    try:
        return _meant(word, _folders()[:1], (".yaml",))
    except SpecNotFoundError:
        shipped = _meant(word, _folders(), (".yaml",)).stem
    message = f"there is no specs/{shipped}.yaml here, only the one that ships"
    raise SpecNotFoundError(f"{message}{HELP}`fpnc new mine --from {shipped}` starts from it")


def found_in(subfolder: str, word: str) -> Path:
    """The file that a word stands for: a path, or a name in a subfolder of the spec folders.

    Raises:
        SpecNotFoundError: there is no such name.
    """
    folders = [folder / subfolder for folder in _folders()]
    return _meant(word, folders, (".yaml",), f"`{word}` in {subfolder}/")


def _meant(
    word: str, folders: Sequence[Path], endings: Sequence[str], called: str | None = None
) -> Path:
    path = Path(word)
    if _is_there(path):
        return path
    if not name_fault(word):
        named = (folder / f"{word}{end}" for folder in folders for end in endings)
        found = next((path for path in named if _is_there(path)), None)
        if found is not None:
            return found
        known = {each.stem for folder in folders for each in folder.glob("*.yaml")}
        help = suggest(word, known)
        called = called or f"spec `{word}`"
        raise SpecNotFoundError(f"there is no {called}{HELP if help else ''}{help}")
    return path  # which cannot be read, as whoever reads it will say


def _specs_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.yaml"))
    if not found:
        raise SpecNotFoundError(f"the folder {path.as_posix()} has no specs: no *.yaml")
    return found


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # what no file can be called
        return False


def _folders() -> tuple[Path, ...]:
    return Path("specs"), shipped_specs()
