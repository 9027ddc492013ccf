"""How high everything of a picture is: rows of levels, boxes, tracks and ports of arrows."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf

from fpncompiler.drawing.columns import columns
from fpncompiler.drawing.measures import BOX_HEIGHT, CLEARANCE, MARK_PITCH, box_size
from fpncompiler.drawing.picture import Picture
from fpncompiler.drawing.tracks import Lane, tracks

ROOM = (
    72,
    80,
    88,
    96,
    112,
    128,
    160,
)  # from level to level: the first that lets arrows pass nearby
BRANCH_PITCH = BOX_HEIGHT + 12.0
PORT, NARROWEST = 7.0, 5.0  # between the heads of arrows into one box
EDGE = 3.0  # of a side that no head is at


@dataclass(frozen=True, slots=True)
class Port:
    """Where an arrow ends: how far below the middle of its target.

    Marks on the lines of neighbours have different slots, for lines are nearer than marks are high.
    """

    below: float
    slot: int


@dataclass(frozen=True, slots=True)
class Heights:
    """The columns of boxes, and all heights from the top of the drawing on.

    `pitch` is from level to level, `room` the part of it that is for arrows. Tracks and ports are
    found by the number of their arrow: a track where it passes other columns, a port where it comes
    from the left.
    """

    columns: Mapping[str, int]
    rows: Mapping[int, float]
    pitch: float
    room: float
    boxes: Mapping[str, float]
    tracks: Mapping[int, float]
    ports: Mapping[int, Port]
    bottom: float


def heights(picture: Picture, plan: Heights | None = None) -> Heights:
    """Rows as near each other as the arrows between them let them be; or those of a plan."""
    placed = plan.columns if plan else columns(picture)
    for room in (plan.room,) if plan else ROOM:
        rows, boxes, pitch = _rows(picture, room)
        passing = _tracks(picture, placed, boxes, pitch)
        if passing is not None:
            break
    else:
        passing = _tracks(picture, placed, boxes, inf) or {}
    edges = [y + side for y in rows.values() for side in (-pitch / 2, pitch / 2)]
    edges += [y + side for y in passing.values() for side in (-CLEARANCE, CLEARANCE)]
    down = -min(edges)
    boxes = {box: y + down for box, y in boxes.items()}
    passing = {number: y + down for number, y in passing.items()}
    return Heights(
        columns=placed,
        rows={level: y + down for level, y in rows.items()},
        pitch=pitch,
        room=room,
        boxes=boxes,
        tracks=passing,
        ports=_ports(picture, placed, boxes, passing),
        bottom=max(edges) + down,
    )


def _rows(picture: Picture, room: float) -> tuple[dict[int, float], dict[str, float], float]:
    """The heights of levels and of boxes, parallel branches side by side, and the pitch."""
    branches = sorted({box.branch for box in picture.boxes if box.branch})
    spread = max(len(branches) - 1, 0) * BRANCH_PITCH
    beside = {name: n * BRANCH_PITCH - spread / 2 for n, name in enumerate(branches)}
    pitch, top = room + spread, picture.levels[-1]
    rows = {level: (top - level) * pitch for level in picture.levels}
    boxes = {box.id: rows[box.level] + beside.get(box.branch, 0.0) for box in picture.boxes}
    return rows, boxes, pitch


def _tracks(
    picture: Picture, placed: Mapping[str, int], boxes: Mapping[str, float], farthest: float
) -> dict[int, float] | None:
    """Arrow -> its track; None if one is farther away than it may be."""
    asked = {
        number: Lane(placed[a.source], placed[a.target], boxes[a.source], boxes[a.target])
        for number, a in enumerate(picture.arrows)
        if placed[a.target] > placed[a.source] + 1
    }
    in_column: dict[int, list[float]] = {}
    for box, y in boxes.items():
        in_column.setdefault(placed[box], []).append(y)
    found = tracks([*asked.values()], in_column, farthest)
    return None if found is None else dict(zip(asked, found, strict=True))


def _ports(
    picture: Picture,
    placed: Mapping[str, int],
    boxes: Mapping[str, float],
    passing: Mapping[int, float],
) -> dict[int, Port]:
    """Arrow -> where it ends, in the order in which they arrive; a level one stays level.

    Where that leaves too little room for the others, it gives way.
    """
    into: dict[str, list[tuple[float, int]]] = {}
    for number, arrow in enumerate(picture.arrows):
        if placed[arrow.source] < placed[arrow.target]:
            comes_from = passing.get(number, boxes[arrow.source])
            into.setdefault(arrow.target, []).append((comes_from, number))
    box_of = {box.id: box for box in picture.boxes}
    ports = {}
    for target, arrivals in into.items():
        arrivals.sort()
        last = len(arrivals) - 1
        room = box_size(box_of[target])[1] / 2 - EDGE
        levels = (rank for rank, (y, _) in enumerate(arrivals) if y == boxes[target])
        middle = next(levels, last / 2)
        if room / max(middle, last - middle, 1) < NARROWEST:
            middle = last / 2
        step = min(PORT, room / max(middle, last - middle, 1))
        slots = ceil(MARK_PITCH / step)
        for rank, (_, number) in enumerate(arrivals):
            ports[number] = Port((rank - middle) * step, rank % slots)
    return ports
