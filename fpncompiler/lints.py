"""What compiles but was hardly meant, seen in the graphs: W301 to W305.

Each is reported once for a declaration, where the author wrote it.
"""

from collections.abc import Iterable, Iterator

from fpncompiler.analysis.cost import Cost, step_parameters
from fpncompiler.assembly import Stage
from fpncompiler.diagnostics import Sink, Span
from fpncompiler.ir.flow import arrival, edge_passages
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Adapt, Fuse, Input, entry_level

LONG_JUMP = 3  # levels; a ratio of 8 between the sides of the two maps
MANY_ADAPTERS = 4  # of one map, on edges of their own


def lint(stages: Iterable[Stage], network: Network, cost: Cost, sink: Sink) -> None:
    """Warn of what a network's topologies have without use, or at a price; `cost` is its own."""
    for stage in stages:
        _unread_nodes(stage.layer, sink)
        _idle_levels(stage, sink)
        _long_jumps(stage.graphs[0][1], sink)
        _fusions_of_one(stage.layer, sink)
    _exploding_adapters(network, cost, sink)


def _by_declaration(graph: Graph) -> dict[Span, list[str]]:
    """The nodes that each declaration makes; fusions within another are no nodes of their own."""
    found: dict[Span, list[str]] = {}
    for node in graph.computed():
        op, span = graph.op(node), graph.span(node)
        if span is not None and not (isinstance(op, Fuse) and op.nested):
            found.setdefault(span, []).append(node)
    return found


def _unread_nodes(graph: Graph, sink: Sink) -> None:
    live = graph.live()
    for span, unsorted in _by_declaration(graph).items():
        nodes = sorted(unsorted, key=lambda node: (graph.op(node).level, node))
        if live.isdisjoint(nodes):
            what = f"`{nodes[0]}`" if len(nodes) == 1 else f"`{nodes[0]}` to `{nodes[-1]}`"
            message = f"no output depends on {what}"
            help = "let something read it, name it under `outputs`, or remove it"
            sink.warning("W301", message, span, label="is left out of the code", help=help)


def _idle_levels(stage: Stage, sink: Sink) -> None:
    """Levels that the network spans without a node, and whose input nothing reads."""
    graph, topology = stage.layer, stage.topology
    used = {graph.op(node).level for node in graph.computed()}
    for node in graph.computed():
        used |= {graph.op(edge.source).level for edge in graph.inputs(node)}
    idle = [level for level in topology.levels if level not in used]
    if idle:
        shown = ", ".join(str(level) for level in idle)
        message = f"no node is at level {shown}, and none reads its input"
        help = "end `levels` where the network does: maps of all levels are made"
        sink.warning("W302", message, topology.levels_span, help=help)


def _long_jumps(graph: Graph, sink: Sink) -> None:
    for node in graph.computed():
        op = graph.op(node)
        assert not isinstance(op, Input)
        for edge in graph.inputs(node):
            level = arrival(graph, edge)[0]
            distance = abs(level - entry_level(op))
            how = op.resampling.up if level > entry_level(op) else op.resampling.down
            if distance >= LONG_JUMP and edge.span and isinstance(how, str):  # no learned steps
                way = "up" if level > entry_level(op) else "down"
                message = f"`{edge.source}` is resampled {way} by {2**distance} on its way "
                message += f"into `{node}`"
                help = "read a level between, or say by `via` how the map changes its level"
                label = f"from level {level} to level {entry_level(op)}"
                sink.warning("W303", message, edge.span, label=label, help=help)


def _fusions_of_one(graph: Graph, sink: Sink) -> None:
    for node in graph.computed():
        op, span = graph.op(node), graph.span(node)
        if isinstance(op, Fuse) and op.fusion.weighs and len(graph.inputs(node)) == 1:
            message = f"`{node}` weighs its one input"
            pruning = "`passes: [prune_single_input]` removes such nodes"
            if op.keep:
                pruning = "`keep` saves it from `prune_single_input`"
            help = f"{pruning}; `fusion: sum` weighs nothing"
            sink.warning("W305", message, span, label="one input at this level", help=help)


def _exploding_adapters(network: Network, whole: Cost, sink: Sink) -> None:
    """One map that many readers adapt, each by a convolution of its own."""
    for layer in network.layers:
        adapters = [*_adapters(layer.graph)]
        readers: dict[str, list[str]] = {}
        for source, reader, _ in adapters:
            readers.setdefault(source, []).append(reader)
        most = max(readers, key=lambda source: len(readers[source]), default="")
        if len(readers.get(most, ())) < MANY_ADAPTERS:
            continue
        cost = sum(parameters for *_, parameters in adapters)
        total = whole.parameters or 1
        message = f"`{most}` is brought to another width {len(readers[most])} times"
        label = f"{len(adapters)} adapters for {len(readers)} maps: {cost:,} parameters, "
        label += f"{cost / total:.0%} of the network"
        help = "`adapters: {sharing: per_source}` has one for each map"
        sink.warning("W304", message, layer.graph.span(readers[most][0]), label=label, help=help)
        return


def _adapters(graph: Graph) -> Iterator[tuple[str, str, int]]:
    """Source, reader and parameters of each adapter on an edge."""
    for node in graph.computed():
        for edge in graph.inputs(node):
            for passage in edge_passages(graph, edge):
                if isinstance(passage.step, Adapt):
                    yield edge.source, node, step_parameters(passage)
