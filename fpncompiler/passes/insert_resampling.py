"""Bring every input to the level at which its reader takes it, in one hop of any factor.

    p6_td [p6_in, p7_in]    ->    p6_td [p6_in, p7_in ^1]

Before: edges may join different levels. After: every edge arrives at its reader's level, or, where
the reader's own steps change the level, at the one that they start from. It happens at the end of
the edge's own steps, or where those say `resample`. A learned way takes a step a level.
"""

from dataclasses import replace

from fpncompiler.ir.flow import arrival
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import (
    Block,
    Convolution,
    Downsample,
    Input,
    Resample,
    Resampling,
    Step,
    Upsample,
    entry_level,
)


def insert_resampling(graph: Graph) -> Graph:
    """The graph with an up- or downsampling on each edge that changes the level."""
    graph = graph.copy()
    for node in graph.nodes():
        op = graph.op(node)
        if isinstance(op, Input):
            continue
        edges = graph.inputs(node)
        moved = tuple(_to_level(graph, edge, entry_level(op), op.resampling) for edge in edges)
        if moved != edges:
            graph.set_inputs(node, moved)
    return graph


def _to_level(graph: Graph, edge: Edge, level: int, how: Resampling) -> Edge:
    steps = _steps(arrival(graph, edge)[0] - level, how)
    place = edge.via.index(Resample()) if Resample() in edge.via else len(edge.via)
    if not steps and place == len(edge.via):
        return edge
    return replace(edge, via=(*edge.via[:place], *steps, *edge.via[place + 1 :]))


def _steps(distance: int, how: Resampling) -> tuple[Step, ...]:
    """What brings a map `distance` levels up in resolution."""
    if distance == 0:
        return ()
    if distance > 0:
        return (how.up,) * distance if isinstance(how.up, Block) else (Upsample(how.up, distance),)
    if isinstance(how.down, Convolution):
        return (how.down,) * -distance
    return (Downsample(how.down, -distance, how.padding),)
