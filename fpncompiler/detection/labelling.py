"""Boxes drawn on photos, with captions that can be read."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

# Told apart on photos and by most colour-blind eyes; more classes begin again.
PALETTE = (
    "#ff9500",
    "#00c2ff",
    "#ff3b6b",
    "#2ee66b",
    "#ffe600",
    "#b07cff",
    "#ff7ad9",
    "#00a389",
    "#c46a2b",
    "#3f6bff",
)
SMALLEST, LARGEST = 11, 40  # pixels, of letters
LONGEST = 40  # letters of a caption
JPEG_QUALITY = 90

_Place = tuple[float, float, float, float]  # x0, y0, x1, y1


@dataclass(frozen=True, slots=True)
class Label:
    """A box (x0, y0, x1, y1) in pixels, what stands beside it, and a number that is its colour."""

    box: _Place
    caption: str
    colour: int


def labelled(photo: Tensor, labels: Sequence[Label]) -> Image.Image:
    """A photo uint8 [3, H, W] with labels; the first ones are drawn last, on top.

    Captions keep out of each other's way where there is room.
    """
    picture: Image.Image = to_pil_image(photo)
    size = min(LARGEST, max(SMALLEST, round(max(picture.size) / 50)))
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(picture)
    for label in reversed(labels):
        draw.rectangle(_ordered(label.box), outline=_colour(label), width=max(2, size // 7))
    taken: list[_Place] = []
    for label in labels:
        text = short(label.caption)
        width = draw.textlength(text, font=font) + size / 2
        place = _free_place(label.box, (width, size * 1.3), picture.size, taken)
        taken.append(place)
        draw.rectangle(place, fill=_colour(label))
        middle = (place[0] + size / 4, (place[1] + place[3]) / 2)
        draw.text(middle, text, fill=_ink(_colour(label)), font=font, anchor="lm")
    return picture


def beside(pictures: Sequence[Image.Image], titles: Sequence[str]) -> Image.Image:
    """Pictures of one size side by side, each under its title."""
    size = min(LARGEST, max(SMALLEST, round(pictures[0].width / 40)))
    font, gap, head = ImageFont.load_default(size), size // 2, size * 2
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, pictures[0].height + head), "white")
    draw, x = ImageDraw.Draw(sheet), 0
    for picture, title in zip(pictures, titles, strict=True):
        sheet.paste(picture, (x, head))
        text = _fitting(draw, title, font, picture.width - gap)
        draw.text((x + gap / 2, head / 2), text, fill="black", font=font, anchor="lm")
        x += picture.width + gap
    return sheet


def short(text: str) -> str:
    """A caption on one line, of not too many letters."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def encoded(picture: Image.Image, form: str = "JPEG") -> bytes:
    """A picture as the bytes of a file."""
    data = io.BytesIO()
    picture.save(data, form, **({"quality": JPEG_QUALITY} if form == "JPEG" else {}))
    return data.getvalue()


def _fitting(
    draw: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int,
) -> str:
    while len(text) > 1 and draw.textlength(text, font=font) > width:
        text = f"{text.rstrip('…')[:-1]}…"
    return text


def _ordered(box: _Place) -> _Place:
    x0, y0, x1, y1 = box
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _colour(label: Label) -> str:
    return PALETTE[label.colour % len(PALETTE)]


def _ink(ground: str) -> str:
    red, green, blue = (int(ground[i : i + 2], 16) for i in (1, 3, 5))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else "white"


def _free_place(
    box: _Place, size: tuple[float, float], frame: tuple[int, int], taken: Sequence[_Place]
) -> _Place:
    """Where a caption goes: the first place that none has taken, or else the first."""
    places = [_inside(x, y, size, frame) for x, y in _corners(box, size)]
    for place in places:
        if not any(_meet(place, other) for other in taken):
            return place
    return places[0]


def _corners(box: _Place, size: tuple[float, float]) -> Iterator[tuple[float, float]]:
    x0, y0, x1, y1 = _ordered(box)
    width, height = size
    if y0 >= height:
        yield x0, y0 - height  # above
        yield x1 - width, y0 - height
    yield x0, y0  # within
    yield x0, y1  # below
    yield x0, y1 - height
    yield x1 - width, y1


def _inside(x: float, y: float, size: tuple[float, float], frame: tuple[int, int]) -> _Place:
    x = max(0, min(x, frame[0] - size[0]))
    y = max(0, min(y, frame[1] - size[1]))
    return x, y, x + size[0], y + size[1]


def _meet(one: _Place, other: _Place) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
