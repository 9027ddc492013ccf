"""Image files opened and decoded by Pillow, within limits; untrusted files fail, and do no more."""

import contextlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
MAX_PIXELS = 89_478_485  # as many as Pillow decodes without a warning
MAX_FILE_BYTES = 1 << 30
_ORIENTATION = 0x0112  # EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# what Pillow's readers raise for files that are not what they seem
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


class ImageError(Exception):
    """An image file that cannot be used; the message says why, without its path."""


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Sides in pixels, as the image is seen, and as it is stored before its EXIF orientation."""

    width: int
    height: int
    stored: tuple[int, int]


def image_size(path: Path) -> ImageSize:
    """The size of an image, from its header alone.

    Raises:
        ImageError: the file is missing, no image, or too large.
    """
    with _opened(path) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            return ImageSize(height, width, (width, height))
        return ImageSize(width, height, (width, height))


def decode(path: Path) -> Image.Image:
    """An image in RGB, turned as its EXIF orientation says.

    Sixteen bits become eight, what is transparent is laid on white, of several frames the first
    is taken.

    Raises:
        ImageError: the file is missing, truncated, no image, or too large.
    """
    with _opened(path) as image:
        orientation = _orientation(image)
        try:
            picture = _rgb(image)
            turn = _TURNS.get(orientation)
            return picture.transpose(turn) if turn is not None else picture
        except _BROKEN as error:
            raise ImageError(f"it cannot be decoded: {_reason(error)}") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The file with its header read, and its size found to be within the limits."""
    try:
        if not path.is_file():
            raise ImageError("it is no plain file" if path.exists() else "there is no such file")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise ImageError(_reason(error)) from error
    if size == 0:
        raise ImageError("the file is empty")
    if size > MAX_FILE_BYTES:
        raise ImageError(f"the file has more than {MAX_FILE_BYTES} bytes")
    try:
        image = Image.open(path, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(f"it is none of {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"it has more than {MAX_PIXELS} pixels") from error
    except _BROKEN as error:
        raise ImageError(f"it cannot be opened: {_reason(error)}") from error
    with image:
        width, height = image.size
        if min(width, height) < 1 or width * height > MAX_PIXELS:
            raise ImageError(f"{width} x {height} pixels: the limit is {MAX_PIXELS} in all")
        yield image


def _orientation(image: Image.Image) -> int:
    """1 to 8, as EXIF has it; 1 where nothing sensible is said."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB."""
    if image.mode == "F":
        raise ValueError("its values are floating-point numbers")
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        above = image.convert("RGBA")
        ground = Image.new("RGBA", above.size, "white")
        return Image.alpha_composite(ground, above).convert("RGB")
    return image.convert("RGB")


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:200]
