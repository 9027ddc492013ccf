"""Where everything of a picture is: boxes on the grid of levels and columns, arrows around them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from fpncompiler.drawing.curves import HEAD, Pen, Point, Route, head_at
from fpncompiler.drawing.heights import Heights, Port, heights
from fpncompiler.drawing.measures import CAPTION, CORNER, MARK_PITCH, Spot, box_size, width_of
from fpncompiler.drawing.picture import Arrow, Picture, Role

GAP, STEEPNESS = 46.0, 0.3  # between columns: at least, and more for arrows that go far up or down
BULGE, BULGE_STEP = 14.0, 6.0  # of arrows within a column that boxes stand in the way of
BEHIND = 5.0  # a head, without marks
FRAME = 14.0  # around the boxes of a layer
PORT = 5.0  # between the heads of arrows into one side


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A picture with places, from the corner at the upper left on.

    `routes` are those of its arrows; `rows` are the heights of levels, `pitch` from one to the
    next; `frames` are around its layers.
    """

    picture: Picture
    spots: Mapping[str, Spot]
    routes: tuple[Route, ...]
    rows: Mapping[int, float]
    pitch: float
    frames: tuple[Spot, ...]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Sides:
    """The left and right sides of columns."""

    left: list[float]
    right: list[float]


def arrange(picture: Picture, plan: Picture) -> Arrangement:
    """Give everything its place; heights come first, for the room between columns rests on them.

    Args:
        plan: a picture with all boxes and more; those of two pictures of one plan are in line.
    """
    planned = heights(plan)
    sides = _sides(plan, planned)
    high = planned if picture is plan else heights(picture, planned)
    spots = {}
    for box in picture.boxes:
        column = high.columns[box.id]
        x = (sides.left[column] + sides.right[column]) / 2
        spots[box.id] = Spot(x, high.boxes[box.id], *box_size(box))
    return Arrangement(
        picture=picture,
        spots=spots,
        routes=_routes(picture, high, sides, spots),
        rows=high.rows,
        pitch=high.pitch,
        frames=_frames(picture, high, sides),
        width=sides.right[-1],
        height=high.bottom,
    )


def _sides(picture: Picture, high: Heights) -> _Sides:
    widths = [0.0] * (1 + max(high.columns.values()))
    for box in picture.boxes:
        column = high.columns[box.id]
        widths[column] = max(widths[column], box_size(box)[0])
    gaps = _gaps(picture, high, len(widths))
    sides = _Sides([], [])
    x = 0.0
    for width, gap in zip(widths, gaps, strict=True):
        sides.left.append(x)
        sides.right.append(x + width)
        x += width + gap
    for frame, caption in enumerate(picture.frames):  # none is narrower than its caption
        first, last = _extent(picture, high, frame)
        has = sides.right[last] - sides.left[first]
        lacks = max(0.0, width_of(caption, CAPTION, bold=True) - has)
        for column in range(last + 1, len(widths)):
            sides.left[column] += lacks
            sides.right[column] += lacks
    return sides


def _gaps(picture: Picture, high: Heights, count: int) -> list[float]:
    """The room right of each column."""
    gaps = [GAP] * count
    seen = Counter[tuple[str, str]]()
    most = _most_marks(picture)
    for number, arrow in enumerate(picture.arrows):
        start, end = high.columns[arrow.source], high.columns[arrow.target]
        leaves, arrives = high.boxes[arrow.source], high.boxes[arrow.target]
        if start == end:
            same = seen[arrow.source, arrow.target]
            seen[arrow.source, arrow.target] += 1
            if same or _is_blocked(arrow, high):
                gaps[start] = max(gaps[start], GAP + _bulge(arrow, high, same))
            continue
        track = high.tracks.get(number, arrives)
        gaps[start] = max(gaps[start], GAP + STEEPNESS * abs(leaves - track))
        flat = _flat(arrow, high.ports[number], most)
        gaps[end - 1] = max(gaps[end - 1], GAP + flat + STEEPNESS * abs(track - arrives))
    return gaps


def _extent(picture: Picture, high: Heights, frame: int) -> tuple[int, int]:
    """The first and the last column of a frame."""
    found = [high.columns[box.id] for box in picture.boxes if box.frame == frame]
    return min(found), max(found)


def _frames(picture: Picture, high: Heights, sides: _Sides) -> tuple[Spot, ...]:
    frames = []
    for number, caption in enumerate(picture.frames):
        first, last = _extent(picture, high, number)
        left, right = sides.left[first], sides.right[last]
        right = max(right, left + width_of(caption, CAPTION, bold=True))
        width, height = right - left + 2 * FRAME, high.bottom
        frames.append(Spot((left + right) / 2, height / 2, width, height))
    return tuple(frames)


