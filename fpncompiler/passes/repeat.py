"""Repeat a layer, its outputs rebound to the inputs of the next (paper section 3.2, third point).

    layer, depth 4, outputs p3..p7   ->   FirstLayer (adapters from the backbone's widths) x 1
                                          RepeatedLayer (all widths equal) x 3

Layers of equal structure are one graph with a count, so nothing grows with the depth.
"""

from collections.abc import Callable
from dataclasses import replace

from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Layer
from fpncompiler.ir.ops import Input


def repeat(
    layer: Graph,
    depth: int,
    pyramid: dict[int, int],
    taps: dict[int, int],
    outputs: tuple[int, ...],
    lower: Callable[[Graph], Graph],
) -> tuple[Layer, ...]:
    """The layers of a network, equal neighbours merged.

    Args:
        layer: the layer after its rewrites.
        depth: how many layers, at least 1.
        pyramid: level -> channels of what the first layer reads.
        taps: level -> channels of the backbone's features, for nodes that read those everywhere.
        outputs: the levels that the last layer returns; earlier ones return what the next reads.
        lower: run on each distinct layer: widths, dead-node removal, resampling, adapters.
    """
    layers: list[Layer] = []
    reads = pyramid
    previous: tuple[dict[int, int], tuple[int, ...]] | None = None
    for index in range(depth):
        wanted = outputs if index == depth - 1 else tuple(sorted(pyramid))
        if (reads, wanted) == previous:
            layers[-1] = replace(layers[-1], repeats=layers[-1].repeats + 1)
            continue
        previous = (reads, wanted)
        graph = lower(bound(layer, reads, taps, wanted))
        layers.append(Layer(graph, 1))
        # An output may be the layer's own input, so widths follow the graph.
        reads = {level: graph.op(node).width for level, node in graph.outputs.items()}
    return tuple(layers)


def bound(
    layer: Graph, reads: dict[int, int], taps: dict[int, int], wanted: tuple[int, ...]
) -> Graph:
    """The layer with its inputs as wide as what it reads, returning only the wanted levels."""
    graph = layer.copy()
    for node in graph.nodes():
        op = graph.op(node)
        if isinstance(op, Input):
            widths = reads if op.source == "in" else taps
            graph.set_op(node, replace(op, width=widths[op.level]))
    graph.outputs = {level: graph.outputs[level] for level in wanted}
    return graph
