"""Pictures of images with their boxes, a colour for each class and its name beside each box."""

import colorsys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fpncompiler.datasets.decoding import ImageError, decode
from fpncompiler.datasets.findings import DataError
from fpncompiler.datasets.model import Box, DataSet, Item

LEAST_SIDE = (
    900  # pixels of the longer side: smaller images are enlarged, so that names can be read
)
MOST_SIDE = 1600
QUALITY = 92
_PALETTE = (
    (230, 25, 75),
    (60, 180, 75),
    (0, 130, 200),
    (245, 130, 48),
    (145, 30, 180),
    (70, 240, 240),
    (240, 50, 230),
    (210, 245, 60),
    (250, 190, 212),
    (0, 128, 128),
    (255, 225, 25),
    (170, 110, 40),
)
Colour = tuple[int, int, int]
Place = tuple[float, float, float, float]


def colour_of(index: int) -> Colour:
    """The colour of a class: of a palette, then around the circle of hues."""
    if index < len(_PALETTE):
        return _PALETTE[index]
    red, green, blue = colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.75, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw_labels(
    picture: Image.Image,
    boxes: Sequence[Box],
    captions: Sequence[str],
    colours: Sequence[Colour],
) -> Image.Image:
    """A picture in RGB with boxes in its pixels, and a caption beside each box.

    Small pictures are enlarged, large ones reduced; captions avoid each other where they can.
    """
    longest = max(picture.size)
    factor = min(max(LEAST_SIDE / longest, 1.0), MOST_SIDE / longest)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    canvas = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(max(12, max(size) // 70))
    scaled = [(x0 * factor, y0 * factor, x1 * factor, y1 * factor) for x0, y0, x1, y1 in boxes]
    for (x0, y0, x1, y1), colour in zip(scaled, colours, strict=True):
        corners = (x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))
        draw.rectangle(corners, outline=colour, width=2)
    taken: list[Place] = []
    for box, caption, colour in zip(scaled, captions, colours, strict=True):
        left, top, right, bottom = draw.textbbox((0, 0), caption, font=font)
        place = _place(box, right - left + 6, bottom - top + 4, size, taken)
        taken.append(place)
        draw.rectangle(place, fill=colour)
        ink = "black" if _luminance(colour) > 140 else "white"
        draw.text((place[0] + 3 - left, place[1] + 2 - top), caption, fill=ink, font=font)
    return canvas


def write_pictures(dataset: DataSet, folder: Path, count: int) -> tuple[Path, ...]:
    """Write labelled pictures of some images, evenly chosen, as JPEG files.

    Raises:
        DataError: an image cannot be decoded.
        OSError: a picture cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for item in _chosen(dataset.items, count):
        try:
            picture = draw_item(item, dataset.classes)
        except ImageError as error:
            help = "`fpnc data check --verify` finds all such images"
            raise DataError(f"{item.file.as_posix()}: {error}", help) from error
        path = folder / f"{dataset.split}_{item.image_id}_{item.file.stem[:80]}.jpg"
        picture.save(path, quality=QUALITY)
        written.append(path)
    return tuple(written)


def draw_item(item: Item, classes: Sequence[str]) -> Image.Image:
    """An image of a data set with its labels.

    Raises:
        ImageError: it cannot be decoded.
    """
    captions = [
        classes[label] + (" (crowd)" if crowd else "")
        for label, crowd in zip(item.labels, item.crowd, strict=True)
    ]
    colours = [colour_of(label) for label in item.labels]
    return draw_labels(decode(item.file), item.boxes, captions, colours)


def _chosen(items: Sequence[Item], count: int) -> list[Item]:
    """Some of the items, evenly over the whole."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def _place(
    box: Place, width: float, height: float, size: tuple[int, int], taken: Sequence[Place]
) -> Place:
    """Where a caption covers the least of the others: above its box, below, or within."""
    x0, y0, x1, y1 = box
    wanted = [
        (x0, y0 - height),
        (x0, y1),
        (x1 - width, y0 - height),
        (x1 - width, y1),
        (x0, y0),
        (x1 - width, y1 - height),
    ]
    places = []
    for x, y in wanted:
        left = min(max(x, 0.0), max(size[0] - width - 1, 0.0))
        top = min(max(y, 0.0), max(size[1] - height - 1, 0.0))
        places.append((left, top, left + width, top + height))
    return min(places, key=lambda place: sum(_shared(place, other) for other in taken))


def _shared(one: Place, other: Place) -> float:
    """The area that two rectangles have in common."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def _luminance(colour: Colour) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
