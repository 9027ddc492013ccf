"""COCO: a JSON file a split.

annotations/<split>.json or instances_<split>2017.json, with images/, <split>/ or <split>2017/
or <split>/_annotations.coco.json beside the images
or one JSON file, which is a split of its own
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fpncompiler.datasets.findings import DataError, Findings
from fpncompiler.datasets.raw import (
    MAX_NUMBER,
    RawImage,
    RawLabel,
    RawSplit,
    checked_classes,
    inside,
    is_file,
    number,
    numbers,
    read_bytes,
    shown,
)

MAX_BYTES = 1 << 30
LOOKED_AT = 50  # images, to find their folder
_STEM = re.compile(r"(?:instances_)?(.+?)(?:20\d\d)?")
_BESIDE = "_annotations.coco.json"


@dataclass(frozen=True, slots=True)
class CocoSplit:
    """A split, and where its images may be."""

    name: str
    file: Path
    folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class CocoLayout:
    """COCO's JSON files."""

    root: Path
    splits: tuple[CocoSplit, ...]
    name: str = "COCO"


def find_coco(path: Path, images: Path | None) -> CocoLayout | None:
    """The layout of a JSON file, or of a folder with such files where COCO has them."""
    if path.is_file():
        splits = [_split(path, path.parent, images)] if path.suffix.lower() == ".json" else []
        return CocoLayout(path.parent, tuple(splits)) if splits else None
    files = sorted((path / "annotations").glob("*.json"))
    found = [_split(file, path, images) for file in files if _is_of_boxes(file)]
    for file in sorted(path.glob(f"*/{_BESIDE}")):
        found.append(CocoSplit(file.parent.name, file, (images or file.parent,)))
    return CocoLayout(path, tuple(found)) if found else None


def read_coco(
    layout: CocoLayout, split: str, names: tuple[str, ...] | None, findings: Findings
) -> RawSplit:
    """The images of a split, in the order of the file; classes in the order of their ids.

    Raises:
        DataError: the file is no JSON, or no COCO.
    """
    place = next(each for each in layout.splits if each.name == split)
    document = _document(place.file)
    reader = _Reader(place.file, findings)
    reader.categories(document["categories"])
    reader.images(document["images"])
    reader.annotations(document["annotations"])
    folder = _folder(place, reader)
    classes, ids = reader.classes(names)
    images = (reader.image(image_id, folder) for image_id in reader.sizes)
    return RawSplit(classes, ids, tuple(image for image in images if image))


def _is_of_boxes(file: Path) -> bool:
    """COCO's captions, keypoints and panoptic masks lie beside the boxes."""
    return not file.name.startswith(("captions_", "person_keypoints_", "panoptic_", "stuff_"))


def _split(file: Path, root: Path, images: Path | None) -> CocoSplit:
    stem = file.stem.removeprefix("instances_")
    match = _STEM.fullmatch(file.stem)
    name = match[1] if match else file.stem
    if images:
        return CocoSplit(name, file, (images,))
    parts = [f"images/{name}", f"images/{stem}", name, stem, "images", "JPEGImages", ""]
    roots = [root, root.parent] if file.parent == root and root.name == "annotations" else [root]
    return CocoSplit(name, file, tuple(base / part for base in roots for part in parts))


def _document(path: Path) -> dict[str, list[object]]:
    data = read_bytes(path, MAX_BYTES)
    place = path.as_posix()
    try:
        document = json.loads(data, object_hook=_without_masks)
    except RecursionError as error:
        raise DataError(f"{place} is nested too deeply") from error
    except ValueError as error:  # no JSON, no UTF-8, or a number of thousands of digits
        raise DataError(f"{place} is no JSON: {str(error)[:200]}") from error
    if not isinstance(document, dict):
        raise DataError(f"{place} is no COCO: its top is {type(document).__name__}, not an object")
    parts: dict[str, list[object]] = {}
    for key in ("images", "annotations", "categories"):
        value = document.get(key)
        if not isinstance(value, list):
            help = "COCO's instances have lists of `images`, `annotations` and `categories`"
            raise DataError(f"{place} is no COCO: it has no list `{key}`", help)
        parts[key] = value
    return parts


def _without_masks(found: dict[str, object]) -> dict[str, object]:
    """Masks are most of a file, and are not used."""
    found.pop("segmentation", None)
    return found


def _folder(place: CocoSplit, reader: "_Reader") -> Path:
    """The folder that has most of the first images."""
    names = [*reader.files.values()][:LOOKED_AT]

    def count(folder: Path) -> int:
        paths = (inside(folder, name) for name in names)
        return sum(path is not None and is_file(path) for path in paths)

    return max(place.folders, key=count)  # the first of those that have equally many


