"""Panels in the DOT language of Graphviz.

The columns of the drawing are ranks for `dot`, which orders what is within a rank as it likes.
Positions are those of the drawing: `neato -n` has levels as rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fpncompiler.drawing.arrangement import arrange
from fpncompiler.drawing.curves import number
from fpncompiler.drawing.measures import Spot
from fpncompiler.drawing.palette import LIGHT
from fpncompiler.drawing.picture import Arrow, Box, Panel, Role, State
from fpncompiler.drawing.texts import harmless

_SHAPES: dict[Role, str] = {
    "input": f'shape=box, style="rounded,filled", fillcolor="{LIGHT.given}"',
    "output": f'shape=box, style="rounded,filled", fillcolor="{LIGHT.output}"',
    "unary": f'shape=box, style="rounded,filled", fillcolor="{LIGHT.unary}"',
    "fuse": 'shape=box, style="rounded"',
    "nested": "shape=circle",
    "adapter": "shape=diamond, width=0.3, height=0.3",
}
_COLOURS = {"same": LIGHT.same, "finer": LIGHT.finer, "coarser": LIGHT.coarser}
_STATES: dict[State, str] = {
    "kept": "",
    "added": f', color="{LIGHT.added}", penwidth=2',
    "removed": f', color="{LIGHT.removed}", fontcolor="{LIGHT.muted}", style=dashed',
}


_ESCAPES = str.maketrans({"\\": "\\\\", '"': "&quot;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_WIDER = 1.4  # than in the drawing: labels say more
_APART = 60.0


@dataclass(frozen=True, slots=True)
class _Shown:
    """A panel, by its number, and where its boxes are: below others."""

    number: int
    spots: Mapping[str, Spot]
    down: float

    def name(self, box: str) -> str:
        """What a box is called among those of all panels."""
        return quoted(f"{self.number}/{box}")


def dot_of(panels: Sequence[Panel], title: str, about: str) -> str:
    """A directed graph from left to right."""
    lines = [
        f"digraph {quoted(title)} {{",
        f"  graph [rankdir=LR, splines=true, label={quoted(title)}, labelloc=t];",
        f"  graph [comment={quoted(about)}];",
        '  node [fontname="monospace", fontsize=12, height=0.4];',
    ]
    down = 0.0
    for place, panel in enumerate(panels):
        places = arrange(panel.picture, panel.plan)
        lines += _panel(panel, _Shown(place, places.spots, down))
        down += places.height + _APART
    return "\n".join([*lines, "}", ""])


def quoted(*lines: str) -> str:
    """A string of DOT, in which nothing of the text means anything."""
    return '"' + "\\n".join(harmless(line).translate(_ESCAPES) for line in lines) + '"'


def _panel(panel: Panel, shown: _Shown) -> Iterator[str]:
    """A cluster for a panel with a caption, and one for each layer with one."""
    indent = "  "
    if panel.caption:
        yield f"  subgraph cluster_{shown.number} {{"
        indent = "    "
        yield f"{indent}label={quoted(panel.caption)};"
    captions = panel.picture.frames
    for frame in sorted({box.frame for box in panel.picture.boxes}):
        boxes = [box for box in panel.picture.boxes if box.frame == frame]
        if not 0 <= frame < len(captions):
            yield from _boxes(boxes, shown, indent)
            continue
        yield f"{indent}subgraph cluster_{shown.number}_{frame} {{"
        yield f"{indent}  label={quoted(captions[frame])}; style=dashed;"
        yield from _boxes(boxes, shown, f"{indent}  ")
        yield f"{indent}}}"
    yield from (f"{indent}{_arrow(arrow, shown)}" for arrow in panel.picture.arrows)
    if panel.caption:
        yield "  }"


def _boxes(boxes: Iterable[Box], shown: _Shown, indent: str) -> Iterator[str]:
    """Boxes, those of one column in one rank."""
    columns: dict[float, list[str]] = {}
    for box in boxes:
        columns.setdefault(shown.spots[box.id].x, []).append(shown.name(box.id))
    for _, names in sorted(columns.items()):
        yield f"{indent}{{rank=same; {'; '.join(names)}}}"
    yield from (f"{indent}{_box(box, shown)}" for box in boxes)


def _box(box: Box, shown: _Shown) -> str:
    spot = shown.spots[box.id]
    shape = f"label={_label(box)}, {_SHAPES[box.role]}{_STATES[box.state]}"
    group = quoted(f"{shown.number} {box.level}")
    pos = f'pos="{number(_WIDER * spot.x)},{number(-shown.down - spot.y)}"'
    about = f"tooltip={quoted(box.about)}"
    return f"{shown.name(box.id)} [{shape}, group={group}, {pos}, {about}];"


def _label(box: Box) -> str:
    match box.role:
        case "adapter":
            return quoted("")
        case "nested":
            return quoted(box.fusion)
        case _:
            return quoted(box.label, box.fusion) if box.fusion else quoted(box.label)


def _arrow(arrow: Arrow, shown: _Shown) -> str:
    ends = f"{shown.name(arrow.source)} -> {shown.name(arrow.target)}"
    state = _STATES[arrow.state] or f', color="{_COLOURS[arrow.flow]}"'
    return f"{ends} [tooltip={quoted(arrow.about)}{state}];"
