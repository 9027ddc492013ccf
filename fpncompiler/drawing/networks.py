"""A network as a picture: the backbone's maps, coarser ones made of them, layer after layer.

Layers that look alike are drawn once, with their number in the caption of their frame.
"""

from dataclasses import dataclass, replace

from fpncompiler.drawing.layers import (
    Sketch,
    layer_picture,
    sketch_layer,
    sketch_outputs,
)
from fpncompiler.drawing.picture import PROLOGUE, Box, Picture
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Input


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive layers that look alike."""

    graph: Graph
    count: int


def network_picture(network: Network, *, layers: int = 1, adapters: bool = False) -> Picture:
    """The network from the backbone's maps to its outputs.

    Args:
        layers: how many layers are drawn one by one, if the network has as many; the rest of
            layers that look alike is drawn once. Layers that differ are drawn in any case.
        adapters: whether 1x1 convolutions to another width are marked.
    """
    sketch = Sketch(adapters)
    taps, reads = _sketch_prologue(sketch, network.extra)
    runs = _unrolled(_runs(network, adapters), layers)
    for frame, run in enumerate(runs):
        names = {}
        for node in run.graph.nodes():
            op = run.graph.op(node)
            if isinstance(op, Input):
                given = reads if op.source == "in" else taps
                names[node] = given.get(op.level) or _tap(sketch, op, taps)
        reads = sketch_layer(sketch, run.graph, names, frame)
    sketch_outputs(sketch, reads, len(runs))
    return sketch.picture(_captions(runs))


def _sketch_prologue(sketch: Sketch, extra: Graph) -> tuple[dict[int, str], dict[int, str]]:
    """What the first layer is given; level -> box, of the backbone and of the pyramid."""
    taps: dict[int, str] = {}
    names = {}
    for node in extra.order():
        op = extra.op(node)
        if isinstance(op, Input):
            names[node] = _tap(sketch, op, taps)
    reads = sketch_layer(sketch, extra, names, PROLOGUE)
    levels = [box.level for box in sketch.boxes]
    if len(set(levels)) == len(levels):  # as the papers have it: one column up to the coarsest
        for place, box in enumerate(sketch.boxes):
            sketch.boxes[place] = sketch.box_of[box.id] = replace(box, family="backbone")
    return taps, reads


def _tap(sketch: Sketch, op: Input, taps: dict[int, str]) -> str:
    """The box of one of the backbone's maps, made where it is first read."""
    name = f"C{op.level}"
    about = f"{name}: level {op.level} (1/{2**op.level}), {op.width} channels, of the backbone"
    box = Box(f"backbone/{name}", name, op.level, "input", "backbone", PROLOGUE, about=about)
    taps[op.level] = sketch.put(box)
    return taps[op.level]


def _runs(network: Network, adapters: bool) -> list[_Run]:
    runs: list[_Run] = []
    for layer in network.layers:
        if runs and _looks(runs[-1].graph, adapters) == _looks(layer.graph, adapters):
            runs[-1] = replace(runs[-1], count=runs[-1].count + layer.repeats)
        else:
            runs.append(_Run(layer.graph, layer.repeats))
    return runs


def _looks(graph: Graph, adapters: bool) -> tuple[str, Picture]:
    """What can be seen of a layer."""
    picture = layer_picture(graph, adapters=adapters)
    boxes = tuple(replace(box, about="") for box in picture.boxes)
    arrows = tuple(replace(arrow, about="") for arrow in picture.arrows)
    return graph.name, replace(picture, boxes=boxes, arrows=arrows)


def _unrolled(runs: list[_Run], layers: int) -> list[_Run]:
    """The runs, the first ones taken apart until there are as many as asked."""
    spare = layers - len(runs)
    found = []
    for run in runs:
        apart = max(0, min(spare, run.count - 1))
        spare -= apart
        found += [replace(run, count=1)] * apart + [replace(run, count=run.count - apart)]
    return found


def _captions(runs: list[_Run]) -> list[str]:
    """What each frame is called; none is needed where there is one layer."""
    if len(runs) == 1 and runs[0].count == 1:
        return []
    names = [run.graph.name for run in runs]
    captions = []
    first: dict[str, int] = {}
    for run in runs:
        name = run.graph.name
        number = first.get(name, 0) + 1
        first[name] = number + run.count - 1
        which = "" if names.count(name) == 1 else f" layer {number}"
        times = "" if run.count == 1 else f" \u00d7 {run.count}"
        captions.append(f"{name}{which}{times}")
    return captions
