"""Colours of drawings, in light and in dark, as the style sheet of an SVG or as attributes.

A text has a contrast of 4.5 or more to whatever it stands on (WCAG 2, level AA), a line of 3 or
more to the page; what was removed is faded, and dashed besides.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Theme = Literal["auto", "light", "dark"]

PREFIX = "fpnc-"  # of classes: a style sheet within a page of HTML is one for all of it
_MONOSPACE = "ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace"
_SANS = "system-ui,-apple-system,Segoe UI,Helvetica,Arial,DejaVu Sans,sans-serif"


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by what they are for; `on_badge` is a letter's on the disc of a fusion."""

    page: str
    band: str
    edge: str
    ink: str
    muted: str
    box: str
    given: str
    unary: str
    output: str
    outline: str
    badge: str
    weighted: str
    on_badge: str
    same: str
    finer: str
    coarser: str
    added: str
    added_box: str
    removed: str


LIGHT = Palette(
    page="#ffffff",
    band="#f3f5f8",
    edge="#d0d7de",
    ink="#1f2328",
    muted="#57606a",
    box="#ffffff",
    given="#ddf4ff",
    unary="#f0ecff",
    output="#e6eaef",
    outline="#57606a",
    badge="#57606a",
    weighted="#8250df",
    on_badge="#ffffff",
    same="#6e7781",
    finer="#0969da",
    coarser="#bc4c00",
    added="#1a7f37",
    added_box="#dafbe1",
    removed="#8c959f",
)
DARK = Palette(
    page="#0d1117",
    band="#151b23",
    edge="#3d444d",
    ink="#e6edf3",
    muted="#9198a1",
    box="#0d1117",
    given="#0c2d4f",
    unary="#271b4a",
    output="#262c36",
    outline="#9198a1",
    badge="#9198a1",
    weighted="#bc8cff",
    on_badge="#0d1117",
    same="#8b949e",
    finer="#58a6ff",
    coarser="#f0883e",
    added="#3fb950",
    added_box="#0f2d18",
    removed="#6e7681",
)


def style_sheet() -> str:
    """The rules of all classes: they follow the reader's theme, and a `data-theme` of the page."""
    dark = "".join(_rules(_fills(DARK), ":root:not([data-theme=light]) "))
    rules = [
        *_rules(_TEXTS),
        *_rules(_fills(LIGHT)),
        f"@media (prefers-color-scheme:dark){{{dark}}}",
    ]
    return "".join([*rules, *_rules(_fills(DARK), ":root[data-theme=dark] ")])


def with_attributes(svg: str, palette: Palette) -> str:
    """A drawing with the colours of one palette, written as attributes in place of classes.

    Pages that remove style sheets, as some do that show notebooks, show it all the same.
    """
    rules = _TEXTS | _fills(palette)

    def attributes(found: re.Match[str]) -> str:
        names = (name.removeprefix(PREFIX) for name in found[1].split())
        pairs = (pair.split(":") for name in names for pair in rules[name].split(";"))
        return " ".join(f'{key}="{value}"' for key, value in pairs)

    return re.sub(r'class="([^"]*)"', attributes, svg)


_TEXTS = {
    "text": f"font-family:{_SANS}",
    "label": f"font-family:{_MONOSPACE}",
    "strong": "font-weight:600",
    "level": "font-weight:600",
}


def _rules(rules: Mapping[str, str], scope: str = "") -> list[str]:
    """Rules of a style sheet, for what is within some `scope`."""
    return [f"{scope}.{PREFIX}{name}{{{rule}}}" for name, rule in rules.items()]


def _fills(palette: Palette) -> dict[str, str]:
    """Class -> its fill and stroke."""
    p = palette
    return {
        "page": f"fill:{p.page}",
        "band": f"fill:{p.band}",
        "ink": f"fill:{p.ink}",
        "muted": f"fill:{p.muted}",
        "frame": f"fill:none;stroke:{p.edge}",
        "input": f"fill:{p.given};stroke:{p.outline}",
        "fuse": f"fill:{p.box};stroke:{p.outline}",
        "unary": f"fill:{p.unary};stroke:{p.outline}",
        "output": f"fill:{p.output};stroke:{p.outline}",
        "badge": f"fill:{p.badge}",
        "weighted": f"fill:{p.weighted}",
        "letter": f"fill:{p.on_badge}",
        "mark": f"fill:{p.page};stroke:{p.ink}",
        "same": f"fill:{p.same};stroke:{p.same}",
        "finer": f"fill:{p.finer};stroke:{p.finer}",
        "coarser": f"fill:{p.coarser};stroke:{p.coarser}",
        "added": f"fill:{p.added};stroke:{p.added}",
        "removed": f"fill:{p.removed};stroke:{p.removed}",
        "added-box": f"fill:{p.added_box};stroke:{p.added}",
        "removed-box": f"fill:{p.page};stroke:{p.removed}",
    }
