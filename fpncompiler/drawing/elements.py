"""The parts of a drawing as SVG: texts, boxes, arrows, frames. No element has an id."""

from collections.abc import Iterable

from fpncompiler.drawing.curves import Route, number
from fpncompiler.drawing.measures import (
    ADAPTER,
    BADGE,
    CORNER,
    LABEL,
    MARK,
    MARK_PITCH,
    Spot,
    fitted_label,
)
from fpncompiler.drawing.palette import PREFIX
from fpncompiler.drawing.picture import Arrow, Box, State
from fpncompiler.drawing.texts import harmless

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_WEIGHTED = ("weighted", "softmax", "fast_normalized")
_DASHES = "4 3"
_BASELINE = 0.35  # of the size of a font, from the middle of its letters down


def xml_text(text: str) -> str:
    """Text for XML, in ASCII."""
    return harmless(text).translate(_ESCAPES).encode("ascii", "xmlcharrefreplace").decode()


def text_at(
    x: float,
    y: float,
    text: str,
    size: float,
    classes: str = "text ink",
    anchor: str = "start",
) -> str:
    """A text whose letters have their middle at `y`."""
    where = f'x="{number(x)}" y="{number(y + _BASELINE * size)}" font-size="{number(size)}"'
    anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{classed(classes)}" {where}{anchored}>{xml_text(text)}</text>'


def classed(names: str) -> str:
    """Class names that mean nothing to another style sheet of the page."""
    return " ".join(f"{PREFIX}{name}" for name in names.split())


def rectangle(spot: Spot, classes: str, corner: float = 0.0, dashes: str = "") -> str:
    """A rectangle, its corners rounded if asked."""
    rounded = f' rx="{number(corner)}"' if corner else ""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<rect class="{classed(classes)}" x="{number(spot.left)}" y="{number(spot.top)}"'
        f' width="{number(spot.width)}" height="{number(spot.height)}"{rounded}{dashed}/>'
    )


def frame_at(spot: Spot) -> str:
    """What is around a layer."""
    return rectangle(spot, "frame", 10.0, _DASHES)


def box_at(box: Box, spot: Spot) -> str:
    """A box with its letter and label."""
    parts = [*_titled(_about(box.about, box.state)), _outline(box, spot)]
    if box.role == "nested" and box.symbol:
        parts.append(_letter(box, spot.x, spot.y))
    elif box.label and box.role not in ("nested", "adapter"):
        parts += _labelled(box, spot)
    return f"<g>{''.join(parts)}</g>"


def badge_at(fusion: str, symbol: str, x: float, y: float) -> str:
    """The disc with a fusion's letter; fusions with learned weights have a colour of their own."""
    kind = "weighted" if fusion.startswith(_WEIGHTED) else "badge"
    disc = f'<circle class="{classed(kind)}" cx="{number(x)}" cy="{number(y)}" r="{BADGE:g}"/>'
    return disc + text_at(x, y, symbol, LABEL, "label letter strong", "middle")


def arrow_at(arrow: Arrow, route: Route) -> str:
    """An arrow with its head and its marks."""
    name = arrow.flow if arrow.state == "kept" else arrow.state
    width = ' stroke-width="2"' if arrow.state == "added" else ""
    dashes = f' stroke-dasharray="{_DASHES}"' if arrow.state == "removed" else ""
    parts = [
        *_titled(_about(arrow.about, arrow.state)),
        f'<path fill="none"{width}{dashes} d="{route.line}"/>',
        f'<path stroke="none" d="{route.head}"/>',
    ]
    line = f'<g class="{classed(name)}">{"".join(parts)}</g>'
    return line + "".join(_marks(arrow, route))


def mark_at(mark: str, x: float, y: float) -> str:
    """A mark on an arrow: a diamond is an adapter, a square some other step."""
    if mark == "adapter":
        return _diamond("mark", x, y, MARK)
    return rectangle(Spot(x, y, 6.0, 6.0), "mark")


def _marks(arrow: Arrow, route: Route) -> Iterable[str]:
    x, y = route.mark
    for mark in arrow.marks:
        yield mark_at(mark, x, y)
        x, y = (x, y + MARK_PITCH) if route.is_upright else (x + MARK_PITCH, y)


def _titled(about: str) -> Iterable[str]:
    """What a reader is told that points at something; signs of a legend say nothing."""
    if about:
        yield f"<title>{xml_text(about)}</title>"


def _about(about: str, state: State) -> str:
    return about if state == "kept" or not about else f"{about} ({state})"


def _outline(box: Box, spot: Spot) -> str:
    kind = "fuse" if box.role in ("nested", "adapter") else box.role
    classes = kind if box.state == "kept" else f"{box.state}-box"
    dashes = _DASHES if box.state == "removed" else ""
    if box.role == "adapter":
        return _diamond(classes, spot.x, spot.y, ADAPTER)
    corner = spot.height / 2 if box.role in ("nested", "output") else CORNER
    return rectangle(spot, classes, corner, dashes)


def _labelled(box: Box, spot: Spot) -> Iterable[str]:
    """The letter at the left, and the label in the middle of what is right of it."""
    middle = spot.x
    if box.symbol:
        yield _letter(box, spot.left + BADGE + 5, spot.y)
        middle += BADGE + 1
    faded = "muted" if box.state == "removed" else "ink"
    yield text_at(middle, spot.y, fitted_label(box.label), LABEL, f"label {faded}", "middle")


def _letter(box: Box, x: float, y: float) -> str:
    if box.role == "nested":
        return text_at(x, y, box.symbol, LABEL, "label ink strong", "middle")
    return badge_at(box.fusion, box.symbol, x, y)


def _diamond(classes: str, x: float, y: float, half: float) -> str:
    corners = ((x - half, y), (x, y - half), (x + half, y), (x, y + half))
    points = " ".join(f"{number(px)},{number(py)}" for px, py in corners)
    return f'<polygon class="{classed(classes)}" points="{points}"/>'
