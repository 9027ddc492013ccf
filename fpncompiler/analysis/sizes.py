"""How large each map of a graph is, and which map an upsampled one takes its size from.

A map of level l has ceil(H / 2**l) x ceil(W / 2**l) cells, except after a convolution without
padding, and where an upsampled map finds none of its level to take the size from.
"""

from dataclasses import dataclass
from math import ceil

from fpncompiler.ir.flow import Passage, edge_passages, node_passages
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.ops import Block, Convolution, Input, Upsample

Size = tuple[int, int]


def map_size(level: int, image_size: Size) -> Size:
    """Height and width of the map at a level."""
    return ceil(image_size[0] / 2**level), ceil(image_size[1] / 2**level)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Height and width of each node's map, and of what arrives on each edge."""

    nodes: dict[str, Size]
    arriving: dict[str, tuple[Size, ...]]


class References:
    """The map of a level that gives upsampled maps their size.

    The layer's own input, or else the backbone's, or else the first computed node of the level,
    where that comes before the node in question.
    """

    def __init__(self, graph: Graph) -> None:
        self._order = {node: index for index, node in enumerate(graph.order())}
        self._given: dict[int, str] = {}
        self._computed: dict[int, str] = {}
        for node in graph.order():
            op = graph.op(node)
            if not isinstance(op, Input):
                self._computed.setdefault(op.level, node)
            elif op.source == "in" or op.level not in self._given:
                self._given[op.level] = node

    def at(self, level: int, reader: str) -> str | None:
        """The map that a node can take a level's size from, if there is one."""
        if level in self._given:
            return self._given[level]
        found = self._computed.get(level)
        return found if found and self._order[found] < self._order[reader] else None


def sizes(graph: Graph, image_size: Size) -> Sizes:
    """The sizes of all maps, for images of (height, width) pixels."""
    references = References(graph)
    nodes = {
        node: map_size(op.level, image_size)
        for node in graph.nodes()
        if isinstance(op := graph.op(node), Input)
    }
    arriving: dict[str, tuple[Size, ...]] = {}

    def through(passage: Passage, size: Size, reader: str) -> Size:
        return size_after(
            passage, size, nodes.get(references.at(passage.level_after, reader) or "")
        )

    for node in graph.computed():
        arrived = []
        for edge in graph.inputs(node):
            size = nodes[edge.source]
            for passage in edge_passages(graph, edge):
                size = through(passage, size, node)
            arrived.append(size)
        arriving[node] = tuple(arrived)
        size = arrived[0]
        for passage in node_passages(graph, node):
            size = through(passage, size, node)
        nodes[node] = size
    return Sizes(nodes, arriving)


def size_after(passage: Passage, size: Size, reference: Size | None) -> Size:
    """The size of a step's result; finer levels take it from `reference` where there is one."""
    step = passage.step
    if isinstance(step, Convolution) and step.valid:
        return size[0] - step.kernel + 1, size[1] - step.kernel + 1
    down = passage.level_after - passage.level
    if down < 0 and isinstance(step, Upsample | Block):
        return reference or (size[0] * 2**-down, size[1] * 2**-down)
    return ceil(size[0] / 2**down), ceil(size[1] / 2**down)
