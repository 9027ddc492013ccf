"""The rewrites of a layer as pictures, one a stage: what each pass removed, and what it added.

The places of boxes and arrows are those of a plan that has all of them.
"""

from collections.abc import Sequence
from dataclasses import replace

from fpncompiler.drawing.layers import layer_picture
from fpncompiler.drawing.picture import Arrow, ArrowKey, Box, Panel, Picture, in_state
from fpncompiler.ir.graph import Graph


def stage_panels(stages: Sequence[tuple[str, Graph]]) -> list[Panel]:
    """A panel for each stage; the first is named by what was built."""
    pictures = [layer_picture(graph, adapters=False) for _, graph in stages]
    plan = _together(pictures)
    panels = []
    for place, (name, graph) in enumerate(stages):
        if place == 0:
            note = "as the spec declares it"
            panels.append(Panel(graph.name, note, pictures[0], plan))
            continue
        picture = _changed(pictures[place - 1], pictures[place])
        panels.append(Panel(f"after {name}", _note(picture), picture, plan))
    return panels


def _changed(before: Picture, after: Picture) -> Picture:
    """The picture after a pass, with what it removed and what it added told apart."""
    old_boxes = {box.id for box in before.boxes}
    new_boxes = {box.id for box in after.boxes}
    old_arrows, new_arrows = before.keyed_arrows(), after.keyed_arrows()
    gone = in_state(before, "removed")
    came = in_state(after, "added")
    boxes = [box for box in gone.boxes if box.id not in new_boxes]
    boxes += [
        shown if box.id not in old_boxes else box
        for box, shown in zip(after.boxes, came.boxes, strict=True)
    ]
    arrows = [
        arrow for key, arrow in zip(old_arrows, gone.arrows, strict=True) if key not in new_arrows
    ]
    arrows += [
        shown if key not in old_arrows else arrow
        for (key, arrow), shown in zip(new_arrows.items(), came.arrows, strict=True)
    ]
    return replace(after, boxes=tuple(boxes), arrows=tuple(arrows))


def _together(pictures: Sequence[Picture]) -> Picture:
    """A picture with every box and arrow of several, each once."""
    boxes: dict[str, Box] = {}
    arrows: dict[ArrowKey, Arrow] = {}
    for picture in pictures:
        boxes |= {box.id: box for box in picture.boxes}
        arrows |= picture.keyed_arrows()
    return Picture(tuple(boxes.values()), tuple(arrows.values()))


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
