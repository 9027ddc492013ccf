"""Passes on the textual IR: read, verified, rewritten, verified after each pass, printed.

What is printed reads back, unless a pass made something beyond the bounds of texts.
"""

from collections.abc import Sequence
from dataclasses import replace

from fpncompiler.diagnostics import Sink
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.reader import MAX_BYTES, Item, read_text
from fpncompiler.ir.step_words import MAX_WIDTH, Kinds
from fpncompiler.ir.text import print_all
from fpncompiler.ir.verify import VerifyError, verify
from fpncompiler.ir.verify_network import network_violations
from fpncompiler.passes import PASSES
from fpncompiler.plugins import block_kinds, fusion_kinds

__all__ = ["MAX_BYTES", "PASSES", "VerifyError", "optimize", "parse_ir"]


def parse_ir(data: bytes, file: str) -> tuple[Item, ...]:
    """The graphs and networks of a text in UTF-8; `file` is what diagnostics call it.

    Raises:
        SpecError: all faults of the text.
    """
    return read_text(data, file, Kinds(block_kinds(), fusion_kinds()), Sink())


def optimize(data: bytes, file: str, passes: Sequence[str]) -> str:
    """The text after some of PASSES, by their names, in this order.

    Raises:
        SpecError: all faults of the text.
        VerifyError: what a pass makes of it is no graph, or what all of them make of a network is
            none, such as one whose edges need adapters again.
    """
    items = parse_ir(data, file)
    for name in passes:
        items = tuple(_after(name, item) for item in items)
    for item in items:
        if isinstance(item, Network):
            _verify_network(item, passes)
    return print_all(items)


def _after(name: str, item: Item) -> Item:
    """A graph, or each graph of a network, after a pass."""
    if isinstance(item, Network):
        layers = tuple(replace(each, graph=_rewritten(name, each.graph)) for each in item.layers)
        return replace(item, extra=_rewritten(name, item.extra), layers=layers)
    return _rewritten(name, item)


def _rewritten(name: str, graph: Graph) -> Graph:
    graph = PASSES[name](graph)
    for node in graph.nodes():
        if graph.op(node).width > MAX_WIDTH:  # of concatenations of concatenations
            raise VerifyError(f"after {name}: node {node} has more than {MAX_WIDTH} channels")
    verify(graph, name)
    return graph


def _verify_network(network: Network, passes: Sequence[str]) -> None:
    """Check what holds for networks alone, which one pass may break and a later one mend."""
    if found := network_violations(network):
        listed = "".join(f"\n  - {violation.text}" for _, violation in found)
        raise VerifyError(f"after {', '.join(passes)}: network {network.name}{listed}")
