"""Colours of drawings, in light and in dark, as the style sheet of an SVG.

A text has a contrast of 4.5 or more to whatever it stands on (WCAG 2, level AA), a line of 3 or
more to the page; what was removed is faded, and dashed besides.
"""

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


def style_sheet(theme: Theme) -> str:
    """The rules of all classes. `auto` follows the reader's, and a `data-theme` of the page."""
    rules = [_TEXTS, *_rules(DARK if theme == "dark" else LIGHT)]
    if theme == "auto":
        dark = "".join(_rules(DARK, ":root:not([data-theme=light]) "))
        rules.append(f"@media (prefers-color-scheme:dark){{{dark}}}")
        rules += _rules(DARK, ":root[data-theme=dark] ")
    return "".join(rules)


_TEXTS = "".join(
    f".{PREFIX}{name}{{{rule}}}"
    for name, rule in {
        "text": f"font-family:{_SANS}",
        "label": f"font-family:{_MONOSPACE}",
        "strong": "font-weight:600",
        "level": "font-weight:600",
    }.items()
)


def _rules(palette: Palette, scope: str = "") -> list[str]:
    """Fills and strokes, for what is within some `scope`."""
    p = palette
    fills = {
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
    return [f"{scope}.{PREFIX}{name}{{{rule}}}" for name, rule in fills.items()]
