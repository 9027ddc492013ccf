"""Topologies, a model and a backbone -> the network; `fit` has what must hold between them.

topology [after topology ...]  ->  layer graphs, rewritten  ->  prologue and layers, lowered
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fpncompiler.diagnostics import Sink, SpecError
from fpncompiler.fit import check_levels, check_network, listed
from fpncompiler.ir.detector import Model
from fpncompiler.ir.flow import infer_widths
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Layer, Network
from fpncompiler.ir.ops import Input
from fpncompiler.passes import REWRITES
from fpncompiler.passes.add_extra_levels import add_extra_levels
from fpncompiler.passes.compose import mirror, mirror_fault, side_by_side
from fpncompiler.passes.insert_adapters import insert_adapters
from fpncompiler.passes.insert_resampling import insert_resampling
from fpncompiler.passes.remove_dead_nodes import remove_dead_nodes
from fpncompiler.passes.repeat import repeat
from fpncompiler.passes.trace import Trace
from fpncompiler.spec.build import build_layer, build_prologue, merging_nodes
from fpncompiler.spec.style import fusion_arity
from fpncompiler.spec.topology import Branch, Topology

MAX_UNROLLED = 100_000
BUILD, EXTRA_LEVELS, REPEAT = "build", "add_extra_levels", "repeat"

BranchReader = Callable[[Branch, Topology], Topology]


@dataclass(frozen=True, slots=True)
class Stage:
    """One topology of a network: the graph of its layer as built and after each rewrite."""

    topology: Topology
    graphs: tuple[tuple[str, Graph], ...]

    @property
    def layer(self) -> Graph:
        """The layer after all rewrites."""
        return self.graphs[-1][1]


def build_stages(
    topologies: Sequence[Topology],
    channels: dict[int, int],
    read_branch: BranchReader,
    sink: Sink,
    trace: Trace,
) -> list[Stage]:
    """One topology after another, each rewritten.

    Args:
        channels: level -> channels of the backbone's features.
        read_branch: reads the spec that a branch of `parallel` names.

    Raises:
        SpecError: all faults of the first layer that has any, and those of the prologue.
    """
    levels = tuple(channels)
    try:
        return [_build_stage(each, levels, read_branch, sink, trace) for each in topologies]
    except SpecError:
        if topologies[0].prologue and channels:
            build_prologue(topologies[0], channels, sink)
        raise


def _build_stage(
    topology: Topology,
    backbone_levels: tuple[int, ...],
    branch_topology: BranchReader,
    sink: Sink,
    trace: Trace,
    within: tuple[str, ...] = (),
) -> Stage:
    """A topology's layer, rewritten.

    Args:
        backbone_levels: the levels at which `backbone(l)` exists.
        branch_topology: reads the spec that a branch of `parallel` names.
        within: the topologies of which it is a branch, the outermost first.
    """
    if topology.parallel:
        chain = (*within, topology.name)

        def build(branch: Branch) -> Graph:
            read = branch_topology(branch, topology)
            if read.name in chain:
                message = f"`{branch.name}` is a branch of itself in the end"
                sink.fatal("F210", message, branch.span)
            return _build_stage(read, backbone_levels, branch_topology, sink, trace, chain).layer

        layer = _parallel(topology, build, sink, trace)
    else:
        with trace.timed(BUILD):
            layer = build_layer(topology, backbone_levels, sink)
    graphs = [(BUILD, trace.note(BUILD, layer))]
    for name in topology.passes:
        layer = trace.run(name, REWRITES[name], layer)
        graphs.append((name, layer))
    return Stage(topology, tuple(graphs))


def _parallel(
    topology: Topology, build: Callable[[Branch], Graph], sink: Sink, trace: Trace
) -> Graph:
    """The branches side by side, over all levels that the topology reads."""
    levels = topology.levels
    branches = []
    for branch in topology.parallel:
        layer = build(branch)
        if branch.mirrored:
            if fault := mirror_fault(layer):
                message = f"`{branch.name}` has no mirror: {fault}"
                help = "leave changes of level to the edges, which turn around by themselves"
                sink.fatal("F306", message, branch.span, help=help)
            layer = trace.run("mirror", lambda graph: mirror(graph, levels.low, levels.high), layer)
        _check_branch(branch, layer, topology, sink)
        branches.append(layer)
    _check_merging(topology, sink)
    with trace.timed(BUILD):
        graph = side_by_side(topology.name, branches, merging_nodes(topology))
        for level in topology.inputs:
            if (node := f"p{level}_in") not in graph:  # no branch reads it, but a layer is given it
                graph.add_node(node, Input(level, topology.width))
    return graph


def _check_branch(branch: Branch, layer: Graph, topology: Topology, sink: Sink) -> None:
    """A branch reads and returns what the network does that it is in."""
    missing = [level for level in topology.levels if level not in layer.outputs]
    if missing:
        message = f"`{branch.name}` returns nothing at level {listed(missing)}, which is merged"
        sink.fatal("F304", message, branch.span)
    inputs = (op for node in layer.nodes() if isinstance(op := layer.op(node), Input))
    reads = {op.level for op in inputs if op.source == "in"}
    if beyond := sorted(reads - set(topology.inputs)):
        message = f"`{branch.name}` reads level {listed(beyond)}, beyond {topology.inputs}"
        help = "say the same `inputs:` in the specs of the branches"
        sink.fatal("F304", message, branch.span, help=help)


def _check_merging(topology: Topology, sink: Sink) -> None:
    kind = topology.style.fusion.kind
    low, high = fusion_arity(kind)
    count = len(topology.parallel)
    if not low <= count <= high:
        message = f"`{kind}` cannot merge {count} branches"
        span = topology.parallel[min(high, count - 1)].span
        wanted = str(low) if low == high else f"{low} to {high}"
        sink.fatal("F307", message, span, help=f"`{kind}` takes {wanted}")


def assemble(
    stages: list[Stage],
    model: Model,
    channels: dict[int, int],
    multiple: int,
    sink: Sink,
    trace: Trace,
) -> Network:
    """The network of one topology after another, each reading what the one before returns.

    Args:
        channels: level -> channels of the backbone's features.
        multiple: what the sides of the backbone's images are multiples of.

    Raises:
        SpecError: levels that do not fit together, maps that cannot be fused or read by the heads.
    """
    first, last = stages[0], stages[-1]
    check_levels([(stage.topology, stage.layer) for stage in stages], model, sink)
    lowered = _Lowering(last.topology, sink, trace)
    with trace.timed(EXTRA_LEVELS):
        extra = _pyramid(first.topology, channels, sink)
    extra = lowered(trace.note(EXTRA_LEVELS, extra))
    reads = {level: extra.op(node).width for level, node in extra.outputs.items()}
    outputs = model.heads.read(last.layer.outputs)
    layers: list[Layer] = []
    for stage, following in itertools.zip_longest(stages, stages[1:]):
        wanted = tuple(following.topology.inputs) if following else outputs
        depth = stage.topology.depth
        with trace.timed(REPEAT):
            layers += repeat(stage.layer, depth, reads, channels, wanted, lowered)
        graph = layers[-1].graph
        reads = {level: graph.op(node).width for level, node in graph.outputs.items()}
    network = Network(last.topology.name, channels, extra, tuple(layers), outputs)
    trace.keep(REPEAT, network)
    with trace.timed("check"):
        check_network(network, model, multiple, last.topology, sink)
    return network


def _pyramid(topology: Topology, channels: dict[int, int], sink: Sink) -> Graph:
    """What the first layer reads: the backbone's maps, and coarser ones made from them."""
    if topology.prologue:
        return build_prologue(topology, channels, sink)
    style = topology.style
    return add_extra_levels(channels, topology.input_widths, style.resampling, style.adapting)


@dataclass(slots=True)
class _Lowering:
    """Makes layers ready for code, and counts what they have, as long as they all differ."""

    topology: Topology
    sink: Sink
    trace: Trace
    parts: int = 0

    def __call__(self, graph: Graph) -> Graph:
        """A layer with known input widths, ready for code: edges arrive as their readers need."""
        ops = (graph.op(node) for node in graph.computed())
        steps = sum(len(op.steps) for op in ops if not isinstance(op, Input))
        self.parts += len(graph) + 2 * graph.edge_count() + steps
        if self.parts > MAX_UNROLLED:
            message = f"the layers that differ have more than {MAX_UNROLLED} parts"
            help = "fewer nodes; or one `width` for all, so that layers are alike and count once"
            self.sink.fatal("F505", message, self.topology.span, help=help)
        run = self.trace.run
        graph = run("infer_widths", infer_widths, graph)
        graph = run("remove_dead_nodes", remove_dead_nodes, graph)
        graph = run("insert_resampling", insert_resampling, graph, resampled=True)
        return run("insert_adapters", insert_adapters, graph, resampled=True, adapted=True)
