"""Which column each box is in.

p7_in  p7_td  p7_out        families are columns, as papers draw them;
p6_in  p6_td  p6_out        what a family needs is left of it

p5_in  p5_out               families that need each other in turn (the necks of YOLO) are
p4_in  p4_up  p4_out        taken apart: a box stands above or below what it resamples, and
p3_in         p3_up p3_out  right of what else it needs
"""

import heapq
from collections.abc import Iterable, Mapping

from fpncompiler.drawing.picture import Arrow, Box, Picture


def columns(picture: Picture) -> dict[str, int]:
    """Box -> its column; frames follow each other, and no two boxes share a place."""
    placed: dict[str, int] = {}
    for frame in sorted({box.frame for box in picture.boxes}):
        boxes = [box for box in picture.boxes if box.frame == frame]
        placed |= _frame_columns(boxes, picture.arrows, 1 + max(placed.values(), default=-1))
    return placed


def _frame_columns(boxes: list[Box], arrows: tuple[Arrow, ...], first: int) -> dict[str, int]:
    """The columns of one frame, each group as far left as it can be, from `first` on."""
    box_of = {box.id: box for box in boxes}
    inner = [a for a in arrows if a.source in box_of and a.target in box_of]
    group_of = _groups(boxes, inner)
    members: dict[str, list[Box]] = {}
    for box in boxes:
        members.setdefault(group_of[box.id], []).append(box)
    needs: dict[str, list[Arrow]] = {group: [] for group in members}
    readers: dict[str, set[str]] = {group: set() for group in members}
    for arrow in inner:
        source, target = group_of[arrow.source], group_of[arrow.target]
        if source != target:
            needs[target].append(arrow)
            readers[source].add(target)
    waits_for = {group: len({group_of[a.source] for a in found}) for group, found in needs.items()}
    ready = [(first, group) for group, count in waits_for.items() if count == 0]
    heapq.heapify(ready)
    placed: dict[str, int] = {}
    taken: set[tuple[int, int]] = set()
    while ready:
        column, group = heapq.heappop(ready)
        while any((column, box.level) in taken for box in members[group]):
            column += 1
        taken |= {(column, box.level) for box in members[group]}
        placed |= {box.id: column for box in members[group]}
        for reader in sorted(readers[group]):
            waits_for[reader] -= 1
            if waits_for[reader] == 0:
                heapq.heappush(ready, (_earliest(needs[reader], placed, box_of, members), reader))
    return placed


def _earliest(
    needs: Iterable[Arrow],
    placed: Mapping[str, int],
    box_of: Mapping[str, Box],
    members: Mapping[str, list[Box]],
) -> int:
    """The first column in which a group can be, right of what it needs or right above it."""
    return max(placed[arrow.source] + (not _stacks(arrow, box_of, members)) for arrow in needs)


def _stacks(arrow: Arrow, box_of: Mapping[str, Box], members: Mapping[str, list[Box]]) -> bool:
    """Whether an arrow may be vertical: between single boxes of neighbouring levels."""
    source, target = box_of[arrow.source], box_of[arrow.target]
    near = abs(source.level - target.level) == 1 and source.branch == target.branch
    return near and source.id in members and target.id in members


def _groups(boxes: list[Box], arrows: list[Arrow]) -> dict[str, str]:
    """Box -> its group: its family, or itself where the family is alone or cannot be a column.

    That is where what comes out of a family leads back to it through others.
    """
    family_of = {box.id: box.family for box in boxes}
    number = {family: place for place, family in enumerate(sorted(set(family_of.values())))}
    reach = [0] * len(number)  # sets of families, as bits
    for arrow in arrows:
        source, target = number[family_of[arrow.source]], number[family_of[arrow.target]]
        if source != target:
            reach[source] |= 1 << target
    for between in range(len(reach)):
        for start in range(len(reach)):
            if reach[start] >> between & 1:
                reach[start] |= reach[between]
    sizes = [0] * len(number)
    for box in boxes:
        sizes[number[box.family]] += 1
    alone = {f for f, place in number.items() if reach[place] >> place & 1 or sizes[place] == 1}
    return {box.id: box.id if box.family in alone else f"family {box.family}" for box in boxes}
