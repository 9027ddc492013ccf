"""The whole feature network: coarser levels made from the backbone's last, then layers in turn.

c3 c4 c5 --extra--> p3..p7 --layer 1--> p3..p7 --layer 2--> ... --> outputs
"""

from dataclasses import dataclass

from fpncompiler.ir.graph import Graph

# The nodes of parallel branches are called `p6_a_td`, `p6_b_td`.
BRANCH_LETTERS = "abcdefgh"


@dataclass(frozen=True, slots=True)
class Layer:
    """A graph that `repeats` consecutive layers of the network share."""

    graph: Graph
    repeats: int


@dataclass(frozen=True, slots=True)
class Network:
    """A feature network, lowered: every edge adapted and resampled.

    `taps` maps the levels that the backbone gives to their channels. The outputs of `extra` are the
    pyramid that the first layer reads; `outputs` are the levels that the last one returns.
    """

    name: str
    taps: dict[int, int]
    extra: Graph
    layers: tuple[Layer, ...]
    outputs: tuple[int, ...]

    @property
    def depth(self) -> int:
        """The number of layers, repeats counted."""
        return sum(layer.repeats for layer in self.layers)

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels of the pyramid."""
        return tuple(sorted(self.extra.outputs))

    @property
    def coarsest(self) -> int:
        """The coarsest level that has a map anywhere."""
        graphs = [self.extra, *(layer.graph for layer in self.layers)]
        return max(graph.op(node).level for graph in graphs for node in graph.nodes())

    def output_widths(self) -> dict[int, int]:
        """Level -> channels of what the network returns."""
        graph = self.layers[-1].graph
        return {level: graph.op(graph.outputs[level]).width for level in self.outputs}