@dataclass(slots=True)
class _Reader:
    """Reads the three lists of a file; what is not as COCO has it is left out, and told."""

    file: Path
    findings: Findings
    names: dict[int, str] = field(default_factory=dict)
    sizes: dict[int, tuple[int, int] | None] = field(default_factory=dict)
    files: dict[int, str] = field(default_factory=dict)
    labels: dict[int, list[RawLabel]] = field(default_factory=dict)

    def _objects(self, what: str, listed: list[object]) -> Iterator[tuple[dict[str, object], int]]:
        """The objects of a list that have an id, with it."""
        for index, each in enumerate(listed):
            if not isinstance(each, dict):
                message = f"{what}[{index}] is {shown(each)}, not an object"
                self.findings.add("D932", message, self.file)
                continue
            key = _whole(each.get("id"))
            if key is None:
                message = f"{what}[{index}] has the id {shown(each.get('id'))}"
                self.findings.add("D931", message, self.file)
                continue
            yield each, key

    def categories(self, listed: list[object]) -> None:
        """Id -> name, for what is a category."""
        for each, key in self._objects("categories", listed):
            name = each.get("name")
            if key in self.names:
                self.findings.add("D921", f"category {key}: {shown(name)}", self.file)
            elif not isinstance(name, str) or not name:
                message = f"category {key} has the name {shown(name)}"
                self.findings.add("D931", message, self.file)
            else:
                self.names[key] = name

    def classes(self, wanted: tuple[str, ...] | None) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Names of classes in the order of their ids, or as they are wanted, and the ids.

        Raises:
            DataError: two categories have one name, or there is none.
        """
        ordered = sorted(self.names)
        found = checked_classes([self.names[key] for key in ordered], self.file)
        if wanted is None:
            return found, tuple(ordered)
        ids = dict(zip(found, ordered, strict=True))
        free = iter(range(max(ordered) + 1, max(ordered) + 1 + len(wanted)))
        return wanted, tuple(ids[name] if name in ids else next(free) for name in wanted)

    def images(self, listed: list[object]) -> None:
        """Id -> file and size, for what is an image."""
        first: dict[str, int] = {}
        for each, key in self._objects("images", listed):
            name = each.get("file_name")
            if key in self.files:
                self.findings.add("D921", f"image {key}: {shown(name)}", self.file)
            elif not isinstance(name, str) or not name:
                message = f"image {key} has the file_name {shown(name)}"
                self.findings.add("D931", message, self.file)
            elif name in first:
                message = f"image {key} is {shown(name)}, as is image {first[name]}"
                self.findings.add("D923", message, self.file)
            else:
                first[name] = key
                self.files[key] = name
                self.sizes[key] = self._size(each, key)

    def _size(self, image: dict[str, object], key: int) -> tuple[int, int] | None:
        width, height = (_whole(image.get(side)) for side in ("width", "height"))
        if not width or not height or min(width, height) < 1:
            self.findings.add("D914", f"image {key}: the image's own size is taken", self.file)
            return None
        return width, height

    def annotations(self, listed: list[object]) -> None:
        """Image id -> its labels."""
        known = {_whole(each.get("id")) for each in listed if isinstance(each, dict)}
        seen: set[int] = set()
        missing = iter(range(len(known) and max(k or 0 for k in known) + 1, 1 << 62))
        for index, each in enumerate(listed):
            if not isinstance(each, dict):
                message = f"annotations[{index}] is {shown(each)}, not an object"
                self.findings.add("D932", message, self.file)
                continue
            key = _whole(each["id"]) if "id" in each else next(missing)  # nobody needs it
            if key is None:
                message = f"annotations[{index}] has the id {shown(each['id'])}"
                self.findings.add("D931", message, self.file)
                continue
            if key in seen:
                self.findings.add("D922", f"annotation {key}", self.file)
            seen.add(key)
            self._annotation(each, key)

    def _annotation(self, each: dict[str, object], key: int) -> None:
        what, image = f"annotation {key}", _whole(each.get("image_id"))
        if image is None or image not in self.files:
            message = f"{what} is of image {shown(each.get('image_id'))}"
            self.findings.add("D926", message, self.file)
            return
        box, crowd = each.get("bbox"), each.get("iscrowd", 0)
        corners = numbers(box) if isinstance(box, list) and not _has_text(box) else None
        if corners is None:
            told = [*map(shown, box)] if isinstance(box, list) else shown(box)
            message = f"{what} has the bbox {str(told)[:200]}"
            self.findings.add("D931", message, self.file)
            return
        if crowd not in (0, 1):
            self.findings.add("D931", f"{what} has the iscrowd {shown(crowd)}", self.file)
            return
        category = _whole(each.get("category_id"))
        name = self.names.get(category) if category is not None else None
        if name is None:
            message = f"{what} is of category {shown(each.get('category_id'))}"
            self.findings.add("D904", message, self.file)
            return
        x, y, width, height = corners
        label = RawLabel((x, y, x + width, y + height), name, bool(crowd))
        self.labels.setdefault(image, []).append(label)

    def image(self, key: int, folder: Path) -> RawImage | None:
        """An image with all that was read of it; None if its name leads elsewhere."""
        path = inside(folder, self.files[key])
        if path is None:
            message = f"image {key}: {shown(self.files[key])} leads out of the folder"
            self.findings.add("D932", message, self.file)
            return None
        return RawImage(key, path, self.sizes[key], tuple(self.labels.get(key, ())), self.file)


def _has_text(values: list[object]) -> bool:
    return any(isinstance(value, str) for value in values)


def _whole(value: object) -> int | None:
    """A whole number, 5 or 5.0; None for all else."""
    if type(value) is int and abs(value) <= MAX_NUMBER:
        return value
    found = None if isinstance(value, str) else number(value)
    return int(found) if found is not None and found == int(found) else None
