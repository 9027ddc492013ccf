"""Bring every input to the width of its reader by a 1x1 convolution.

    per_edge            p5_td [p5_in, p6_td ^1]       ->  p5_td [p5_in *64, p6_td ^1]
                        p5_out [p5_in, p5_td]             p5_out [p5_in *64, p5_td]
    per_source          p5_in_to_64 [p5_in] > *64         p5_td [p5_in_to_64, p6_td ^1]
                                                          p5_out [p5_in_to_64, p5_td]
    per_source_level    p5_in_to_p5 [p5_in] > *64         one for each level of its readers

Before: edges may join different widths. After: every edge arrives with its reader's width. The
convolution comes before the resampling, at the source's resolution, as in effdet's
ResampleFeatureMap; after the edge's own steps where those set the width.
"""

from dataclasses import replace

from fpncompiler.ir.flow import arrival
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import (
    Adapt,
    Fuse,
    Input,
    Unary,
    adapter_node,
    entry_level,
    sets_width,
)


def insert_adapters(graph: Graph) -> Graph:
    """The graph with an adapter wherever an edge changes the width.

    A node whose own steps take any width needs none.
    """
    graph = graph.copy()
    for node in graph.nodes():
        op = graph.op(node)
        if isinstance(op, Input) or op.fuse_width is None:
            continue
        edges = graph.inputs(node)
        adapted = tuple(_to_width(graph, edge, op, op.fuse_width) for edge in edges)
        if adapted != edges:
            graph.set_inputs(node, adapted)
    return graph


def _to_width(graph: Graph, edge: Edge, op: Fuse | Unary, width: int) -> Edge:
    if arrival(graph, edge)[1] == width:
        return edge
    how = op.adapting
    adapt = Adapt(width, how.norm, how.bias)
    if sets_width(edge.via):
        return replace(edge, via=(*edge.via, adapt))
    if how.sharing == "per_edge":
        return replace(edge, via=(adapt, *edge.via))
    return replace(edge, source=_shared(graph, edge.source, adapt, op))


def _shared(graph: Graph, source: str, adapt: Adapt, op: Fuse | Unary) -> str:
    """The node that adapts a source for several readers."""
    per_level = op.adapting.sharing == "per_source_level"
    level = f"p{entry_level(op)}"
    name = f"{source}_to_{level}" if per_level else f"{source}_to_{adapt.width}"
    if per_level and level in graph:
        name += "__shared"  # the name without it is that of an edge between the two nodes
    made = adapter_node(graph.op(source).level, adapt)
    found, number = name, 1
    while found in graph and graph.op(found) != made:
        number += 1
        found = f"{name}__{number}"  # readers of one level may differ in width or in norm
    if found not in graph:
        graph.add_node(found, made)
        graph.set_inputs(found, (Edge(source),))
    return found
