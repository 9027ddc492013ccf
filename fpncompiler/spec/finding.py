"""What people name on a command line: spec files, folders of them, or specs that ship."""

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
    path = Path(word)
    if _is_there(path):
        return _specs_at(path)
    if not name_fault(word):
        named = (folder / f"{word}{end}" for folder in _folders() for end in (".yaml", ""))
        found = next((path for path in named if _is_there(path)), None)
        if found is not None:
            return _specs_at(found)
    known = {each.stem for folder in _folders() for each in folder.glob("*.yaml")}
    if path.parent == Path() and not path.suffix:
        help = suggest(word, known)
        raise SpecNotFoundError(f"there is no spec `{word}`{HELP if help else ''}{help}")
    return [path]  # which cannot be read, as whoever reads it will say


def found_spec(word: str) -> Path:
    """The one spec file that a word stands for; a folder is returned as it is.

    Raises:
        SpecNotFoundError: there is no such name.
    """
    path = Path(word)
    return path if _is_there(path) else found_specs(word)[0]


def found_in(subfolder: str, word: str) -> Path:
    """The file that a word stands for: a path, or a name in a subfolder of the spec folders.

    Raises:
        SpecNotFoundError: there is no such name.
    """
    path = Path(word)
    if path.parent != Path() or path.suffix or _is_there(path):
        return path
    folders = [folder / subfolder for folder in _folders()]
    named = (folder / f"{word}.yaml" for folder in folders)
    found = None if name_fault(word) else next((path for path in named if _is_there(path)), None)
    if found is None:
        help = suggest(word, {each.stem for folder in folders for each in folder.glob("*.yaml")})
        message = f"there is no `{word}` in {subfolder}/"
        raise SpecNotFoundError(f"{message}{HELP if help else ''}{help}")
    return found


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
