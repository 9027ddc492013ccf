"""Tree crowns in aerial photos: three scenes in the wheel of deepforest, cut into tiles.

The wheel is downloaded, never installed; it is known by its SHA-256, and read as an archive.
"""

import hashlib
import io
import itertools
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fpncompiler.datasets.decoding import FORMATS
from fpncompiler.datasets.findings import DataError
from fpncompiler.datasets.model import Box, DataSet, Item
from fpncompiler.datasets.raw import numbers, read_bytes
from fpncompiler.datasets.writing import as_coco, refuse_filled, write_json
from fpncompiler.datasets.xml import parse_xml

PACKAGE = "deepforest==2.1.0"
DIGEST = "8c2798d8e9be7f0004b194fe207b76c1d9fff6e711b3db67b9508dcd5d00ae54"
MAX_WHEEL = 64 << 20
MAX_MEMBER = 32 << 20
LICENSE = "deepforest-2.1.0.dist-info/licenses/LICENSE"
TILE, OVERLAP = 256, 64
SOURCE = f"NEON aerial photos, 10 cm a pixel, in the wheel of {PACKAGE} (MIT)"
TIMEOUT = 900  # seconds for a download


@dataclass(frozen=True, slots=True)
class Scene:
    """An annotated photo in the wheel."""

    split: str
    stem: str


SCENES = (
    Scene("train", "2019_YELL_2_528000_4978000_image_crop2"),
    Scene("val", "2019_YELL_2_541000_4977000_image_crop"),
    Scene("test", "OSBS_029"),
)


def download(folder: Path) -> Path:
    """Fetch the wheel by pip into a folder.

    Raises:
        DataError: pip cannot.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), PACKAGE]
    help = "fetch the wheel where there is a network, and give it by --from WHEEL"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"pip did not download {PACKAGE}: {error}", help) from error
    wheels = sorted(folder.glob("deepforest-*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = lines[-1].removeprefix("ERROR: ") if lines else f"exit code {done.returncode}"
        raise DataError(f"pip did not download {PACKAGE}: {reason[:300]}", help)
    return wheels[0]


def write_trees(wheel: Path, folder: Path, *, tile: int, overlap: int, force: bool) -> list[Path]:
    """Cut the scenes of a wheel into tiles, and write them as a COCO data set.

    Args:
        tile: length of a tile's side in pixels; 0 leaves the scenes whole.
        overlap: pixels that neighbouring tiles of the training scene share. Other scenes are cut
            evenly, without overlap, so that each tree counts once.

    Raises:
        DataError: the wheel is another one, or the folder is not empty.
        OSError: something cannot be written.
    """
    archive = _archive(wheel)
    refuse_filled(folder, force=force)
    written = []
    for scene in SCENES:
        photo, boxes = _scene(archive, scene)
        shared = overlap if scene.split == "train" else None
        images = folder / "images" / scene.split
        images.mkdir(parents=True, exist_ok=True)
        items: list[Item] = []
        for part in tile_places(photo.size, tile, shared):
            name = images / f"{scene.stem}_{part[0]:04}_{part[1]:04}.png"
            photo.crop(part).save(name)
            items.append(_item(len(items) + 1, name, part, boxes))
        dataset = DataSet("trees", scene.split, ("Tree",), (1,), tuple(items))
        names = {item.image_id: item.file.name for item in items}
        path = folder / "annotations" / f"{scene.split}.json"
        write_json(path, as_coco(dataset, names, SOURCE))
        written.append(path)
    (folder / "LICENSE").write_bytes(_member(archive, LICENSE))
    (folder / "SOURCE.txt").write_text(f"{SOURCE}\nSHA-256 {DIGEST}\n", encoding="utf-8")
    return written


def tile_places(
    size: tuple[int, int], tile: int, overlap: int | None
) -> list[tuple[int, int, int, int]]:
    """Where the tiles of a scene lie: left, top, right, bottom in its pixels, row by row.

    With an overlap all tiles are of one size, the last ones moved inside; without (None) the
    scene is divided evenly into parts of about that size, which cover it and share nothing.
    """
    if tile == 0:
        return [(0, 0, *size)]
    across, down = (_divided(side, tile, overlap) for side in size)
    return [(x0, y0, x1, y1) for y0, y1 in down for x0, x1 in across]


def _divided(side: int, tile: int, overlap: int | None) -> list[tuple[int, int]]:
    """Beginnings and ends along one side."""
    if overlap is None:
        count = max(1, round(side / tile))
        ends = [round(index * side / count) for index in range(count + 1)]
        return [*itertools.pairwise(ends)]
    tile = min(tile, side)
    count = 1 + max(0, -(-(side - tile) // (tile - min(overlap, tile - 1))))
    starts = [round(index * (side - tile) / max(1, count - 1)) for index in range(count)]
    return [(start, start + tile) for start in starts]


def _item(image_id: int, file: Path, part: tuple[int, int, int, int], boxes: list[Box]) -> Item:
    """A tile with the boxes whose centres are in it, clipped to it."""
    left, top, right, bottom = part
    kept: list[Box] = []
    for x0, y0, x1, y1 in boxes:
        if left <= (x0 + x1) / 2 < right and top <= (y0 + y1) / 2 < bottom:
            cut = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
            kept.append((cut[0] - left, cut[1] - top, cut[2] - left, cut[3] - top))
    size = right - left, bottom - top
    return Item(image_id, file, *size, tuple(kept), (0,) * len(kept), (False,) * len(kept))


def _archive(wheel: Path) -> zipfile.ZipFile:
    """The wheel, which is the one that is known."""
    data = read_bytes(wheel, MAX_WHEEL)
    if hashlib.sha256(data).hexdigest() != DIGEST:
        message = f"{wheel.as_posix()} is not the wheel of {PACKAGE}: its SHA-256 is another"
        raise DataError(message, f"it should be {DIGEST}")
    return zipfile.ZipFile(io.BytesIO(data))


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member's bytes; nothing of an archive is written by its own names."""
    try:
        with archive.open(name) as member:
            data = member.read(MAX_MEMBER + 1)
    except (KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"the wheel has no sound {name}") from error
    if len(data) > MAX_MEMBER:
        raise DataError(f"{name} has more than {MAX_MEMBER} bytes")
    return data


def _scene(archive: zipfile.ZipFile, scene: Scene) -> tuple[Image.Image, list[Box]]:
    root = parse_xml(_member(archive, f"deepforest/data/{scene.stem}.xml"))
    boxes: list[Box] = []
    for item in root.children:
        corners = ("xmin", "ymin", "xmax", "ymax")
        box = numbers([item.word("bndbox", key) for key in corners])
        if item.name == "object" and box:
            boxes.append(box)
    data = _member(archive, f"deepforest/data/{scene.stem}.png")
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return image.convert("RGB"), boxes
