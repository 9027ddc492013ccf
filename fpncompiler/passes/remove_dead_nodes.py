"""Remove nodes that no output depends on. A layer's own inputs stay: they are its signature.

    outputs p2=p2_td    ->    p3_out .. p7_out are gone

After: every node but the layer's own inputs leads to an output. Inputs from the backbone go if
none of them does.
"""

from fpncompiler.ir.graph import Graph
from fpncompiler.ir.ops import Input, Op


def remove_dead_nodes(graph: Graph) -> Graph:
    """The graph of its outputs alone."""
    live = graph.live()
    dead = [node for node in graph.computed() if node not in live]
    backbone = [node for node in graph.nodes() if _is_backbone(graph.op(node))]
    if not live.intersection(backbone):
        dead = [*backbone, *dead]  # read by nothing, it is no argument of the layer
    if not dead:
        return graph
    graph = graph.copy()
    for node in reversed(dead):
        graph.remove_node(node)
    return graph


def _is_backbone(op: Op) -> bool:
    return isinstance(op, Input) and op.source == "backbone"
