"""Remove fusing nodes that have one input, at their own level (paper section 3.2, first point).

    p7_td [p7_in]                 p6_td [p6_in, p7_in]
    p6_td [p6_in, p7_td]    ->

"If a node has only one input edge with no feature fusion, then it will have less contribution."
Before: any layer. After: no fusing node has a single same-level input, unless it says `keep`; its
readers and output aliases have moved to its source. Unary nodes, level changes and inputs with
steps of their own stay.
"""

from dataclasses import replace

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Fuse, levels_of


def prune_single_input(graph: Graph) -> Graph:
    """The graph without nodes that fuse nothing, to a fixpoint."""
    graph = graph.copy()
    # A removal can leave a reader with one input only if two of its inputs fall together, so the
    # worklist sees each node again that lost an input. Of a chain the first node goes first, so
    # that the readers of the last one move once.
    worklist = list(graph.computed())
    while worklist:
        node = worklist.pop()
        if node not in graph or not _fuses_nothing(graph, node):
            continue
        source = graph.inputs(node)[0].source
        if _fuses_nothing(graph, source):
            worklist += (node, source)
        else:
            worklist.extend(_bypass(graph, node))
    return graph


def _fuses_nothing(graph: Graph, node: str) -> bool:
    op = graph.op(node)
    if not isinstance(op, Fuse) or op.keep:
        return False
    inputs = graph.inputs(node)
    if len(inputs) != 1 or inputs[0].via or levels_of(op.steps):
        return False
    return graph.op(inputs[0].source).level == op.level


def _bypass(graph: Graph, node: str) -> tuple[str, ...]:
    """Let every reader of a node read its source instead; return the readers."""
    source = graph.inputs(node)[0].source
    readers = graph.readers(node)
    for reader in readers:
        graph.set_inputs(reader, _redirected(graph.inputs(reader), node, source))
    for level, output in graph.outputs.items():
        if output == node:
            graph.outputs[level] = source
    graph.remove_node(node)
    return readers


def _redirected(edges: tuple[Edge, ...], node: str, source: str) -> tuple[Edge, ...]:
    """The inputs with `node` replaced; dropped where the reader has that source already."""
    has_source = {edge.via for edge in edges if edge.source == source}
    moved = (
        replace(edge, source=source) if edge.source == node else edge
        for edge in edges
        if edge.source != node or edge.via not in has_source
    )
    return tuple(moved)
