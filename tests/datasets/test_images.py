"""Images of all kinds become uint8 tensors, or are refused for a reason."""

import struct
import zlib

import pytest
import torch
from PIL import Image

from fpncompiler.datasets.decoding import MAX_PIXELS, image_size
from fpncompiler.datasets.images import ImageError, read_image
from fpncompiler.explain import pages
from tests.datasets.builders import picture

RED = (200, 100, 50)


def saved(tmp_path, image, name="a.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tif"])
def test_formats_are_read_as_red_green_blue(suffix, tmp_path):
    tensor = read_image(saved(tmp_path, Image.new("RGB", (8, 6), RED), f"a.{suffix}"))
    assert tensor.dtype == torch.uint8
    assert tensor.shape == (3, 6, 8)
    assert tensor.is_contiguous()
    assert (tensor[:, 2, 3].int() - torch.tensor(RED)).abs().max() <= 3


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LAB", "YCbCr", "RGBA", "LA", "I;16"])
def test_modes_become_red_green_blue(mode, tmp_path):
    name = "a.tif" if mode in ("CMYK", "LAB", "YCbCr") else "a.png"
    assert read_image(saved(tmp_path, Image.new(mode, (5, 4)), name)).shape == (3, 4, 5)


def test_sixteen_bits_become_eight(tmp_path):
    grey = Image.frombytes("I;16", (2, 1), struct.pack("<HH", 0xFFFF, 0x8000))
    assert read_image(saved(tmp_path, grey))[:, 0].tolist() == [[255, 127]] * 3


def test_what_is_transparent_is_white(tmp_path):
    clear = saved(tmp_path, Image.new("RGBA", (2, 2), (0, 0, 0, 0)))
    assert read_image(clear).unique().tolist() == [255]


def test_floating_point_values_are_refused(tmp_path):
    with pytest.raises(ImageError, match="floating-point"):
        read_image(saved(tmp_path, Image.new("F", (2, 2)), "a.tif"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.new("RGB", (3, 2))
    image.putpixel((0, 0), (255, 255, 255))
    path = saved(tmp_path, image, exif=exif)
    tensor = read_image(path)
    assert tensor.shape == ((3, 2, 3) if orientation < 5 else (3, 3, 2))
    corners = {1: (0, 0), 2: (0, 2), 3: (1, 2), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (2, 1)}
    row, column = {**corners, 8: (2, 0)}[orientation]
    assert tensor[0, row, column] == 255
    assert int(tensor.sum()) == 3 * 255
    size = image_size(path)
    assert (3, size.height, size.width) == tensor.shape
    assert size.stored == (3, 2)


def png(width: int, height: int) -> bytes:
    """A header of any size, with few pixels behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [9_460, 13_000, 60_000, 2**31 - 1])
def test_huge_images_are_refused_before_they_are_decoded(side, tmp_path):
    (tmp_path / "a.png").write_bytes(png(side, side))
    for read in (read_image, image_size):
        with pytest.raises(ImageError, match=str(MAX_PIXELS)):
            read(tmp_path / "a.png")


def test_the_limit_is_told_where_images_are_explained():
    assert f"{MAX_PIXELS:,}" in pages()["D912"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tif"])
def test_truncated_images_are_refused(suffix, tmp_path):
    path = picture(tmp_path / f"a.{suffix}", (300, 200))
    data = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ImageError):
            read_image(path)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", b"\xff\xd8\xff", b"BM", b"II*\0"])
def test_other_files_are_refused(data, tmp_path):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(ImageError):
        read_image(tmp_path / "a.jpg")


def test_folders_and_missing_files_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "no.png", tmp_path / ("x" * 5000)):
        with pytest.raises(ImageError):
            read_image(path)


def test_other_formats_of_pillow_are_not_read(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (2, 2)), "a.gif").rename(tmp_path / "a.png")
    with pytest.raises(ImageError, match="none of JPEG"):
        read_image(path)
