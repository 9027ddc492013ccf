"""YOLO: a text file an image, `class x y width height` a line, as fractions of the image.

    data.yaml: path, train, val, test (folders of images, or lists of them), names
    images/<split>/NAME.jpg   labels/<split>/NAME.txt

The labels of `.../images/.../NAME.jpg` are in `.../labels/.../NAME.txt`, else beside the image.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fpncompiler.datasets.findings import DataError, Findings
from fpncompiler.datasets.raw import (
    IMAGE_SUFFIXES,
    MAX_CLASSES,
    RawImage,
    RawLabel,
    RawSplit,
    checked_classes,
    is_file,
    number,
    read_classes,
    read_lines,
    shown,
)
from fpncompiler.datasets.settings import Value, read_settings

SETTINGS = ("data.yaml", "data.yml", "dataset.yaml")
SPLITS = ("train", "val", "test")
MAX_IMAGES = 10_000_000
MAX_LINE = 100_000  # characters


@dataclass(frozen=True, slots=True)
class YoloSplit:
    """A split, and the folders, lists or single images that it is made of."""

    name: str
    sources: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class YoloLayout:
    """YOLO's folders; `classes` is None where they are not named."""

    root: Path
    splits: tuple[YoloSplit, ...]
    classes: tuple[str, ...] | None
    file: Path  # that names the classes, or should
    name: str = "YOLO"


def find_yolo(path: Path, images: Path | None) -> YoloLayout | None:
    """The layout of a data.yaml, of a folder with one, or with images/ and labels/.

    Raises:
        DataError: data.yaml is none.
    """
    if path.is_file():
        is_yaml = path.suffix.lower() in (".yaml", ".yml")
        return _of_settings(path, images) if is_yaml else None
    files = [path / name for name in SETTINGS if (path / name).is_file()]
    if not files:
        others = sorted((*path.glob("*.yaml"), *path.glob("*.yml")))
        files = others if len(others) == 1 else []
    if files:
        return _of_settings(files[0], images)
    return _of_folders(path) if (path / "images").is_dir() and (path / "labels").is_dir() else None


def read_yolo(
    layout: YoloLayout, split: str, names: tuple[str, ...] | None, findings: Findings
) -> RawSplit:
    """The images of a split, by their names; an image without a file of labels has none.

    Raises:
        DataError: a folder or list is missing, or the classes have no names.
    """
    place = next(each for each in layout.splits if each.name == split)
    classes = names or layout.classes
    if classes is None:
        help = "name them in data.yaml, or one a line by --classes FILE"
        raise DataError(f"{layout.root.as_posix()}: the classes have no names", help)
    images: dict[Path, None] = {}
    for source in place.sources:
        for image, line in _images(source):
            if image in images:
                message = f"{image.as_posix()} comes a second time"
                findings.add("D923", message, source, line)
            images[image] = None
    raw = []
    for index, image in enumerate(images, 1):
        path = labels_of(image)
        labels = tuple(_labels(path, image, classes, findings)) if is_file(path) else ()
        raw.append(RawImage(index, image, None, labels, path, is_relative=True))
    _tell_strays(images, findings)
    return RawSplit(classes, tuple(range(1, len(classes) + 1)), tuple(raw))


def labels_of(image: Path) -> Path:
    """Where the labels of an image are: the last `images` of its path becomes `labels`."""
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            return Path(*parts).with_suffix(".txt")
    return image.with_suffix(".txt")


def _of_settings(file: Path, images: Path | None) -> YoloLayout | None:
    """The layout that a data.yaml describes; None if it is about something else."""
    settings = read_settings(file)
    if "names" not in settings and not any(split in settings for split in SPLITS):
        return None
    root = _root(file, settings, images)
    splits = []
    for split in SPLITS:
        value = settings.get(split)
        listed = value if isinstance(value, list) else [value]
        sources = [_source(root, text) for text in listed if isinstance(text, str) and text]
        if sources:
            splits.append(YoloSplit(split, tuple(sources)))
    if not splits:
        help = "`train: images/train` says where the images are"
        raise DataError(f"{file.as_posix()} has none of train, val and test", help)
    return YoloLayout(file.parent, tuple(splits), _names(settings, file), file)


def _root(file: Path, settings: dict[str, Value], images: Path | None) -> Path:
    """What the paths of a data.yaml are relative to; often its `path` is of another machine."""
    path = settings.get("path", "")
    named = file.parent / path if isinstance(path, str) and "\0" not in path else file.parent
    return images or (named if named.is_dir() else file.parent)


