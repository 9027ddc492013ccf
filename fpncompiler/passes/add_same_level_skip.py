"""Add an edge from the original input to the output node of its level (paper, 3.2, second point).

    p4_out [p4_td, p3_td]    ->    p4_out [p4_in, p4_td, p3_td]

"In order to fuse more features without adding much cost." Before: one layer, not yet repeated, or
"original input" would be ambiguous. After: every fusing node that is an output reads its level's
input, as its first input, since released checkpoints and `concat` depend on the order.
"""

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Fuse, Input


def add_same_level_skip(graph: Graph) -> Graph:
    """The graph with a skip edge to each output node that lacks one."""
    graph = graph.copy()
    own_inputs = {
        op.level: node
        for node in graph.nodes()
        if isinstance(op := graph.op(node), Input) and op.source == "in"
    }
    for level, node in sorted(graph.outputs.items()):
        source = own_inputs.get(level)
        inputs = graph.inputs(node)
        if source is None or not isinstance(graph.op(node), Fuse):
            continue
        if all(edge.source != source for edge in inputs):
            graph.set_inputs(node, (Edge(source, span=graph.span(node)), *inputs))
    return graph
