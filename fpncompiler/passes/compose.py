"""Layers made of layers: one upside down, several side by side.

    mirror       p3_td [p3_in, p4_td ^1]    ->    p7_td [p7_in, p6_td v1]
    side by side a(p3_in..p7_in), b(p3_in..p7_in)    ->    p3_out [p3_a_out, p3_b_out], ...

Before: layers after their rewrites. After: one layer; what a branch calls `p6_td` is `p6_a_td`.
"""

from dataclasses import replace

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import BRANCH_LETTERS
from fpncompiler.ir.ops import Fuse, Input, Op, levels_of


def mirror_fault(graph: Graph) -> str:
    """What no mirror can keep: the backbone's levels, steps that change one; empty if nothing."""
    for node in graph.order():
        op = graph.op(node)
        if isinstance(op, Input):
            if op.source == "backbone":
                return f"it reads level {op.level} of the backbone"
            continue
        vias = [edge.via for edge in graph.inputs(node)]
        if levels_of(op.steps) or any(levels_of(via) for via in vias):
            return f"the steps of `{node}` change the level"
    return ""


def mirror(graph: Graph, low: int, high: int) -> Graph:
    """The layer with its levels reversed: `low` becomes `high`."""

    def renamed(node: str) -> str:
        level = graph.op(node).level
        prefix = f"p{level}_"
        return (
            f"p{low + high - level}_{node.removeprefix(prefix)}"
            if node.startswith(prefix)
            else node
        )

    mirrored = Graph(graph.name)
    for node in graph.nodes():
        op = graph.op(node)
        mirrored.add_node(renamed(node), replace(op, level=low + high - op.level), graph.span(node))
    for node in graph.nodes():
        edges = (replace(edge, source=renamed(edge.source)) for edge in graph.inputs(node))
        mirrored.set_inputs(renamed(node), tuple(edges))
    mirrored.outputs = {low + high - level: renamed(n) for level, n in graph.outputs.items()}
    return mirrored


def side_by_side(name: str, branches: list[Graph], merging: dict[int, Fuse]) -> Graph:
    """One layer of several over the same inputs, merged level by level.

    Args:
        merging: the op of each level's merging node, which reads the branches in their order.
    """
    graph = Graph(name)
    outputs: dict[int, list[str]] = {level: [] for level in merging}
    for letter, branch in zip(BRANCH_LETTERS, branches, strict=False):
        names = {node: _in_branch(branch, node, letter) for node in branch.nodes()}
        for node in branch.nodes():
            if names[node] not in graph:
                op = _with_own_share(branch.op(node), letter)
                graph.add_node(names[node], op, branch.span(node))
        for node in branch.computed():
            edges = (replace(edge, source=names[edge.source]) for edge in branch.inputs(node))
            graph.set_inputs(names[node], tuple(edges))
        for level, node in branch.outputs.items():
            outputs[level].append(names[node])
    for level, op in merging.items():
        graph.add_node(f"p{level}_out", op)
        graph.set_inputs(f"p{level}_out", tuple(Edge(source) for source in outputs[level]))
        graph.outputs[level] = f"p{level}_out"
    return graph


def _with_own_share(op: Op, letter: str) -> Op:
    """The op, sharing with nodes of its own branch alone."""
    if isinstance(op, Input) or not op.share:
        return op
    return replace(op, share=f"{letter}_{op.share}")


def _in_branch(graph: Graph, node: str, letter: str) -> str:
    op = graph.op(node)
    if isinstance(op, Input):
        return node
    prefix = f"p{op.level}_"
    if node.startswith(prefix):
        return f"{prefix}{letter}_{node.removeprefix(prefix)}"
    return f"{letter}_{node}"
