"""A graph as a picture: one box a node, one arrow an input, and what each of them says.

The ids of boxes are those of nodes behind the number of their layer: `0/p6_td`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from fpncompiler.drawing.picture import (
    PROLOGUE,
    Arrow,
    Box,
    Mark,
    Picture,
    Role,
    flow_between,
)
from fpncompiler.ir.defaults import Defaults
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import BRANCH_LETTERS
from fpncompiler.ir.ops import (
    Activate,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Fuse,
    Fusion,
    Input,
    Pool,
    Resample,
    Step,
    Styled,
    Unary,
    Upsample,
)
from fpncompiler.ir.text import step_text

_BRANCH = re.compile(rf"((?:[{BRANCH_LETTERS}]_)+)")


@dataclass(slots=True)
class Sketch:
    """A picture in the making; `box_of` finds a box by its id."""

    adapters: bool
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    box_of: dict[str, Box] = field(default_factory=dict)

    def put(self, box: Box) -> str:
        """Add a box; return its id."""
        self.boxes.append(box)
        self.box_of[box.id] = box
        return box.id

    def join(self, source: str, target: str, steps: tuple[Step, ...] = ()) -> None:
        """Add an arrow between boxes that are there; adapters are part of it if they are shown."""
        start, end = self.box_of[source], self.box_of[target]
        shown = [step for step in steps if self.adapters or not isinstance(step, Adapt)]
        about = f"{start.label} to {end.label}"
        if shown:
            about += f": {', '.join(map(_words, shown))}"
        flow = flow_between(start, end)
        self.arrows.append(Arrow(source, target, flow, marks_of(shown), about))

    def picture(self, frames: Iterable[str] = ()) -> Picture:
        """The picture of what is there."""
        return Picture(tuple(self.boxes), tuple(self.arrows), tuple(frames))


def layer_picture(graph: Graph, *, adapters: bool = True) -> Picture:
    """One layer with its inputs and outputs."""
    sketch = Sketch(adapters)
    names = sketch_inputs(sketch, graph)
    made = sketch_layer(sketch, graph, names, frame=0)
    sketch_outputs(sketch, made, frame=1)
    return sketch.picture()


def sketch_inputs(sketch: Sketch, graph: Graph) -> dict[str, str]:
    """Boxes for the inputs of a graph; node -> id of its box."""
    names = {}
    for node in graph.order():
        op = graph.op(node)
        if isinstance(op, Input):
            family = "in" if op.source == "in" else "backbone"
            about = f"{node}: {_shape(op.level, op.width)}, an input"
            box = Box(f"in/{node}", node, op.level, "input", family, PROLOGUE, about=about)
            names[node] = sketch.put(box)
    return names


def sketch_layer(
    sketch: Sketch, graph: Graph, names: Mapping[str, str], frame: int
) -> dict[int, str]:
    """Boxes and arrows for all that a graph computes.

    Args:
        names: the ids of the boxes that its inputs are, by node.

    Returns:
        Level -> id of the box that is the output.
    """
    found = dict(names)
    branches = _branches(graph)
    for node in graph.computed():
        op = graph.op(node)
        assert not isinstance(op, Input)
        edges = graph.inputs(node)
        if _is_adapter(op, edges) and not sketch.adapters:
            found[node] = found[edges[0].source]
            continue
        family = family_of(node, op.level)
        box = Box(
            id=f"{frame}/{node}",
            label=node,
            level=op.level,
            role=_role(op, edges),
            family=family,
            frame=frame,
            branch=branches.get(family, ""),
            fusion=fusion_text(op.fusion) if isinstance(op, Fuse) else "",
            about=_about(node, op, edges),
        )
        found[node] = sketch.put(box)
        for edge in edges:
            sketch.join(found[edge.source], box.id, edge.via)
    return {level: found[node] for level, node in sorted(graph.outputs.items())}


def sketch_outputs(sketch: Sketch, outputs: Mapping[int, str], frame: int) -> None:
    """A box for each output, right of everything."""
    for level, source in sorted(outputs.items()):
        name = f"P{level}"
        about = f"output {name}"
        box = Box(f"output/{name}", name, level, "output", "outputs", frame, about=about)
        sketch.join(source, sketch.put(box))


def family_of(node: str, level: int) -> str:
    """What a node is called without its level: `td` for `p6_td`, `p` for `p6`."""
    return "p" if node == f"p{level}" else node.removeprefix(f"p{level}_")


def fusion_text(fusion: Fusion) -> str:
    """A fusion, with what one of its weights covers if that is not an input."""
    return fusion.kind + ("" if fusion.granularity == "scalar" else f"/{fusion.granularity}")


def marks_of(steps: Sequence[Step]) -> tuple[Mark, ...]:
    """What an arrow is marked with: an adapter, and steps of the edge's own."""
    marks: list[Mark] = []
    if any(isinstance(step, Adapt) for step in steps):
        marks.append("adapter")
    if any(isinstance(step, Convolution | Pool | Activate | Block) for step in steps):
        marks.append("step")
    return tuple(marks)


def _branches(graph: Graph) -> dict[str, str]:
    """The branch of each family of a layer of parallel ones; `a_td` is of branch `a_`."""
    nodes = [*graph.computed()]
    families = {family_of(node, graph.op(node).level) for node in nodes}
    found = {name: match[1] for name in families if (match := _BRANCH.match(name))}
    return found if {"a", "b"} <= {branch[0] for branch in found.values()} else {}


def _is_adapter(op: Fuse | Unary, edges: tuple[Edge, ...]) -> bool:
    """Whether a node does nothing but adapt a map for several readers."""
    adapts = bool(op.steps) and all(isinstance(step, Adapt) for step in op.steps)
    return isinstance(op, Unary) and adapts and not edges[0].via


def _role(op: Fuse | Unary, edges: tuple[Edge, ...]) -> Role:
    if isinstance(op, Fuse):
        return "nested" if op.nested else "fuse"
    return "adapter" if _is_adapter(op, edges) else "unary"


def _about(node: str, op: Fuse | Unary, edges: tuple[Edge, ...]) -> str:
    kind = f"{fusion_text(op.fusion)} of " if isinstance(op, Fuse) else "from "
    text = f"{node}: {_shape(op.level, op.width)}, {kind}{', '.join(e.source for e in edges)}"
    steps = "".join(f", {_words(step)}" for step in op.steps)
    return f"{text}; then{steps[1:]}" if steps else text


def _shape(level: int, width: int) -> str:
    channels = f", {width} channels" if width else ""
    return f"level {level} (1/{2**level}){channels}"


def _words(step: Step) -> str:
    """A step, for people."""
    match step:
        case Adapt():
            return f"1x1 adapter to {step.width}"
        case Upsample():
            return f"{step.mode} up by {2**step.levels}"
        case Downsample():
            return f"{step.mode} down by {2**step.levels}"
        case Resample():
            return "resampling"
        case Convolution():
            own = Defaults(
                norm=step.norm, redundant_bias=step.bias, unused_activation=step.activation
            )
            return step_text(step, own)  # constants would be in the way
        case Block(style=Styled() as style):
            return step_text(step, Defaults(norm=style.norm, activation=style.activation))
        case Pool() | Activate() | Block():
            return step_text(step)
        case _:
            assert_never(step)