def _source(root: Path, text: str) -> Path:
    """A folder or list; `../train/images` is beside data.yaml where it is not above it."""
    path = root / text.replace("\0", "")
    beside = root / text.removeprefix("../").replace("\0", "")
    return beside if not path.exists() and beside.exists() else path


def _names(settings: dict[str, Value], file: Path) -> tuple[str, ...] | None:
    names, count = settings.get("names"), settings.get("nc")
    if isinstance(names, dict):
        indices = [number(key) for key in names]
        if sorted(i for i in indices if i is not None) != [*range(len(names))]:
            raise DataError(f"{file.as_posix()}: `names` must count from 0 without gaps")
        pairs = sorted(zip(indices, names.values(), strict=True), key=lambda pair: pair[0] or 0)
        names = [name for _, name in pairs]
    if isinstance(names, list):
        classes = checked_classes(names, file)
        if isinstance(count, str) and number(count) != len(classes):
            message = f"{file.as_posix()}: `nc` is {shown(count)}, and there are {len(classes)}"
            raise DataError(f"{message} names")
        return classes
    if names not in (None, ""):
        raise DataError(f"{file.as_posix()}: `names` must be a list or a mapping")
    return None


def _of_folders(root: Path) -> YoloLayout:
    """images/ and labels/ without a data.yaml; the folders in images/ are the splits."""
    file = root / "classes.txt"
    folders = [path for path in sorted((root / "images").iterdir()) if path.is_dir()]
    splits = [YoloSplit(folder.name, (folder,)) for folder in folders]
    whole = YoloSplit("all", (root / "images",))
    classes = read_classes(file) if file.is_file() else None
    return YoloLayout(root, tuple(splits or [whole]), classes, file)


def _images(source: Path) -> Iterator[tuple[Path, int]]:
    """The images of a folder, sorted, or those of a list, with their lines."""
    if source.is_dir():
        found = (path for path in source.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        limited = itertools.islice(found, MAX_IMAGES)
        yield from ((path, 0) for path in sorted(limited))
    elif source.suffix.lower() in IMAGE_SUFFIXES:
        yield source, 0
    else:
        for line, text in enumerate(read_lines(source), 1):
            if text and "\0" not in text:
                yield source.parent / text, line


def _labels(
    path: Path, image: Path, classes: tuple[str, ...], findings: Findings
) -> Iterator[RawLabel]:
    try:
        lines = read_lines(path)
    except DataError as error:
        findings.add("D932", str(error), path)
        return
    for line, text in enumerate(lines, 1):
        if text:
            label = _label(text, line, path, classes, findings)
            if label:
                yield label


def _label(
    text: str, line: int, path: Path, classes: tuple[str, ...], findings: Findings
) -> RawLabel | None:
    """A line with a box, or with the corners of a polygon, whose frame is the box."""
    words = text.split() if len(text) <= MAX_LINE else []
    if len(words) != 5 and (len(words) < 7 or len(words) % 2 == 0):
        message = f"{len(words)} values: five are a box, seven or more a polygon"
        findings.add("D932", message, path, line)
        return None
    values = [number(word) for word in words]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        wrong = next(word for word, value in zip(words, values, strict=True) if value is None)
        findings.add("D931", f"{shown(wrong)} is no number", path, line)
        return None
    index, *places = known
    if index != int(index) or not 0 <= index < min(len(classes), MAX_CLASSES):
        message = f"class {shown(words[0])}; there are {len(classes)}, from 0"
        findings.add("D904", message, path, line)
        return None
    if max(places) > 2:
        message = f"{shown(max(places))} is no fraction of an image: in pixels?"
        findings.add("D931", message, path, line)
        return None
    name = classes[int(index)]
    if len(places) > 4:
        xs, ys = places[::2], places[1::2]
        return RawLabel((min(xs), min(ys), max(xs), max(ys)), name, line=line)
    x, y, width, height = places
    box = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return RawLabel(box, name, line=line)


def _tell_strays(images: dict[Path, None], findings: Findings) -> None:
    """Files of labels beside those that are used, which belong to no image."""
    used = {labels_of(image) for image in images}
    folders = {path.parent for path in used if path.parent.name != "images"}
    stems = {path.with_suffix("") for path in used}
    for folder in sorted(folders):
        if "labels" not in folder.parts:
            continue
        for path in sorted(folder.glob("*.txt")):
            if path.with_suffix("") not in stems and path.name != "classes.txt":
                findings.add("D926", "no image has this name", path)