def _routes(
    picture: Picture, high: Heights, sides: _Sides, spots: Mapping[str, Spot]
) -> tuple[Route, ...]:
    box_of = {box.id: box for box in picture.boxes}
    seen = Counter[tuple[str, str]]()
    most = _most_marks(picture)
    routes = []
    for number, arrow in enumerate(picture.arrows):
        source, target = spots[arrow.source], spots[arrow.target]
        start, end = high.columns[arrow.source], high.columns[arrow.target]
        role = box_of[arrow.target].role
        if start < end:
            port = high.ports[number]
            tip = target.left + _inset(target, role, port.below), target.y + port.below
            flat = _flat(arrow, port, most)
            routes.append(_across(source, tip, flat, (start, end), high.tracks.get(number), sides))
            continue
        same = seen[arrow.source, arrow.target]
        seen[arrow.source, arrow.target] += 1
        if same or _is_blocked(arrow, high):
            tip = _right_tip(source, target, role, same)
            routes.append(_around(source, tip, sides.right[start], _bulge(arrow, high, same)))
        else:
            routes.append(_straight_up_or_down(source, target))
    return tuple(routes)


def _most_marks(picture: Picture) -> int:
    return max((len(arrow.marks) for arrow in picture.arrows), default=0)


def _flat(arrow: Arrow, port: Port, most: int) -> float:
    """How much of an arrow is level before its head, for its marks; `most` is what any has."""
    if not arrow.marks:
        return 0.0
    return BEHIND + MARK_PITCH * (port.slot * most + len(arrow.marks))


def _across(
    source: Spot,
    tip: Point,
    flat: float,
    columns: tuple[int, int],
    track: float | None,
    sides: _Sides,
) -> Route:
    """From column to column; over others on a track."""
    start, end = columns
    pen = Pen((source.right, source.y))
    pen.straight((sides.right[start], source.y))
    if track is not None:
        pen.across((sides.left[start + 1], track))
        pen.straight((sides.right[end - 1], track))
    bend = sides.left[end] - HEAD - flat
    pen.across((bend, tip[1]))
    pen.straight((tip[0] - HEAD + 1, tip[1]))
    return Route(pen.line, head_at(tip, "right"), (bend + MARK_PITCH / 2, tip[1]))


def _straight_up_or_down(source: Spot, target: Spot) -> Route:
    goes_down = target.y > source.y
    tip = (source.x, target.top if goes_down else target.bottom)
    pen = Pen((source.x, source.bottom if goes_down else source.top))
    pen.straight((source.x, tip[1] - HEAD + 1 if goes_down else tip[1] + HEAD - 1))
    return Route(pen.line, head_at(tip, "down" if goes_down else "up"), pen.middle, True)


def _around(source: Spot, tip: Point, side: float, bulge: float) -> Route:
    """Within a column, on the right of its boxes."""
    pen = Pen((source.right, source.y))
    pen.straight((side, source.y))
    pen.around((side + HEAD, tip[1]), bulge)
    middle = pen.middle
    pen.straight((tip[0] + HEAD - 1, tip[1]))
    return Route(pen.line, head_at(tip, "left"), middle, True)


def _right_tip(source: Spot, target: Spot, role: Role, same: int) -> Point:
    """Where an arrow around others ends: off the middle of its target, others of its kind apart."""
    port = max(0.0, target.height / 4 - PORT * same) * (1 if source.y > target.y else -1)
    return target.right - _inset(target, role, port), target.y + port


def _is_blocked(arrow: Arrow, high: Heights) -> bool:
    """Whether boxes stand between two others of a column."""
    column = high.columns[arrow.source]
    ends = sorted((high.boxes[arrow.source], high.boxes[arrow.target]))
    return any(
        ends[0] < y < ends[1] and high.columns[box] == column for box, y in high.boxes.items()
    )


def _bulge(arrow: Arrow, high: Heights, same: int) -> float:
    """How far to the right an arrow goes around boxes, as the one of several with its ends."""
    rows = abs(high.boxes[arrow.source] - high.boxes[arrow.target]) / high.pitch
    return BULGE + BULGE_STEP * (rows + 2 * same)


def _inset(target: Spot, role: Role, port: float) -> float:
    """How far within its sides a box is met, some way off its middle: where its corners are."""
    if role == "adapter":
        return abs(port)
    corner = target.height / 2 if role in ("nested", "output") else CORNER
    within = max(0.0, abs(port) - target.height / 2 + corner)
    return corner - sqrt(corner**2 - within**2)
