"""What holds for every graph after every pass. A violation is a fault of ours, not the user's.

A graph that was read from text may break the same rules; then it is its author's, and a diagnostic.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from fpncompiler.ir.flow import arrival, entry_width
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.ops import Fuse, Input, Unary, entry_level, width_after

MAX_SHOWN = 12  # nodes of a circle


class VerifyError(Exception):
    """A pass broke the graph: the pass, all violations, and the graph as text."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a graph breaks: at a node, at one of its inputs, or at an output level."""

    text: str
    node: str = ""
    slot: int | None = None
    output: int | None = None
    help: str = ""


def verify(graph: Graph, after: str, *, resampled: bool = False, adapted: bool = False) -> None:
    """Check a graph.

    Args:
        after: the name of the pass that made it.
        resampled: from here on every edge arrives at its reader's level.
        adapted: from here on every edge arrives with its reader's width.

    Raises:
        VerifyError: listing all violations.
    """
    found = violations(graph, resampled=resampled, adapted=adapted)
    if not found:
        return
    if graph.cycle():  # such a graph has no order to print it in
        raise VerifyError(f"after {after}: {found[0].text}")
    from fpncompiler.ir.text import print_graph

    report = "\n".join(f"  - {violation.text}" for violation in found)
    raise VerifyError(f"after {after}:\n{report}\n{print_graph(graph)}")


def violations(graph: Graph, *, resampled: bool = False, adapted: bool = False) -> list[Violation]:
    """The rules that a graph breaks; of one with a cycle, the cycle alone."""
    if cycle := graph.cycle():
        _, target, slot = cycle[-1]
        text = f"a cycle through {', '.join(edge[0] for edge in cycle[:MAX_SHOWN])}"
        text += ", ..." * (len(cycle) > MAX_SHOWN)
        return [Violation(text, target, slot, help="leave out one of the edges")]
    faults = [
        fault
        for node in graph.nodes()
        for fault in _node_faults(graph, node, resampled=resampled, adapted=adapted)
    ]
    return [*faults, *_output_faults(graph)]


def _node_faults(graph: Graph, node: str, *, resampled: bool, adapted: bool) -> Iterator[Violation]:
    op = graph.op(node)
    edges = graph.inputs(node)
    if fault := _arity_fault(op, len(edges)):
        help = "call it `fuse`" if edges else "name what it reads, as in `[p4_in, p5_td]`"
        yield Violation(f"{node}: {fault}", node, help=help)
    if isinstance(op, Input):
        return
    for slot, edge in enumerate(edges):
        level, width = arrival(graph, edge)
        if resampled and level != entry_level(op):
            text = f"{node}: input {slot} arrives at level {level}, not {entry_level(op)}"
            distance = level - entry_level(op)
            step = f"^{distance}" if distance > 0 else f"v{-distance}"
            yield Violation(text, node, slot, help=f"write `{step}` behind it")
        if adapted and op.fuse_width not in (None, width):
            text = f"{node}: input {slot} arrives {width} wide, not {op.fuse_width}"
            help = f"write `*{op.fuse_width}` behind it"
            yield Violation(text, node, slot, help=help)
    if adapted and edges:
        width = width_after(op.steps, entry_width(graph, node))
        if width != op.width:
            text = f"{node}: yields {width} channels, not {op.width}"
            yield Violation(text, node, help=f"write `width {width}`, or a step that leads there")


def _arity_fault(op: Input | Fuse | Unary, arity: int) -> str:
    match op:
        case Input():
            return "an input reads something" if arity else ""
        case Fuse():
            return "" if arity else "fuses nothing"
        case Unary():
            return "" if arity == 1 else f"a unary node with {arity} inputs"
        case _:
            assert_never(op)


def _output_faults(graph: Graph) -> Iterator[Violation]:
    for level, node in sorted(graph.outputs.items()):
        if node not in graph:
            text = f"output {level} is {node}, which is not a node"
            yield Violation(text, output=level, help="name a node")
        elif graph.op(node).level != level:
            own = graph.op(node).level
            text = f"output {level} is {node}, which is at level {own}"
            help = f"call it `p{own}`, or name a node at level {level}"
            yield Violation(text, output=level, help=help)
    if not graph.outputs:
        yield Violation("there are no outputs", help="name them, as in `p3=NODE p4=NODE`")
