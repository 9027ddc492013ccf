"""Panels as one SVG: a title, the panels side by side, a legend.

A drawing has a page of its own, so that it can be read on a light and on a dark background.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

from fpncompiler.drawing.arrangement import Arrangement, arrange
from fpncompiler.drawing.curves import number
from fpncompiler.drawing.elements import (
    arrow_at,
    box_at,
    frame_at,
    rectangle,
    text_at,
    xml_text,
)
from fpncompiler.drawing.legend import legend_at, legend_entries, widest
from fpncompiler.drawing.measures import CAPTION, SMALL, TITLE, Spot, fitted, width_of
from fpncompiler.drawing.palette import DARK, LIGHT, Theme, style_sheet, with_attributes
from fpncompiler.drawing.picture import Panel, Picture

MARGIN = 16.0
AXIS = 52.0  # left of the boxes: what the rows are
APART = 28.0  # between panels
HEADING, CAPTIONS = 44.0, 26.0  # above panels: for their captions, and those of their frames
NARROWEST = 360.0  # that a panel is made for the sake of its caption
WIDEST = 1600  # about as wide a row of panels may be
_LINE = 20.0


@dataclass(frozen=True, slots=True)
class _Placed:
    """A panel, its corner at the upper left, its width, and the room above it for captions."""

    panel: Panel
    places: Arrangement
    x: float
    y: float
    width: float
    above: float


def svg_of(
    panels: Sequence[Panel], title: str, about: str, theme: Theme = "auto", most: float = inf
) -> str:
    """A standalone SVG.

    Args:
        title: above the drawing, and its accessible name.
        about: what is to be seen, for those who cannot see it.
        most: shown no wider than so many pixels, smaller than drawn if need be.
    """
    placed, width, bottom = _placed(panels)
    entries = legend_entries([panel.picture for panel in panels])
    width = max(width, widest(entries), min(width_of(title, TITLE, bold=True), WIDEST))
    top = MARGIN + _LINE + 8 if title else MARGIN
    legend, legend_height = legend_at(entries, MARGIN, top + bottom + 12, width)
    height = top + bottom + 12 + legend_height + MARGIN
    whole = width + 2 * MARGIN
    scale = min(1.0, most / whole)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(whole)} {number(height)}"'
        f' width="{number(scale * whole)}" height="{number(scale * height)}" role="img">',
        f"<title>{xml_text(title or 'feature network')}</title>",
        f"<desc>{xml_text(about)}</desc>",
        *([f"<style>{style_sheet()}</style>"] if theme == "auto" else []),
        rectangle(_spot(0, 0, whole, height), "page", 8.0),
    ]
    if title:
        shown = fitted(title, TITLE, width, bold=True)
        parts.append(text_at(MARGIN, MARGIN + _LINE / 2, shown, TITLE, "text ink strong"))
    for each in placed:
        parts.append(f'<g transform="translate({number(each.x + MARGIN)} {number(each.y + top)})">')
        parts += [*_panel(each), "</g>"]
    svg = "\n".join([*parts, legend, "</svg>", ""])
    if theme == "auto":
        return svg
    return with_attributes(svg, DARK if theme == "dark" else LIGHT)


def _placed(panels: Sequence[Panel]) -> tuple[list[_Placed], float, float]:
    """Panels in rows that are about as wide; and the width and height of all of them."""
    arranged = [arrange(panel.picture, panel.plan) for panel in panels]
    above = HEADING if any(panel.caption for panel in panels) else 0.0
    above += CAPTIONS if any(places.frames for places in arranged) else 0.0
    widths = [
        max(AXIS + places.width, min(_heading_width(panel), NARROWEST))
        for panel, places in zip(panels, arranged, strict=True)
    ]
    limit = _row_width(widths)
    placed: list[_Placed] = []
    x, y, right, bottom = 0.0, 0.0, 0.0, 0.0
    for panel, places, width in zip(panels, arranged, widths, strict=True):
        if x > 0 and x + width > limit:
            x, y = 0.0, bottom + APART
        placed.append(_Placed(panel, places, x, y, width, above))
        right = max(right, x + width)
        bottom = max(bottom, y + above + places.height)
        x += width + APART
    return placed, right, bottom


def _row_width(widths: list[float]) -> int:
    """The least width of rows, of which there are as few as can be within `WIDEST`."""
    widest_panel = ceil(max(widths))
    limits = range(widest_panel, max(widest_panel, WIDEST) + 1)
    fewest = _row_count(widths, limits[-1])
    return limits[bisect_left(limits, True, key=lambda limit: _row_count(widths, limit) <= fewest)]


def _row_count(widths: list[float], limit: int) -> int:
    """How many rows there are if none is wider than some limit."""
    count, x = 1, 0.0
    for width in widths:
        if x > 0 and x + width > limit:
            count, x = count + 1, 0.0
        x += width + APART
    return count


def _heading_width(panel: Panel) -> float:
    return max(width_of(panel.caption, CAPTION, bold=True), width_of(panel.note, SMALL))


def _panel(placed: _Placed) -> list[str]:
    """Everything of a panel, whose corner is at 0 0."""
    panel, places = placed.panel, placed.places
    parts = []
    if panel.caption:
        caption = fitted(panel.caption, CAPTION, placed.width, bold=True)
        parts.append(text_at(0, 9, caption, CAPTION, "text ink strong"))
        parts.append(text_at(0, 27, fitted(panel.note, SMALL, placed.width), SMALL, "text muted"))
    parts.append(f'<g transform="translate({number(AXIS)} {number(placed.above)})">')
    parts += _rows(places)
    for spot, caption in zip(places.frames, panel.picture.frames, strict=True):
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
    """Arrows behind boxes, and what is removed behind all."""
    order = {"removed": 0, "kept": 1, "added": 2}
    arrows = [*zip(picture.arrows, places.routes, strict=True)]
    arrows.sort(key=lambda drawn: order[drawn[0].state])
    drawn = [arrow_at(arrow, route) for arrow, route in arrows]
    return drawn + [box_at(box, places.spots[box.id]) for box in picture.boxes]


def _spot(left: float, top: float, width: float, height: float) -> Spot:
    return Spot(left + width / 2, top + height / 2, width, height)
