"""What the signs of a drawing mean: those that occur, row after row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fpncompiler.drawing.curves import HEAD, Pen, Route, head_at
from fpncompiler.drawing.elements import arrow_at, badge_at, box_at, mark_at, text_at
from fpncompiler.drawing.measures import SMALL, Spot, width_of
from fpncompiler.drawing.picture import (
    Arrow,
    Box,
    Flow,
    Picture,
    Role,
    State,
    fusions_of,
    symbol_of,
)

ROW = 22.0
_SIGN, _SPACE, _APART = 26.0, 6.0, 18.0

_FLOWS: tuple[tuple[Flow, str], ...] = (
    ("same", "same level"),
    ("finer", "upsampled"),
    ("coarser", "downsampled"),
)
_STATES: tuple[tuple[State, str], ...] = (("removed", "removed"), ("added", "added"))
_ROLES: tuple[tuple[Role, str], ...] = (
    ("input", "input"),
    ("unary", "node of one input"),
    ("fuse", "node that fuses"),
    ("nested", "fusion within the inputs"),
    ("adapter", "1x1 adapter for several"),
)
_MARKS = (("adapter", "1x1 adapter"), ("step", "steps of the edge's own"))
_Sign = Callable[[float, float], str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A sign, drawn from a left end and a height on, and what it means."""

    sign: _Sign
    text: str

    @property
    def width(self) -> float:
        """With the room behind it."""
        return _SIGN + _SPACE + width_of(self.text, SMALL) + _APART


def legend_entries(pictures: Sequence[Picture]) -> list[Entry]:
    """An entry for every sign that occurs."""
    arrows = [arrow for picture in pictures for arrow in picture.arrows]
    boxes = [box for picture in pictures for box in picture.boxes]
    flows = {arrow.flow for arrow in arrows if arrow.state == "kept"}
    states = {arrow.state for arrow in arrows} | {box.state for box in boxes}
    roles = {box.role for box in boxes}
    marks = {mark for arrow in arrows for mark in arrow.marks}
    entries = [Entry(_role_sign(role), text) for role, text in _ROLES if role in roles]
    entries += [Entry(_fusion_sign(fusion), fusion) for fusion in fusions_of(pictures)]
    entries += [Entry(_arrow_sign(flow, "kept"), text) for flow, text in _FLOWS if flow in flows]
    entries += [Entry(_arrow_sign("same", s), text) for s, text in _STATES if s in states]
    return entries + [Entry(_mark_sign(mark), text) for mark, text in _MARKS if mark in marks]


def widest(entries: Iterable[Entry]) -> float:
    """The width that the longest entry needs."""
    return max((entry.width for entry in entries), default=0.0)


def legend_at(entries: Iterable[Entry], left: float, top: float, width: float) -> tuple[str, float]:
    """The entries in rows of some width; and how high all of them are."""
    parts = []
    x, y = left, top + ROW / 2
    for entry in entries:
        if x > left and x + entry.width > left + width:
            x, y = left, y + ROW
        parts.append(entry.sign(x, y))
        parts.append(text_at(x + _SIGN + _SPACE, y, entry.text, SMALL, "text muted"))
        x += entry.width
    return "".join(parts), y + ROW / 2 - top if parts else 0.0


def _arrow_sign(flow: Flow, state: State) -> _Sign:
    def sign(x: float, y: float) -> str:
        pen = Pen((x, y))
        pen.straight((x + _SIGN - HEAD + 1, y))
        route = Route(pen.line, head_at((x + _SIGN, y), "right"), pen.middle)
        return arrow_at(Arrow("", "", flow, state=state), route)

    return sign


def _role_sign(role: Role) -> _Sign:
    def sign(x: float, y: float) -> str:
        side = 16.0 if role in ("nested", "adapter") else _SIGN
        return box_at(Box("", "", 0, role, ""), Spot(x + _SIGN / 2, y, side, 16.0))

    return sign


def _fusion_sign(fusion: str) -> _Sign:
    return lambda x, y: badge_at(fusion, symbol_of(fusion), x + _SIGN / 2, y)


def _mark_sign(mark: str) -> _Sign:
    return lambda x, y: mark_at(mark, x + _SIGN / 2, y)
