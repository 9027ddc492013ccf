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
    widths: dict[int, int | None],
    resampling: Resampling,
    adapting: Adapting,
) -> Graph:
    """The prologue: a graph from the backbone's features to an input for every level.

    Args:
        taps: level -> channels of the backbone's features; its highest level is the source.
        widths: the levels of the pyramid, and the channels of those that are made: None for as many
            as come.
    """
    graph = Graph("extra_levels")
    for level, channels in sorted(taps.items()):
        node = f"c{level}"
        graph.add_node(node, Input(level, channels, "backbone"))
        if level in widths:
            graph.outputs[level] = node
    source = f"c{max(taps)}"
    for level, width in sorted(widths.items()):
        if level <= max(taps):
            continue
        node = f"p{level}"
        graph.add_node(node, Unary(level, width or 0, (), resampling, adapting, fuse_width=width))
        graph.set_inputs(node, (Edge(source),))
        graph.outputs[level] = source = node
    return graph
