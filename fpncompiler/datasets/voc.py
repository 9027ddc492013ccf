"""Pascal VOC: an XML file an image, lists of names as splits.

Annotations/NAME.xml   JPEGImages/NAME.jpg   ImageSets/Main/<split>.txt
or, without lists, XML beside the images: <split>/NAME.xml, <split>/NAME.jpg
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fpncompiler.datasets.findings import DataError, Findings
from fpncompiler.datasets.raw import (
    IMAGE_SUFFIXES,
    RawImage,
    RawLabel,
    RawSplit,
    checked_classes,
    inside,
    is_file,
    number,
    numbers,
    read_classes,
    read_lines,
    shown,
)
from fpncompiler.datasets.xml import Element, XmlError, read_xml

WHOLE = "all"  # the split of a folder that has none


@dataclass(frozen=True, slots=True)
class VocSplit:
    """Where the files of a split are; `listing` is None where all XML files belong to it."""

    name: str
    annotations: Path
    images: Path
    listing: Path | None


@dataclass(frozen=True, slots=True)
class VocLayout:
    """A Pascal VOC folder."""

    root: Path
    splits: tuple[VocSplit, ...]
    name: str = "Pascal VOC"


def find_voc(root: Path, images: Path | None) -> VocLayout | None:
    """The layout of a folder, if it has XML files where VOC has them."""
    annotations = root / "Annotations"
    if _has_xml(annotations):
        folder = images or _first_folder(root / "JPEGImages", root / "images", annotations)
        listings = sorted((root / "ImageSets" / "Main").glob("*.txt"))
        named = [path for path in listings if not _is_of_one_class(path)]
        splits = [VocSplit(path.stem, annotations, folder, path) for path in named]
        return VocLayout(root, tuple(splits or [VocSplit(WHOLE, annotations, folder, None)]))
    if _has_xml(root):
        return VocLayout(root, (VocSplit(WHOLE, root, images or root, None),))
    folders = [path for path in sorted(root.iterdir()) if path.is_dir() and _has_xml(path)]
    splits = [VocSplit(path.name, path, images or path, None) for path in folders]
    return VocLayout(root, tuple(splits)) if splits else None


def read_voc(
    layout: VocLayout, split: str, names: tuple[str, ...] | None, findings: Findings
) -> RawSplit:
    """The images of a split; without names of classes, all that any split has, sorted.

    Raises:
        DataError: a list cannot be read, or there is no class.
    """
    place = next(each for each in layout.splits if each.name == split)
    known = _images(place.images)
    read: list[RawImage] = []
    for index, (stem, line) in enumerate(_stems(place, findings), 1):
        path = inside(place.annotations, f"{stem}.xml")
        if path is None:
            message = f"{shown(stem)} leads out of the folder"
            findings.add("D932", message, place.listing or place.annotations, line)
            continue
        if not is_file(path):
            findings.add("D933", f"{shown(stem)} has no annotation", path)
            continue
        image = _read_one(path, index, place.images, known, findings)
        if image:
            read.append(image)
    classes = names or _classes(layout, place, read)
    return RawSplit(classes, tuple(range(1, len(classes) + 1)), tuple(read))


def _has_xml(folder: Path) -> bool:
    return any(folder.glob("*.xml"))


def _first_folder(*folders: Path) -> Path:
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def _is_of_one_class(listing: Path) -> bool:
    """Whether a list says of each image whether one class is in it: `000012 -1`."""
    try:
        first = next((line for line in read_lines(listing) if line), "")
    except DataError:
        return False
    return first.rpartition(" ")[2] in ("-1", "0", "1") and " " in first


def _images(folder: Path) -> dict[str, list[Path]]:
    """Stem -> the images of that name."""
    found: dict[str, list[Path]] = {}
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                found.setdefault(path.stem, []).append(path)
    return found


def _stems(place: VocSplit, findings: Findings) -> Iterable[tuple[str, int]]:
    """The names of a split with their lines; one that comes again is left out."""
    if place.listing is None:
        return [(path.stem, 0) for path in sorted(place.annotations.glob("*.xml"))]
    first: dict[str, int] = {}
    for line, name in enumerate(read_lines(place.listing), 1):
        if name in first:
            message = f"{shown(name)} stands on line {first[name]} already"
            findings.add("D923", message, place.listing, line)
        elif name:
            first[name] = line
    return first.items()


def _read_one(
    path: Path, index: int, folder: Path, known: dict[str, list[Path]], findings: Findings
) -> RawImage | None:
    try:
        root = read_xml(path)
    except XmlError as error:
        findings.add("D932", str(error), path, error.line)
        return None
    if root.name != "annotation":
        findings.add("D932", f"its root is {shown(root.name)}, not 'annotation'", path, root.line)
        return None
    labels = [_label(each, path, findings) for each in root.children if each.name == "object"]
    return RawImage(
        index,
        _image_of(path, root.word("filename"), folder, known),
        _size(root, path, findings),
        tuple(label for label in labels if label),
        path,
    )


def _image_of(path: Path, name: str, folder: Path, known: dict[str, list[Path]]) -> Path:
    """The image named as the XML file is; else the one that is named in it."""
    named = inside(folder, name) if name else None
    same = known.get(path.stem, [])
    if named and (named in same or (not same and is_file(named))):
        return named
    return same[0] if same else folder / f"{path.stem}.jpg"


def _size(root: Element, path: Path, findings: Findings) -> tuple[int, int] | None:
    width, height = (number(root.word("size", side)) for side in ("width", "height"))
    if not width or not height or width < 1 or height < 1:
        findings.add("D914", "the image's own size is taken", path)
        return None
    return int(width), int(height)


def _label(item: Element, path: Path, findings: Findings) -> RawLabel | None:
    name = item.word("name")
    if not name:
        findings.add("D932", "an object without a name", path, item.line)
        return None
    corners: list[object] = [item.word("bndbox", key) for key in ("xmin", "ymin", "xmax", "ymax")]
    box = numbers(corners)
    if box is None:
        message = f"the box of {shown(name)} is ({', '.join(map(shown, corners))})"
        findings.add("D931", message, path, item.line)
        return None
    return RawLabel(box, name, line=item.line)


def _classes(layout: VocLayout, place: VocSplit, read: list[RawImage]) -> tuple[str, ...]:
    """The names in `classes.txt`; else those of all annotations, so that splits agree."""
    listed = layout.root / "classes.txt"
    if listed.is_file():
        return read_classes(listed)
    names = {label.name for image in read for label in image.labels}
    seen = {image.source for image in read}
    for folder in sorted({split.annotations for split in layout.splits}):
        for path in sorted({*folder.glob("*.xml")} - seen):
            names |= _names_in(path)
    return checked_classes(sorted(names), place.annotations)


def _names_in(path: Path) -> set[str]:
    try:
        root = read_xml(path)
    except XmlError:
        return set()
    return {each.word("name") for each in root.children if each.name == "object"} - {""}
