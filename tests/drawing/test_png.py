"""Drawings as PNG, and what is said where they cannot be made."""

import struct
import sys

import pytest

from fpncompiler.drawing.drawings import told
from fpncompiler.drawing.png import RenderError, png_of
from tests.drawing.specs import drawings

resvg_py = pytest.importorskip("resvg_py")


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_png_has_two_pixels_to_one_of_the_drawing(theme):
    from PIL import Image

    svg = told(drawings("bifpn")["network"], "svg", theme)
    width, height = map(float, svg.split('viewBox="0 0 ')[1].split('"')[0].split())
    png = png_of(svg, theme)
    assert size(png) == pytest.approx((2 * width, 2 * height), abs=2)
    import io

    image = Image.open(io.BytesIO(png)).convert("RGB")
    corner = image.getpixel((0, 0))
    assert (min(corner) > 250) if theme == "light" else (max(corner) < 30)
    assert len(image.getcolors(1 << 24)) > 20  # there is something on it


def test_without_the_renderer_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(RenderError, match="resvg-py") as caught:
        png_of("<svg/>", "light")
    assert "pip install 'fpnc[draw]'" in caught.value.help


def test_without_a_font_it_says_so(monkeypatch):
    original = resvg_py.svg_to_bytes

    def fontless(**options):
        return original(**options, skip_system_fonts=True)

    monkeypatch.setattr(resvg_py, "svg_to_bytes", fontless)
    with pytest.raises(RenderError, match="no font"):
        png_of(told(drawings("fpn")["network"], "svg", "light"), "light")
