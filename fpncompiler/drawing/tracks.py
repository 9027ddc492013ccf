"""How high an arrow runs that passes other columns: on a track of its own, clear of every box.

         .-----------.
p5_in --'   [p5_td]   '--> p5_out      it leaves its column, runs level, and arrives
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from fpncompiler.drawing.measures import BOX_HEIGHT, CLEARANCE, LANE

Spans = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Lane:
    """What needs a track: from a column and height to another column and height."""

    start: int
    end: int
    leaves: float
    arrives: float

    @property
    def way(self) -> float:
        """How far up or down it goes in any case."""
        return abs(self.leaves - self.arrives)


def tracks(
    lanes: Sequence[Lane], boxes: Mapping[int, Sequence[float]], farthest: float = inf
) -> list[float] | None:
    """The height of each lane's track; None as soon as one would have to make too long a detour.

    Args:
        boxes: column -> the heights of its boxes' centres.
        farthest: the longest detour.
    """
    order = sorted(range(len(lanes)), key=lambda number: _turn(lanes[number]))
    found = [0.0] * len(lanes)
    done: list[int] = []
    half = BOX_HEIGHT / 2 + CLEARANCE
    for place in order:
        lane = lanes[place]
        between = range(lane.start + 1, lane.end)
        blocked = [(y - half, y + half) for column in between for y in boxes.get(column, ())]
        beside = (found[i] for i in done if _share_a_gap(lanes[i], lane))
        blocked += [(y - LANE, y + LANE) for y in beside]
        found[place] = _nearest_free(lane, _merged(blocked))
        done.append(place)
        if detour(lane, found[place]) > farthest:
            return None
    return found


def detour(lane: Lane, track: float) -> float:
    """How much farther up and down an arrow goes than it would without boxes in its way."""
    return abs(track - lane.leaves) + abs(track - lane.arrives) - lane.way


def _turn(lane: Lane) -> tuple[bool, int, float]:
    """Those within a level come first, for they may need no bend; then the short ones."""
    return lane.way > 0, lane.end - lane.start, lane.way


def _share_a_gap(first: Lane, second: Lane) -> bool:
    return first.start < second.end and second.start < first.end


def _merged(spans: Iterable[tuple[float, float]]) -> Spans:
    """Open intervals, those that overlap joined."""
    merged: Spans = []
    for low, high in sorted(spans):
        if merged and low < merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return merged


def _nearest_free(lane: Lane, blocked: Spans) -> float:
    """The height with the least way and, of those, the fewest bends; above rather than below."""
    candidates = [lane.leaves, lane.arrives, *(end for span in blocked for end in span)]
    free = [y for y in candidates if not _is_within(y, blocked)]
    return min(free, key=lambda y: (detour(lane, y), _bends(lane, y), y))


def _bends(lane: Lane, track: float) -> int:
    return (track != lane.leaves) + (track != lane.arrives)


def _is_within(y: float, spans: Spans) -> bool:
    place = bisect_right(spans, (y, y)) - 1
    return place >= 0 and y < spans[place][1]
