"""The rewrites of a layer as pictures, one a stage: what each pass removed, and what it added.

The places of boxes and arrows are those of a plan that has all of them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from fpncompiler.drawing.layers import layer_picture
from fpncompiler.drawing.picture import Arrow, Box, Panel, Picture
from fpncompiler.ir.graph import Graph

_Key = tuple[str, str, int]


def stage_panels(stages: Sequence[tuple[str, Graph]]) -> list[Panel]:
    """A panel for each stage; the first is named by what was built."""
    pictures = [layer_picture(graph, adapters=False) for _, graph in stages]
    plan = _together(pictures)
    panels = []
    for place, (name, graph) in enumerate(stages):
        if place == 0:
            nodes, edges = len([*graph.computed()]), graph.edge_count()
            note = f"{_counted(nodes, 'node')}, {_counted(edges, 'edge')}"
            panels.append(Panel("as declared", note, pictures[0], plan))
            continue
        picture = _changed(pictures[place - 1], pictures[place])
        panels.append(Panel(f"after {name}", _note(picture), picture, plan))
    return panels


def _changed(before: Picture, after: Picture) -> Picture:
    """The picture after a pass, with what it removed and what it added told apart."""
    old = {box.id for box in before.boxes}
    new = {box.id for box in after.boxes}
    boxes = [replace(box, state="removed") for box in before.boxes if box.id not in new]
    boxes += [box if box.id in old else replace(box, state="added") for box in after.boxes]
    had, has = _keyed(before), _keyed(after)
    arrows = [replace(arrow, state="removed") for key, arrow in had.items() if key not in has]
    arrows += [a if key in had else replace(a, state="added") for key, a in has.items()]
    return replace(after, boxes=tuple(boxes), arrows=tuple(arrows))


def _together(pictures: Sequence[Picture]) -> Picture:
    """A picture with every box and arrow of several, each once."""
    boxes: dict[str, Box] = {}
    arrows: dict[_Key, Arrow] = {}
    for picture in pictures:
        boxes |= {box.id: box for box in picture.boxes}
        arrows |= _keyed(picture)
    return Picture(tuple(boxes.values()), tuple(arrows.values()))


def _keyed(picture: Picture) -> dict[_Key, Arrow]:
    """Arrows by their ends, and by their number among those that have the same ends."""
    seen = Counter[tuple[str, str]]()
    keyed = {}
    for arrow in picture.arrows:
        ends = arrow.source, arrow.target
        keyed[*ends, seen[ends]] = arrow
        seen[ends] += 1
    return keyed


def _note(picture: Picture) -> str:
    """`2 nodes and 4 edges removed, 2 edges added`; outputs are edges' ends and not counted."""
    parts = []
    ends = {box.id for box in picture.boxes if box.role == "output"}
    for state in ("removed", "added"):
        boxes = sum(box.state == state for box in picture.boxes)
        arrows = sum(a.state == state and a.target not in ends for a in picture.arrows)
        counts = [_counted(boxes, "node"), _counted(arrows, "edge")]
        if found := " and ".join(count for count in counts if count):
            parts.append(f"{found} {state}")
    return ", ".join(parts) or "nothing changed"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number > 1)}" if number else ""
