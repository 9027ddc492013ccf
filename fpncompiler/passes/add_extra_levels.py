"""Make the levels that the backbone lacks, as EfficientDet does (effdet BiFpn, automl resample_p6).

    p6 [c5]   adapted to the network's width, then pooled
    p7 [p6]   pooled

Before: the backbone's features. After: an output for every level of the pyramid; edges are adapted
and resampled by the passes that do so everywhere.
"""

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Adapting, Input, Resampling, Unary


def add_extra_levels(
    taps: dict[int, int],
    levels: tuple[int, ...],
    width: int,
    resampling: Resampling,
    adapting: Adapting,
) -> Graph:
    """The prologue: a graph from the backbone's features to an input for every level.

    Args:
        taps: level -> channels of the backbone's features; its highest level is the source.
        levels: the levels of the pyramid.
        width: channels of the levels that are made.
    """
    graph = Graph("extra_levels")
    for level, channels in sorted(taps.items()):
        node = f"c{level}"
        graph.add_node(node, Input(level, channels, "backbone"))
        if level in levels:
            graph.outputs[level] = node
    source = f"c{max(taps)}"
    for level in levels:
        if level <= max(taps):
            continue
        node = f"p{level}"
        graph.add_node(node, Unary(level, width, (), resampling, adapting, fuse_width=width))
        graph.set_inputs(node, (Edge(source),))
        graph.outputs[level] = source = node
    return graph
