"""Memory of activations before torch is imported: bytes of float32 maps, for one image.

What is counted are the maps of a forward pass in eval mode without autograd, as the generated file
of the training form runs it; weights, what the network reads and scratch memory within one
operation are not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fpncompiler.analysis.liveness import deletions
from fpncompiler.analysis.sizes import Size, sizes
from fpncompiler.analysis.statements import Statement, statements
from fpncompiler.ir.detector import Heads, Model
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Input
from fpncompiler.work import NOTHING, Work, in_turn, make, side_by_side, then

VALUE = 4  # bytes of a float32


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: the maps that nodes give, summed over all layers, and the most held at once."""

    activations: int
    peak: int


def network_memory(network: Network, image_size: Size, resolution: Size | None = None) -> Memory:
    """The memory of a feature network, for an image of `image_size` (height, width).

    `resolution` is as of `statements`.
    """
    run = _Run()
    lines = statements(network.extra, image_size, resolution)
    pyramid = run.layer(network.extra, lines, {}, "extra")
    run.fixed = {*run.kept}  # local names of the whole forward pass
    index = 0
    for layer in network.layers:
        lines = statements(layer.graph, image_size, resolution)
        for _ in range(layer.repeats):
            pyramid = run.layer(layer.graph, lines, pyramid, f"layer{index}")
            run.settle({*pyramid.values()})
            index += 1
    return Memory(VALUE * run.activations, VALUE * run.peak)


def node_bytes(graph: Graph, image_size: Size) -> dict[str, int]:
    """The bytes of each node's map."""
    lines = statements(graph, image_size)
    return {line.name: VALUE * line.values for line in lines if line.name in graph}


def heads_memory(network: Network, model: Model, image_size: Size) -> Memory:
    """The memory of the heads behind a feature network; their activations are what they give."""
    heads, widths = model.heads, network.output_widths()
    last = network.layers[-1].graph
    found = sizes(last, image_size).nodes
    cells = {level: _cells(found[last.outputs[level]]) for level in network.outputs}
    common = heads.common_width(widths.values())
    if heads.segments:
        ((level, width),) = widths.items()
        return _of_parts([_head_work(heads, width, heads.classes, cells[level])], 1)
    adapted = [make(common * cells[level]) for level in cells if widths[level] != common]
    parts = [then(part, part) for part in adapted]  # a convolution, and its norm
    for outputs in (model.anchors.per_cell * heads.classes, model.anchors.per_cell * 4):
        parts += [_head_work(heads, common, outputs, cells[level]) for level in cells]
    return _of_parts(parts, 2 * len(cells))


def _of_parts(parts: Sequence[Work], results: int) -> Memory:
    """Parts whose results are all held, the last of which are those that count."""
    activations = sum(part.kept for part in parts[-results:])
    return Memory(VALUE * activations, VALUE * side_by_side(parts).peak)


def _head_work(heads: Heads, width: int, outputs: int, cells: int) -> Work:
    """A head on one level: convolutions with norms and activations, and one that predicts."""
    works = []
    hidden = heads.common_width([width])
    for before in [width, *([hidden] * (heads.depth - 1))][: heads.depth]:
        convolved = _convolved(heads, before, hidden, cells)
        works.append(then(convolved, make(hidden * cells)))
    last = hidden if heads.depth else width
    return in_turn([*works, _convolved(heads, last, outputs, cells)])


def _convolved(heads: Heads, in_width: int, out_width: int, cells: int) -> Work:
    wide = make(in_width * cells) if heads.separable else NOTHING
    return then(wide, make(out_width * cells))


def _cells(size: Size) -> int:
    return size[0] * size[1]


class _Run:
    """A forward pass, in values: what is held now, and the most that ever was."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}  # storages, by the layer and the node that made them
        self.fixed: set[str] = set()
        self.activations = self.peak = 0

    def layer(
        self, graph: Graph, lines: Sequence[Statement], given: Mapping[int, str], name: str
    ) -> dict[int, str]:
        """Run a graph on the storages of a pyramid; those that it returns, by level."""
        returned = {*graph.outputs.values()}
        storages = {node: _given(graph, node, given) for node in graph.nodes()}
        for line, dropped in zip(lines, deletions(lines, returned), strict=True):
            self.peak = max(self.peak, sum(self.kept.values()) + line.work.peak)
            storages[line.name] = storages[line.same_as] if line.same_as else f"{name} {line.name}"
            if line.work.kept:
                self.kept[storages[line.name]] = line.work.kept
            for node in dropped:
                self.kept.pop(storages[node], None)
            if line.name in graph:
                self.activations += line.values
        return {level: storages[node] for level, node in graph.outputs.items()}

    def settle(self, alive: set[str]) -> None:
        """A layer has returned: what nobody holds any more goes."""
        self.kept = {s: n for s, n in self.kept.items() if s in alive or s in self.fixed}


def _given(graph: Graph, node: str, given: Mapping[int, str]) -> str:
    """The storage of an input; that of the backbone's features is nobody's here."""
    op = graph.op(node)
    return given.get(op.level, "") if isinstance(op, Input) and op.source == "in" else ""
