"""Remove nodes that no output depends on. Inputs stay: they are the layer's signature.

outputs p2=p2_td    ->    p3_out .. p7_out are gone
"""

from fpncompiler.ir.graph import Graph


def remove_dead_nodes(graph: Graph) -> Graph:
    """The graph of its outputs alone."""
    live = graph.live()
    dead = [node for node in graph.computed() if node not in live]
    if not dead:
        return graph
    graph = graph.copy()
    for node in reversed(dead):
        graph.remove_node(node)
    return graph
