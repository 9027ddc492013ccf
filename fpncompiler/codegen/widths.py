"""Widths as the code writes them: numbers, or the backbone's channels by name, such as `c5 + 256`.

Another backbone can then be chosen when a generated model is constructed.
"""

from collections import Counter
from dataclasses import dataclass

from fpncompiler.ir.flow import Passage
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Fuse, Input, Step, step_width


@dataclass(frozen=True, slots=True)
class Width:
    """A number of channels: those of some levels of the backbone, and a constant."""

    levels: tuple[int, ...] = ()
    constant: int = 0

    def __add__(self, other: "Width") -> "Width":
        return Width((*self.levels, *other.levels), self.constant + other.constant)

    def __str__(self) -> str:
        counts = Counter(self.levels)  # in the order of their first
        names = [f"{n} * c{level}" if n > 1 else f"c{level}" for level, n in counts.items()]
        return " + ".join([*names, str(self.constant)] if self.constant or not names else names)


class Widths:
    """The width of each node of a graph, in such terms.

    `fixed` are the levels of the backbone that are read where only one number of channels will do.
    """

    def __init__(self, graph: Graph, given: dict[int, Width]) -> None:
        """`given` are the widths of the layer's own inputs that are the backbone's."""
        self._graph = graph
        self._nodes: dict[str, Width] = {}
        self.fixed: set[int] = set()
        shared: dict[str, Width] = {}
        for node in graph.order():
            op = graph.op(node)
            if isinstance(op, Input):
                own = Width((op.level,)) if op.source == "backbone" else given.get(op.level)
                self._nodes[node] = own or Width(constant=op.width)
                continue
            width = self.entry(node)
            if op.share and shared.setdefault(op.share, width) != width:
                self.fixed.update((*width.levels, *shared[op.share].levels))
            for step in op.steps:
                width = self.after(step, width)
            self._nodes[node] = width
            if op.fuse_width is not None:
                arriving = [self.arriving(edge) for edge in graph.inputs(node)]
                self.fixed.update(level for width in arriving for level in width.levels)

    def of(self, node: str) -> Width:
        """What a node yields."""
        return self._nodes[node]

    def arriving(self, edge: Edge) -> Width:
        """What arrives on an edge."""
        width = self._nodes[edge.source]
        for step in edge.via:
            width = self.after(step, width)
        return width

    def entry(self, node: str) -> Width:
        """What a node has after its fusion."""
        op = self._graph.op(node)
        assert not isinstance(op, Input)
        if op.fuse_width is not None:
            return Width(constant=op.fuse_width)
        widths = [self.arriving(edge) for edge in self._graph.inputs(node)]
        if isinstance(op, Fuse) and op.fusion.concatenates:
            return sum(widths[1:], widths[0])
        return widths[0]

    @staticmethod
    def after(step: Step, width: Width) -> Width:
        """The width of a step's result."""
        constant = step_width(step, 0)
        return Width(constant=constant) if constant else width


def along(passages: list[Passage], start: Width) -> list[Width]:
    """The width in front of each step."""
    widths = []
    for passage in passages:
        widths.append(start)
        start = Widths.after(passage.step, start)
    return widths
