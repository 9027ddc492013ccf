"""What images and videos words stand for: files, folders and patterns."""

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpncompiler.evaluation.reading import Skipped

IMAGES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
KINDS = f"images are {', '.join(IMAGES)}, videos {', '.join(VIDEOS)}"


@dataclass(frozen=True, slots=True)
class Source:
    """An image or a video, and the name of what is written for it, without a suffix."""

    file: Path
    name: str

    @property
    def is_video(self) -> bool:
        """By its suffix."""
        return self.file.suffix.lower() in VIDEOS


@dataclass(frozen=True, slots=True)
class Sources:
    """What was found, and what was not; `others` are files of other kinds in folders."""

    found: tuple[Source, ...]
    skipped: tuple[Skipped, ...]
    others: tuple[Path, ...]


def sources_of(words: Sequence[str]) -> Sources:
    """The images and videos of some words, each file once, in order.

    A word is a file, a folder, of which the files in it are taken but not those of folders within,
    or a pattern such as `photos/*.jpg` or `photos/**/*.jpg`. A file that has such a name counts
    before a pattern.
    """
    files: dict[Path, Path] = {}  # resolved -> as it was named
    skipped: list[Skipped] = []
    others: list[Path] = []
    for word in words:
        try:
            listed = [*_files(word)]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            skipped.append(Skipped(word, reason))
            continue
        known = [file for file in listed if _is_known(file)]
        if not known:
            skipped.append(Skipped(word or "''", _why_none(word, listed)))
        else:
            others += [file for file in listed if not _is_known(file)]
        for file in known:
            files.setdefault(file.resolve(), file)
    return Sources(tuple(_named(files.values())), tuple(skipped), tuple(others))


def _files(word: str) -> Iterator[Path]:
    path = Path(word)
    if not word:
        return
    if path.is_dir():
        inside = (each for each in path.iterdir() if not each.name.startswith("."))
        yield from sorted(each for each in inside if each.is_file())
    elif path.is_file():
        yield path
    elif glob.has_magic(word) and not path.exists():
        found = (Path(each) for each in glob.glob(word, recursive=True))
        yield from sorted(each for each in found if each.is_file())


def _is_known(file: Path) -> bool:
    return file.suffix.lower() in (*IMAGES, *VIDEOS)


def _why_none(word: str, listed: Sequence[Path]) -> str:
    path = Path(word)
    if word and path.is_dir():
        return f"no image or video lies in this folder: {KINDS}"
    if word and path.exists() and not path.is_file():
        return "it is no plain file"
    if word and path.exists():
        suffix = path.suffix or "none"
        return f"its suffix, {suffix}, is not known: {KINDS}"
    if glob.has_magic(word):
        return "no image or video is called so" if listed else "nothing matches this pattern"
    return "there is no such file or folder"


def _named(files: Iterable[Path]) -> Iterator[Source]:
    """Names are those of the files, with a number where they would meet in one folder."""
    listed = [*files]
    own = {file.stem.casefold() for file in listed}
    taken: set[str] = set()
    for file in listed:
        name, number = file.stem, 1
        while name.casefold() in taken or (number > 1 and name.casefold() in own):
            number += 1
            name = f"{file.stem}-{number}"
        taken.add(name.casefold())
        yield Source(file, name)
