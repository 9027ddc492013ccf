"""What level and width a map has on its way: along an edge, through a node, into a layer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Fuse, Input, Step, Unary, step_levels, step_width, width_after


@dataclass(frozen=True, slots=True)
class Passage:
    """A step with the level and width of the map before it, and the level after it."""

    step: Step
    level: int
    width: int

    @property
    def level_after(self) -> int:
        """The level of the step's result."""
        return self.level + step_levels(self.step)

    @property
    def width_after(self) -> int:
        """The channels of the step's result."""
        return step_width(self.step, self.width)


def passages(steps: tuple[Step, ...], level: int, width: int) -> Iterator[Passage]:
    """Each step with what arrives at it, given what arrives at the first."""
    for step in steps:
        passage = Passage(step, level, width)
        yield passage
        level, width = passage.level_after, passage.width_after


def edge_passages(graph: Graph, edge: Edge) -> Iterator[Passage]:
    """The steps of an edge."""
    source = graph.op(edge.source)
    return passages(edge.via, source.level, source.width)


def node_passages(graph: Graph, node: str) -> Iterator[Passage]:
    """The steps of a node after its fusion."""
    op = graph.op(node)
    assert not isinstance(op, Input)
    level = op.level - sum(step_levels(step) for step in op.steps)
    return passages(op.steps, level, entry_width(graph, node))


def arrival(graph: Graph, edge: Edge) -> tuple[int, int]:
    """The level and width with which an edge arrives at its reader."""
    source = graph.op(edge.source)
    level, width = source.level, source.width
    for step in edge.via:
        level, width = level + step_levels(step), step_width(step, width)
    return level, width


def entry_width(graph: Graph, node: str) -> int:
    """The width of a node's map after the fusion and before its own steps."""
    op = graph.op(node)
    assert not isinstance(op, Input)
    if op.fuse_width is not None:
        return op.fuse_width
    widths = [arrival(graph, edge)[1] for edge in graph.inputs(node)]
    return sum(widths) if isinstance(op, Fuse) and op.fusion.concatenates else widths[0]


def infer_widths(graph: Graph) -> Graph:
    """The graph with the width of each node, once those of the layer's inputs are known."""
    graph = graph.copy()
    for node in graph.order():
        op = graph.op(node)
        if isinstance(op, Fuse | Unary):
            width = width_after(op.steps, entry_width(graph, node))
            if width != op.width:
                graph.set_op(node, replace(op, width=width))
    return graph
