"""What a layout says, before it is checked; and the values in it."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fpncompiler.datasets.findings import DataError
from fpncompiler.datasets.model import Box

MAX_NUMBER = 1e9  # of what is written; pixels and ids stay far below
MAX_CLASSES = 20_000
MAX_NAME = 200
MAX_LIST_BYTES = 1 << 28  # of a list of names or paths
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,60})?|\.\d{1,60})([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RawLabel:
    """A box as written, in pixels or as fractions of the image; `name` is that of its class."""

    box: Box
    name: str
    crowd: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class RawImage:
    """An image as a layout lists it; `size` is None where the layout does not say it."""

    image_id: int
    file: Path
    size: tuple[int, int] | None  # width, height
    labels: tuple[RawLabel, ...]
    source: Path  # the file with its annotations
    is_relative: bool = False  # boxes are fractions of the image's sides


@dataclass(frozen=True, slots=True)
class RawSplit:
    """A split as its layout has it."""

    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: tuple[RawImage, ...]


def number(value: object) -> float | None:
    """A finite number of a sensible size, as a number or as text; None for all else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -MAX_NUMBER <= value <= MAX_NUMBER else None  # a NaN is not


def numbers(values: list[object]) -> Box | None:
    """Four numbers; None if any is none."""
    if len(values) != 4:
        return None
    a, b, c, d = (number(value) for value in values)
    if a is None or b is None or c is None or d is None:
        return None
    return a, b, c, d


def shown(value: object) -> str:
    """A value in a message, cut where it is long."""
    try:
        text = repr(value) if isinstance(value, str | int | float | None) else type(value).__name__
    except ValueError:  # an integer of too many digits
        text = "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}..."


def inside(folder: Path, name: str) -> Path | None:
    """The file of a relative name within a folder; None if the name leads elsewhere."""
    pure = PurePosixPath(name.replace("\\", "/"))
    if not name or "\0" in name or pure.is_absolute() or ".." in pure.parts or ":" in pure.parts[0]:
        return None
    return folder / pure


def is_file(path: Path) -> bool:
    """Whether there is a plain file; none has a name that the system does not take."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_bytes(path: Path, limit: int) -> bytes:
    """A plain file of at most `limit` bytes.

    Raises:
        DataError: it cannot be read, is no plain file, or is too large.
    """
    try:
        if not path.is_file():
            raise DataError(f"there is no file {path.as_posix()}")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot read {path.as_posix()}: {reason}") from error
    if len(data) > limit:
        raise DataError(f"{path.as_posix()} has more than {limit} bytes")
    return data


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, stripped; empty ones stay, so that positions are line numbers.

    Raises:
        DataError: it cannot be read, or is no UTF-8 text.
    """
    try:
        text = read_bytes(path, MAX_LIST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path.as_posix()} is not UTF-8 text") from error
    return [line.strip() for line in text.split("\n")]


def read_classes(path: Path) -> tuple[str, ...]:
    """Names of classes, one a line.

    Raises:
        DataError: the file cannot be read, or names a class twice or none.
    """
    return checked_classes((line for line in read_lines(path) if line), path)


def checked_classes(names: object, path: Path) -> tuple[str, ...]:
    """Names of classes: text, each once.

    Raises:
        DataError: they are not.
    """
    place = path.as_posix()
    listed = list(names) if hasattr(names, "__iter__") else []
    if not listed:
        raise DataError(f"{place} names no class")
    if len(listed) > MAX_CLASSES:
        raise DataError(f"{place} has more than {MAX_CLASSES} classes")
    for name in listed:
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
            raise DataError(f"{place}: {shown(name)} is no name of a class")
    if len({*listed}) < len(listed):
        twice = next(name for name in listed if listed.count(name) > 1)
        raise DataError(f"{place} names the class {shown(twice)} twice")
    return tuple(listed)
