"""Panels as one SVG: a title, the panels side by side, a legend.

A drawing has a page of its own, so that it can be read on a light and on a dark background.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fpncompiler.drawing.arrangement import Arrangement, arrange
from fpncompiler.drawing.curves import number
from fpncompiler.drawing.elements import (
    arrow_at,
    box_at,
    classed,
    frame_at,
    rectangle,
    text_at,
    xml_text,
)
from fpncompiler.drawing.legend import legend_at, legend_entries, widest
from fpncompiler.drawing.measures import CAPTION, SMALL, TITLE, Spot, fitted, width_of
from fpncompiler.drawing.palette import Theme, style_sheet
from fpncompiler.drawing.picture import Panel, Picture

MARGIN = 16.0
AXIS = 52.0  # left of the boxes: what the rows are
APART = 28.0  # between panels
HEADING = 44.0  # above a panel that has a caption
WIDEST = 1400.0  # a row of panels, unless a single one is wider
_LINE = 20.0


@dataclass(frozen=True, slots=True)
class _Placed:
    """A panel and its corner at the upper left."""

    panel: Panel
    places: Arrangement
    x: float
    y: float


def svg_of(panels: Sequence[Panel], title: str, about: str, theme: Theme = "auto") -> str:
    """A standalone SVG.

    Args:
        title: above the drawing, and its accessible name.
        about: what is to be seen, for those who cannot see it.
    """
    placed, width, bottom = _placed(panels, HEADING * any(panel.caption for panel in panels))
    entries = legend_entries([panel.picture for panel in panels])
    width = max(width, widest(entries), min(width_of(title, TITLE, bold=True), WIDEST))
    top = MARGIN + _LINE + 8 if title else MARGIN
    legend, legend_height = legend_at(entries, MARGIN, top + bottom + 12, width)
    height = top + bottom + 12 + legend_height + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width + 2 * MARGIN)}'
        f' {number(height)}" width="{number(width + 2 * MARGIN)}" height="{number(height)}"'
        ' role="img">',
        f"<title>{xml_text(title or 'feature network')}</title>",
        f"<desc>{xml_text(about)}</desc>",
        f"<style>{style_sheet(theme)}</style>",
        rectangle(_spot(0, 0, width + 2 * MARGIN, height), "page", 8.0),
    ]
    if title:
        shown = fitted(title, TITLE, width, bold=True)
        parts.append(text_at(MARGIN, MARGIN + _LINE / 2, shown, TITLE, "text ink strong"))
    for each in placed:
        parts.append(f'<g transform="translate({number(each.x + MARGIN)} {number(each.y + top)})">')
        parts += [*_panel(each), "</g>"]
    return "\n".join([*parts, legend, "</svg>", ""])


def described(picture: Picture) -> str:
    """How much of what a picture shows."""
    kinds = {"input": "inputs", "output": "outputs"}
    counts = {name: sum(box.role == role for box in picture.boxes) for role, name in kinds.items()}
    nodes = len(picture.boxes) - sum(counts.values())
    levels = picture.levels
    return (
        f"levels {levels[0]} to {levels[-1]}, the coarsest on top; {nodes} nodes,"
        f" {counts['inputs']} inputs and {counts['outputs']} outputs, {len(picture.arrows)} edges"
    )


def _placed(panels: Sequence[Panel], heading: float) -> tuple[list[_Placed], float, float]:
    """Panels in rows; and the width and height of all of them."""
    placed: list[_Placed] = []
    x, y, right, bottom = 0.0, 0.0, 0.0, 0.0
    for panel in panels:
        places = arrange(panel.plan)
        width = max(AXIS + places.width, _heading_width(panel))
        if x > 0 and x + width > WIDEST:
            x, y = 0.0, bottom + APART
        placed.append(_Placed(panel, places, x, y))
        right = max(right, x + width)
        bottom = max(bottom, y + heading + _above(places) + places.height)
        x += width + APART
    return placed, right, bottom


def _above(places: Arrangement) -> float:
    """The room for the captions of frames."""
    return _LINE + 6 if places.frames else 0.0


def _heading_width(panel: Panel) -> float:
    return max(width_of(panel.caption, CAPTION, bold=True), width_of(panel.note, SMALL))


def _panel(placed: _Placed) -> list[str]:
    """Everything of a panel, whose corner is at 0 0."""
    panel, places = placed.panel, placed.places
    parts = []
    down = 0.0
    if panel.caption:
        parts.append(text_at(0, 9, panel.caption, CAPTION, "text ink strong"))
        parts.append(text_at(0, 27, panel.note, SMALL, "text muted"))
        down = HEADING
    parts.append(f'<g transform="translate({number(AXIS)} {number(down + _above(places))})">')
    parts += _rows(places)
    for spot, caption in zip(places.frames, panel.plan.frames, strict=True):
        parts.append(frame_at(spot))
        parts.append(text_at(spot.left, spot.top - 12, caption, CAPTION, "text ink strong"))
    return [*parts, *_drawn(panel.picture, places), "</g>"]


def _rows(places: Arrangement) -> list[str]:
    """A band behind every other level, and what each is called."""
    parts = []
    for place, (level, y) in enumerate(sorted(places.rows.items(), reverse=True)):
        if place % 2 == 0:
            band = Spot((places.width - AXIS) / 2, y, places.width + AXIS + 12, places.pitch)
            parts.append(rectangle(band, "band", 6.0))
        parts.append(text_at(-AXIS + 4, y - 7, f"P{level}", CAPTION, "text ink level"))
        parts.append(text_at(-AXIS + 4, y + 8, f"1/{2**level}", SMALL, "text muted"))
    return parts


def _drawn(picture: Picture, places: Arrangement) -> list[str]:
    """What a picture shows of a plan: arrows behind boxes, what is removed behind all."""
    order = {"removed": 0, "kept": 1, "added": 2}
    routes = dict(zip(places.picture.keyed_arrows(), places.routes, strict=True))
    arrows = [(arrow, routes[key]) for key, arrow in picture.keyed_arrows().items()]
    arrows.sort(key=lambda drawn: order[drawn[0].state])
    drawn = [arrow_at(arrow, route) for arrow, route in arrows]
    return drawn + [box_at(box, places.spots[box.id]) for box in picture.boxes]


def _spot(left: float, top: float, width: float, height: float) -> Spot:
    return Spot(left + width / 2, top + height / 2, width, height)
