"""What a layout says, held against the images: what can be used, clipped where it must be."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from fpncompiler.datasets.decoding import ImageError, ImageSize, decode, image_size
from fpncompiler.datasets.findings import Findings
from fpncompiler.datasets.model import Box, Item
from fpncompiler.datasets.raw import RawImage, RawLabel, RawSplit, is_file, shown
from fpncompiler.diagnostics import nearest

TOLERANCE = 0.5  # pixels that a box may stand out and is clipped without a word


def checked_items(split: RawSplit, findings: Findings, *, verify: bool) -> tuple[Item, ...]:
    """The images that can be used, with the boxes that can.

    Args:
        verify: decode every image, and look for pictures that are there twice.
    """
    index = {name: position for position, name in enumerate(split.classes)}
    seen: dict[str, Path] = {}
    items = []
    for image in split.images:
        size = _size(image, findings)
        if size is None or (verify and not _is_sound(image.file, seen, findings)):
            continue
        items.append(_item(image, size, index, findings))
    used = {label for item in items for label in item.labels}
    for position, name in enumerate(split.classes):
        if position not in used and split.images:
            findings.add("D942", shown(name), split.images[0].source)
    return tuple(items)


def _size(image: RawImage, findings: Findings) -> ImageSize | None:
    """The size of an image that is there, and is as large as its annotation says."""
    if not is_file(image.file):
        findings.add("D911", f"there is no file {image.file.as_posix()}", image.source)
        return None
    try:
        size = image_size(image.file)
    except ImageError as error:
        findings.add("D912", str(error), image.file)
        return None
    if image.size in (None, (size.width, size.height)):
        return size
    assert image.size
    told = f"it is {size.width} x {size.height}, its annotation says {_by(image.size)}"
    if image.size == size.stored:
        told += ": the size before its EXIF orientation turns it"
    findings.add("D913", told, image.file)
    return None


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _is_sound(path: Path, seen: dict[str, Path], findings: Findings) -> bool:
    """Whether an image can be decoded; `seen` has the digests of those before."""
    try:
        decode(path)
    except ImageError as error:
        findings.add("D912", str(error), path)
        return False
    first = seen.setdefault(file_digest(path), path)
    if first != path:
        findings.add("D925", f"the same bytes as {first.as_posix()}", path)
    return True


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _item(image: RawImage, size: ImageSize, index: Mapping[str, int], findings: Findings) -> Item:
    sides = size.width, size.height
    kept: dict[tuple[Box, int], bool] = {}
    for label in image.labels:
        if label.name not in index:
            near = nearest(label.name, index)
            hint = f"; did you mean {shown(near)}?" if near else ""
            findings.add("D904", f"{shown(label.name)}{hint}", image.source, label.line)
            continue
        box = _box(label, image, sides, findings)
        if box is None:
            continue
        if (box, index[label.name]) in kept:
            findings.add("D905", _what(label, image, box), image.source, label.line)
        kept.setdefault((box, index[label.name]), label.crowd)
    if not image.labels:
        findings.add("D941", image.file.name, image.source)
    boxes, labels = tuple(box for box, _ in kept), tuple(label for _, label in kept)
    return Item(image.image_id, image.file, *sides, boxes, labels, tuple(kept.values()))


def _box(
    label: RawLabel, image: RawImage, sides: tuple[int, int], findings: Findings
) -> Box | None:
    """The part of a box that is in the image, in its pixels; None if there is none."""
    x0, y0, x1, y1 = label.box
    width, height = sides
    if image.is_relative:
        x0, y0, x1, y1 = x0 * width, y0 * height, x1 * width, y1 * height
    whole = x0, y0, x1, y1
    if x1 <= x0 or y1 <= y0:
        findings.add("D903", _what(label, image, whole), image.source, label.line)
        return None
    box = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
    if box[2] <= box[0] or box[3] <= box[1]:
        message = f"{_what(label, image, whole)}; the image is {_by(sides)}"
        findings.add("D902", message, image.source, label.line)
        return None
    if max(-x0, -y0, x1 - width, y1 - height) > TOLERANCE:
        message = f"{_what(label, image, whole)}; the image is {_by(sides)}; it is clipped"
        findings.add("D901", message, image.source, label.line)
    return box


def _what(label: RawLabel, image: RawImage, box: Box) -> str:
    corners = ", ".join(f"{value:.6g}" for value in box)
    return f"{shown(label.name)} in {image.file.name} ({corners})"
