"""Where everything of a picture is: boxes on the grid of levels and columns, arrows around them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from fpncompiler.drawing.curves import HEAD, Pen, Point, Route, head_at
from fpncompiler.drawing.heights import Heights, Port, heights
from fpncompiler.drawing.measures import CAPTION, CORNER, Spot, box_size, width_of
from fpncompiler.drawing.picture import Arrow, Picture, Role

GAP, STEEPNESS = 46.0, 0.3  # between columns: at least, and more for arrows that go far up or down
BULGE, BULGE_STEP = 14.0, 6.0  # of arrows within a column that boxes stand in the way of
MARK, MARK_STEP = 5.0, 9.0  # from a head to the first mark on its line, and to the next
FRAME = 14.0  # around the boxes of a layer
BESIDE = 8.0  # between arrows of the same boxes


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
    for number, arrow in enumerate(picture.arrows):
        start, end = high.columns[arrow.source], high.columns[arrow.target]
        leaves, arrives = high.boxes[arrow.source], high.boxes[arrow.target]
        if start == end:
            bulge = _bulge(arrow, high) if _is_blocked(arrow, high) else 0.0
            gaps[start] = max(gaps[start], GAP + bulge)
            continue
        track = high.tracks.get(number, arrives)
        gaps[start] = max(gaps[start], GAP + STEEPNESS * abs(leaves - track))
        marked = _flat(arrow, high.ports[number]) if arrow.marks else 0.0
        gaps[end - 1] = max(gaps[end - 1], GAP + marked + STEEPNESS * abs(track - arrives))
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
    role_of = {box.id: box.role for box in picture.boxes}
    vertical = Counter[tuple[str, str]]()
    routes = []
    for number, arrow in enumerate(picture.arrows):
        source, target = spots[arrow.source], spots[arrow.target]
        start, end = high.columns[arrow.source], high.columns[arrow.target]
        if start < end:
            port = high.ports[number]
            tip = _left_end(target, role_of[arrow.target], port.below)
            flat = _flat(arrow, port)
            route = _across(source, tip, flat, (start, end), high.tracks.get(number), sides)
        elif _is_blocked(arrow, high):
            route = _around(source, target, sides.right[start], _bulge(arrow, high))
        else:
            ends = arrow.source, arrow.target
            route = _straight_up_or_down(source, target, BESIDE * vertical[ends])
            vertical[ends] += 1
        routes.append(route)
    return tuple(routes)


def _flat(arrow: Arrow, port: Port) -> float:
    """How much of an arrow is level before its head, for marks; those of neighbours alternate."""
    if not arrow.marks:
        return 0.0
    return MARK + MARK_STEP * (2 * len(arrow.marks) - 1 + port.rank % 2)


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
    return Route(pen.line, head_at(tip, "right"), (bend + MARK_STEP / 2, tip[1]))


def _straight_up_or_down(source: Spot, target: Spot, beside: float) -> Route:
    goes_down = target.y > source.y
    x = source.x + beside
    tip = (x, target.top if goes_down else target.bottom)
    pen = Pen((x, source.bottom if goes_down else source.top))
    pen.straight((x, tip[1] - HEAD + 1 if goes_down else tip[1] + HEAD - 1))
    return Route(pen.line, head_at(tip, "down" if goes_down else "up"), pen.middle)


def _around(source: Spot, target: Spot, side: float, bulge: float) -> Route:
    """Within a column, on the right of the boxes between; it ends off the middle."""
    port = target.height / 4 * (1 if source.y > target.y else -1)
    tip = (target.right, target.y + port)
    pen = Pen((source.right, source.y))
    pen.straight((side, source.y))
    pen.around((side + HEAD, tip[1]), bulge)
    middle = pen.middle
    pen.straight((tip[0] + HEAD - 1, tip[1]))
    return Route(pen.line, head_at(tip, "left"), middle)


def _is_blocked(arrow: Arrow, high: Heights) -> bool:
    """Whether boxes stand between two others of a column."""
    column = high.columns[arrow.source]
    ends = sorted((high.boxes[arrow.source], high.boxes[arrow.target]))
    return any(
        ends[0] < y < ends[1] and high.columns[box] == column for box, y in high.boxes.items()
    )


def _bulge(arrow: Arrow, high: Heights) -> float:
    rows = abs(high.boxes[arrow.source] - high.boxes[arrow.target]) / high.pitch
    return BULGE + BULGE_STEP * rows


def _left_end(target: Spot, role: Role, port: float) -> Point:
    """Where an arrow from the left meets a box, some way off its middle."""
    if role == "adapter":
        return target.left + abs(port), target.y + port
    corner = target.height / 2 if role in ("nested", "output") else CORNER
    within = max(0.0, abs(port) - target.height / 2 + corner)
    return target.left + corner - sqrt(corner**2 - within**2), target.y + port
