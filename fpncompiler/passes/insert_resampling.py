"""Bring every input to the level of its reader, in one hop of any factor.

    p6_td [p6_in, p7_in]    ->    p6_td [p6_in, p7_in ^1]

Before: edges may join different levels. After: every edge arrives at its reader's level.
"""

from dataclasses import replace

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Downsample, Input, Resampling, Upsample
from fpncompiler.ir.verify import arrival


def insert_resampling(graph: Graph) -> Graph:
    """The graph with an up- or downsampling on each edge that changes the level."""
    graph = graph.copy()
    for node in graph.nodes():
        op = graph.op(node)
        if isinstance(op, Input):
            continue
        edges = graph.inputs(node)
        moved = tuple(_to_level(graph, edge, op.level, op.resampling) for edge in edges)
        if moved != edges:
            graph.set_inputs(node, moved)
    return graph


def _to_level(graph: Graph, edge: Edge, level: int, how: Resampling) -> Edge:
    distance = arrival(graph, edge)[0] - level
    if distance == 0:
        return edge
    if distance > 0:
        return replace(edge, via=(*edge.via, Upsample(how.up, distance)))
    return replace(edge, via=(*edge.via, Downsample(how.down, -distance, how.padding)))
