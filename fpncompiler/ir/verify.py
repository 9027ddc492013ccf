"""What holds for every graph after every pass. A violation is a fault of ours, not the user's."""

from typing import assert_never

from fpncompiler.ir.flow import arrival, entry_width
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.ops import Fuse, Input, Unary, entry_level, width_after
from fpncompiler.ir.text import print_graph


class VerifyError(Exception):
    """A pass broke the graph: the pass, all violations, and the graph as text."""


def verify(graph: Graph, after: str, *, resampled: bool = False, adapted: bool = False) -> None:
    """Check a graph.

    Args:
        after: the name of the pass that made it.
        resampled: from here on every edge arrives at its reader's level.
        adapted: from here on every edge arrives with its reader's width.

    Raises:
        VerifyError: listing all violations.
    """
    if cycle := graph.cycle():
        raise VerifyError(f"after {after}: a cycle through {', '.join(e[0] for e in cycle)}")
    faults = [
        fault
        for node in graph.nodes()
        for fault in _node_faults(graph, node, resampled=resampled, adapted=adapted)
    ]
    faults += _output_faults(graph)
    if faults:
        report = "\n".join(f"  - {fault}" for fault in faults)
        raise VerifyError(f"after {after}:\n{report}\n{print_graph(graph)}")


def _node_faults(graph: Graph, node: str, *, resampled: bool, adapted: bool) -> list[str]:
    op = graph.op(node)
    edges = graph.inputs(node)
    faults = _arity_faults(node, op, len(edges))
    if isinstance(op, Input):
        return faults
    for slot, edge in enumerate(edges):
        level, width = arrival(graph, edge)
        if resampled and level != entry_level(op):
            faults.append(f"{node}: input {slot} arrives at level {level}, not {entry_level(op)}")
        if adapted and op.fuse_width not in (None, width):
            faults.append(f"{node}: input {slot} arrives {width} wide, not {op.fuse_width}")
    if adapted and edges:
        width = width_after(op.steps, entry_width(graph, node))
        faults += [f"{node}: yields {width} channels, not {op.width}"] if width != op.width else []
    return faults


def _arity_faults(node: str, op: Input | Fuse | Unary, arity: int) -> list[str]:
    match op:
        case Input():
            return [f"{node}: an input reads something"] if arity else []
        case Fuse():
            return [] if arity else [f"{node}: fuses nothing"]
        case Unary():
            return [] if arity == 1 else [f"{node}: a unary node with {arity} inputs"]
        case _:
            assert_never(op)


def _output_faults(graph: Graph) -> list[str]:
    faults = []
    for level, node in sorted(graph.outputs.items()):
        if node not in graph:
            faults.append(f"output {level} is {node}, which is not a node")
        elif graph.op(node).level != level:
            faults.append(f"output {level} is {node}, which is at level {graph.op(node).level}")
    return faults or ([] if graph.outputs else ["there are no outputs"])
