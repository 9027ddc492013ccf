"""Data sets opened: the layout found, a split read, and checked against its images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fpncompiler.datasets.checking import checked_items
from fpncompiler.datasets.coco import CocoLayout, find_coco, read_coco
from fpncompiler.datasets.findings import DataError, Findings, Opened
from fpncompiler.datasets.model import DataSet
from fpncompiler.datasets.raw import RawSplit, read_classes
from fpncompiler.datasets.voc import VocLayout, find_voc, read_voc
from fpncompiler.datasets.yolo import YoloLayout, find_yolo, read_yolo
from fpncompiler.diagnostics import nearest

LAYOUTS = """\
COCO: a JSON file, or a folder with annotations/<split>.json
Pascal VOC: Annotations/*.xml, JPEGImages/ and ImageSets/Main/<split>.txt
YOLO: data.yaml, or a folder with it, and images/ beside labels/"""

# what a split is also called
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "train": ("training",),
    "val": ("valid", "validation", "dev"),
    "test": ("testing",),
}
Layout = CocoLayout | VocLayout | YoloLayout


@dataclass(frozen=True, slots=True)
class Splits:
    """The layout of a data set, and its splits."""

    layout: Layout

    @property
    def names(self) -> tuple[str, ...]:
        """What the splits are called; training first, then validation."""
        order = [word for name, others in _ALIASES.items() for word in (name, *others)]
        names = {split.name for split in self.layout.splits}
        return tuple(sorted(names, key=lambda n: (order.index(n) if n in order else 99, n)))


def find_layout(path: Path, images: Path | None = None) -> Splits:
    """Which layout a path has, and its splits.

    Raises:
        DataError: there is nothing, or none of the layouts.
    """
    try:
        if not path.exists():
            raise DataError(f"there is no {path.as_posix()}")
        if images and not images.is_dir():
            raise DataError(f"there is no folder {images.as_posix()}")
        found: Layout | None = find_coco(path, images)
        if found is None and path.is_dir():
            found = find_voc(path, images)
        if found is None:
            found = find_yolo(path, images)
    except (OSError, ValueError) as error:  # it may not be read, or no file can be called so
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot read {path.as_posix()}: {reason}") from error
    if found is None:
        raise DataError(f"{path.as_posix()} has none of the layouts that fpnc reads", LAYOUTS)
    return Splits(found)


def open_dataset(
    path: Path,
    split: str = "train",
    *,
    classes: Path | None = None,
    images: Path | None = None,
    verify: bool = False,
) -> Opened:
    """Read one split of a data set; what cannot be used is left out, and told.

    Args:
        path: a folder, COCO's JSON, or YOLO's data.yaml.
        split: such as `train`; `val` stands for `valid` too. A JSON file is its own only split.
        classes: a file with names of classes, one a line, which count in place of the data set's.
        images: the folder of the images, where it is not where the layout has it.
        verify: decode every image, in place of reading its header.

    Raises:
        DataError: there is no such data set or split, or not one image can be used.
    """
    found = find_layout(path, images)
    name = split_named(found, split, path)
    findings = Findings()
    names = read_classes(classes) if classes else None
    try:
        raw = _read(found.layout, name, names, findings)
        items = checked_items(raw, findings, verify=verify)
    except OSError as error:
        file = error.filename or path.as_posix()
        raise DataError(f"cannot read {file}: {error.strerror}") from error
    told = tuple(findings.found)
    if not items:
        message = f"{path.as_posix()}: no image of the split `{name}` can be used"
        raise DataError(message, "`fpnc data check` lists what is wrong with each", told)
    root = found.layout.root
    title = root.resolve().name or root.as_posix()
    dataset = DataSet(title, name, raw.classes, raw.category_ids, items)
    return Opened(dataset, told, found.layout.name)


def split_named(found: Splits, split: str, path: Path) -> str:
    """The split as the layout calls it."""
    if path.is_file() and isinstance(found.layout, CocoLayout):
        return found.names[0]
    for name in (split, *_ALIASES.get(split, ())):
        if name in found.names:
            return name
    listed = ", ".join(f"`{name}`" for name in found.names)
    near = nearest(split, found.names)
    hint = f"did you mean `{near}`? " if near else ""
    message = f"{path.as_posix()} ({found.layout.name}) has no split `{split}`"
    raise DataError(message, f"{hint}it has {listed}")


def _read(
    layout: Layout, split: str, names: tuple[str, ...] | None, findings: Findings
) -> RawSplit:
    match layout:
        case CocoLayout():
            return read_coco(layout, split, names, findings)
        case VocLayout():
            return read_voc(layout, split, names, findings)
        case YoloLayout():
            return read_yolo(layout, split, names, findings)
