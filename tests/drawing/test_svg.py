"""Drawings as SVG: accessible, harmless, readable in light and dark, the same everywhere."""

import hashlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import fields

import pytest

from fpncompiler.drawing import layer_svg, network_svg, stages_svg
from fpncompiler.drawing.drawings import told
from fpncompiler.drawing.elements import xml_text
from fpncompiler.drawing.measures import label_width, width_of
from fpncompiler.drawing.palette import DARK, LIGHT, PREFIX, Palette, style_sheet
from tests.conftest import ROOT
from tests.drawing.shapes import SVG
from tests.drawing.specs import HARD, SPECS, checked, drawings

NAMES = [*SPECS, *HARD]
HOSTILE = (
    "</title><script>alert(1)</script>\"' on=\x00\x1b[2J\u202e\ud800 &lt; ]]> <!--\n \U0001f4a3"
)


@pytest.mark.parametrize("name", NAMES)
def test_an_svg_stands_alone_and_disturbs_no_page(name):
    for drawing in drawings(name).values():
        text = told(drawing, "svg")
        assert text.isascii()
        assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ')
        root = ET.fromstring(text)
        assert [child.tag for child in root][:2] == [f"{SVG}title", f"{SVG}desc"]
        assert root.get("role") == "img"
        for element in root.iter():
            assert element.get("id") is None
            names = element.get("class", "").split()
            assert all(name.startswith(PREFIX) for name in names)
            assert not any("href" in key or key.startswith("on") for key in element.attrib)


def test_every_class_has_a_rule_and_every_rule_a_prefix():
    used = set()
    for name in NAMES:
        for drawing in drawings(name).values():
            for value in re.findall(r'class="([^"]*)"', told(drawing, "svg")):
                used |= set(value.split())
    rules = set(re.findall(r"\.([\w-]+)\{", style_sheet()))
    assert used <= rules
    assert all(rule.startswith(PREFIX) for rule in rules)


def test_boxes_and_arrows_say_what_they_are():
    root = ET.fromstring(network_svg(checked("bifpn").network, title="BiFPN"))
    assert root.findtext(f"{SVG}title") == "BiFPN"
    assert "levels 3 to 7 as rows" in (root.findtext(f"{SVG}desc") or "")
    said = {title.text for title in root.iter(f"{SVG}title")}
    assert "p7 to p6_td: nearest up by 2" in said
    about = (
        "p6_td: level 6 (1/64), 64 channels, fast_normalized of p6_in, p7_in;"
        " then silu-separable3*64-norm"
    )
    assert about in said


def test_an_untitled_drawing_still_has_a_name():
    root = ET.fromstring(layer_svg(checked("fpn").layer))
    assert root.findtext(f"{SVG}title") == "feature network"


def test_hostile_text_stays_text():
    for svg in (
        network_svg(checked("fpn").network, title=HOSTILE),
        layer_svg(checked("fpn").layer, title=HOSTILE),
        stages_svg([(HOSTILE, checked("fpn").layer)] * 2, title=HOSTILE),
    ):
        root = ET.fromstring(svg)
        known = {"svg", "title", "desc", "style", "g", "rect", "text", "path", "circle", "polygon"}
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= known
        assert "<script" not in svg


def test_every_code_point_can_stand_in_a_text():
    for start in range(0, 0x110000, 0x4000):
        text = "".join(map(chr, range(start, start + 0x4000)))
        shown = ET.fromstring(f"<t a='{xml_text(text)}'>{xml_text(text)}</t>").text or ""
        assert len(shown) == len(text)
        assert not {*shown} & {*map(chr, [*range(0x20), *range(0x7F, 0xA0)]), *"\u202e\u2028"}
    assert ET.fromstring(f"<t>{xml_text('a é 中 <&>')}</t>").text == "a é 中 <&>"


@pytest.mark.parametrize("name", ["qufpn", "gfpn_log2n", "nas_fpn", "dense"])
def test_drawings_are_the_same_under_every_hash_seed(name):
    script = (
        "import hashlib, sys\n"
        "from fpncompiler.drawing.drawings import told\n"
        "from tests.drawing.specs import drawings\n"
        "for drawing in drawings(sys.argv[1]).values():\n"
        "    for form in ('svg', 'mermaid', 'dot'):\n"
        "        print(hashlib.sha256(told(drawing, form).encode()).hexdigest())\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script, name],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = [
        hashlib.sha256(told(drawing, form).encode()).hexdigest()
        for drawing in drawings(name).values()
        for form in ("svg", "mermaid", "dot")
    ]
    assert {out.decode().split() == here for out in runs} == {True}
    assert len(runs) == 1


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_lines_stand_out(palette: Palette):
    behind_text = ("page", "band", "box", "given", "unary", "output", "added_box")
    for ground in behind_text:
        assert contrast(palette.ink, getattr(palette, ground)) >= 4.5, ground
    for ground in ("page", "band"):
        assert contrast(palette.muted, getattr(palette, ground)) >= 4.5
        for line in ("same", "finer", "coarser", "added", "outline"):
            assert contrast(getattr(palette, line), getattr(palette, ground)) >= 3, (line, ground)
    for disc in ("badge", "weighted"):
        assert contrast(palette.on_badge, getattr(palette, disc)) >= 4.5
    assert contrast(palette.removed, palette.page) >= 2  # faded, and dashed


@pytest.mark.parametrize(("theme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_a_fixed_theme_has_its_colours_alone_and_needs_no_style_sheet(theme, palette):
    own = {getattr(palette, field.name) for field in fields(Palette)}
    for name in NAMES:
        for drawing in drawings(name).values():
            text = told(drawing, "svg", theme)
            assert set(re.findall(r"(?:fill|stroke)=\"(#\w+)\"", text)) <= own
            assert "class=" not in text
            assert "<style" not in text
            assert _stripped(text) == _stripped(told(drawing, "svg"))


def _stripped(svg):
    """A drawing without classes, colours and fonts: what and where everything is."""
    svg = re.sub(r"<style>.*</style>\n?", "", svg)
    svg = re.sub(r'(<g|<rect|<text|<circle|<polygon) class="[^"]*"', r"\1", svg)
    return re.sub(r' (fill|stroke|font-family|font-weight)="[^"]*"', "", svg)


def test_a_drawing_follows_the_theme_of_its_reader():
    svg = told(drawings("bifpn")["network"], "svg")
    assert svg.count("@media (prefers-color-scheme:dark)") == 1


@pytest.mark.parametrize(
    ("font", "bold"), [("DejaVuSans", False), ("DejaVuSans-Bold", True), ("DejaVuSansMono", None)]
)
def test_texts_are_not_wider_than_measured(font, bold):
    image_font = pytest.importorskip("PIL.ImageFont")
    try:
        loaded = image_font.truetype(f"{font}.ttf", 100)
    except OSError:
        pytest.skip(f"{font} is not installed")
    for letter in map(chr, range(32, 127)):
        measured = label_width(letter, 100) if bold is None else width_of(letter, 100, bold=bold)
        assert loaded.getlength(letter) <= measured, letter
