"""What holds for every network: each graph is lowered, and finds the maps that it reads.

taps -> extra -> layer x2 -> layer -> outputs
"""

from collections.abc import Iterator, Mapping

from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Input
from fpncompiler.ir.verify import Violation, violations

Found = tuple[int, Violation]  # the index of a graph, 0 for that of the extra levels


def network_violations(network: Network) -> list[Found]:
    """The rules that a network breaks, if each of its graphs is one; else what those break."""
    graphs = [network.extra, *(layer.graph for layer in network.layers)]
    found = [
        (index, violation)
        for index, graph in enumerate(graphs)
        for violation in violations(graph, resampled=True, adapted=True)
    ]
    return found or [*_between(network)]


def _between(network: Network) -> Iterator[Found]:
    """What does not fit where one graph hands its maps to the next."""
    taps = network.taps
    yield from _reads(0, network.extra, {}, taps)
    given = _widths(network.extra)
    for index, layer in enumerate(network.layers, start=1):
        yield from _reads(index, layer.graph, given, taps)
        given = _widths(layer.graph)
        if layer.repeats > 1:
            yield from _reads(index, layer.graph, given, taps, "the layer before it, its like,")
    last = len(network.layers)
    for level in network.outputs:
        if level not in given:
            text = f"the network returns level {level}, which no output is at"
            help = f"the last layer has {_levels(given)}"
            yield last, Violation(text, help=help)


def _widths(graph: Graph) -> dict[int, int]:
    return {level: graph.op(node).width for level, node in graph.outputs.items()}


def _reads(
    index: int,
    graph: Graph,
    given: Mapping[int, int],
    taps: Mapping[int, int],
    giver: str = "what comes before",
) -> Iterator[Found]:
    """Inputs of a graph that nobody gives, or gives with another width."""
    for node in graph.nodes():
        op = graph.op(node)
        if not isinstance(op, Input):
            continue
        own = op.source == "in"
        width = (given if own else taps).get(op.level)
        source = giver if own else "the backbone"
        if width is None:
            text = f"{node}: {source} gives no map at level {op.level}"
            come = _levels(given if own else taps)
            yield index, Violation(text, node, help=f"what is given: {come}")
        elif width != op.width:
            text = f"{node}: {source} gives {width} channels, not {op.width}"
            yield index, Violation(text, node, help=f"write `width {width}`")


def _levels(given: Mapping[int, int]) -> str:
    return ", ".join(f"level {level}" for level in sorted(given)) or "nothing"
