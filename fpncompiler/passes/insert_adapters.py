"""Bring every input to the width of its reader by a 1x1 convolution of its own.

    p5_td [p5_in, p6_td ^1]    ->    p5_td [p5_in *64, p6_td ^1]

Before: edges may join different widths. After: every edge arrives with its reader's width. The
convolution comes before the resampling, at the source's resolution, as in effdet's
ResampleFeatureMap; one an edge, shared with no other.
"""

from dataclasses import replace

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Adapt, Adapting, Fuse, Input, Unary
from fpncompiler.ir.verify import arrival, reads_any_width


def insert_adapters(graph: Graph) -> Graph:
    """The graph with an adapter on each edge that changes the width.

    A unary node's own convolution brings its input to its width: it needs no adapter.
    """
    graph = graph.copy()
    for node in graph.nodes():
        op = graph.op(node)
        if isinstance(op, Input) or reads_any_width(op):
            continue
        edges = graph.inputs(node)
        adapted = tuple(_to_width(graph, edge, op) for edge in edges)
        if adapted != edges:
            graph.set_inputs(node, adapted)
    return graph


def _to_width(graph: Graph, edge: Edge, op: Fuse | Unary) -> Edge:
    width = arrival(graph, edge)[1]
    if width == op.width:
        return edge
    return replace(edge, via=(_adapt(width, op.width, op.adapting), *edge.via))


def _adapt(in_width: int, out_width: int, how: Adapting) -> Adapt:
    return Adapt(in_width, out_width, how.norm, how.bias)
