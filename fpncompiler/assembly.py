"""Topologies, a model and a backbone -> the network, and what must hold between them.

topology [after topology ...]  ->  layer graphs, rewritten  ->  prologue and layers, lowered
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fpncompiler.analysis.limits import size_limits
from fpncompiler.analysis.sizes import Size, map_size, sizes
from fpncompiler.diagnostics import Label, Sink, SpecError
from fpncompiler.ir.detector import Model
from fpncompiler.ir.flow import arrival, edge_passages, entry_width, infer_widths
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Layer, Network
from fpncompiler.ir.ops import Fuse, Input
from fpncompiler.ir.verify import verify
from fpncompiler.passes import REWRITES
from fpncompiler.passes.add_extra_levels import add_extra_levels
from fpncompiler.passes.compose import mirror, mirror_fault, side_by_side
from fpncompiler.passes.insert_adapters import insert_adapters
from fpncompiler.passes.insert_resampling import insert_resampling
from fpncompiler.passes.remove_dead_nodes import remove_dead_nodes
from fpncompiler.passes.repeat import repeat
from fpncompiler.spec.build import build_layer, build_prologue, merging_nodes
from fpncompiler.spec.reading import MAX_LEVEL
from fpncompiler.spec.style import fusion_arity
from fpncompiler.spec.topology import Branch, Topology

MAX_MAP_WIDTH = 1 << 16
MAX_UNROLLED = 100_000

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
    topologies: Sequence[Topology], channels: dict[int, int], read_branch: BranchReader, sink: Sink
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
        return [_build_stage(each, levels, read_branch, sink) for each in topologies]
    except SpecError:
        if topologies[0].prologue and channels:
            build_prologue(topologies[0], channels, sink)
        raise


def _build_stage(
    topology: Topology,
    backbone_levels: tuple[int, ...],
    branch_topology: BranchReader,
    sink: Sink,
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
            return _build_stage(read, backbone_levels, branch_topology, sink, chain).layer

        layer = _parallel(topology, build, sink)
    else:
        layer = build_layer(topology, backbone_levels, sink)
    return Stage(topology, tuple(_rewritten(layer, topology.passes)))


def _rewritten(layer: Graph, passes: tuple[str, ...]) -> Iterator[tuple[str, Graph]]:
    """The layer as built, and after each rewrite that the spec names, each verified."""
    verify(layer, "build")
    yield "build", layer
    for name in passes:
        layer = REWRITES[name](layer)
        verify(layer, name)
        yield name, layer


def _parallel(topology: Topology, build: Callable[[Branch], Graph], sink: Sink) -> Graph:
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
            layer = mirror(layer, levels.low, levels.high)
        _check_branch(branch, layer, topology, sink)
        branches.append(layer)
    _check_merging(topology, sink)
    graph = side_by_side(topology.name, branches, merging_nodes(topology))
    for level in topology.inputs:
        if (node := f"p{level}_in") not in graph:  # no branch reads it, but a layer is given it
            graph.add_node(node, Input(level, topology.width))
    return graph


def _check_branch(branch: Branch, layer: Graph, topology: Topology, sink: Sink) -> None:
    """A branch reads and returns what the network does that it is in."""
    missing = [level for level in topology.levels if level not in layer.outputs]
    if missing:
        message = f"`{branch.name}` returns nothing at level {_listed(missing)}, which is merged"
        sink.fatal("F304", message, branch.span)
    inputs = (op for node in layer.nodes() if isinstance(op := layer.op(node), Input))
    reads = {op.level for op in inputs if op.source == "in"}
    if beyond := sorted(reads - set(topology.inputs)):
        message = f"`{branch.name}` reads level {_listed(beyond)}, beyond {topology.inputs}"
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
    stages: list[Stage], model: Model, channels: dict[int, int], multiple: int, sink: Sink
) -> Network:
    """The network of one topology after another, each reading what the one before returns.

    Args:
        channels: level -> channels of the backbone's features.
        multiple: what the sides of the backbone's images are multiples of.

    Raises:
        SpecError: levels that do not fit together, maps that cannot be fused or read by the heads.
    """
    first, last = stages[0], stages[-1]
    _check_levels(stages, model, sink)
    lowered = _Lowering(last.topology, sink)
    extra = lowered(_pyramid(first.topology, channels, sink))
    reads = {level: extra.op(node).width for level, node in extra.outputs.items()}
    outputs = model.heads.read(last.layer.outputs)
    layers: list[Layer] = []
    for stage, following in itertools.zip_longest(stages, stages[1:]):
        wanted = tuple(following.topology.inputs) if following else outputs
        depth = stage.topology.depth
        layers += repeat(stage.layer, depth, reads, channels, wanted, lowered)
        graph = layers[-1].graph
        reads = {level: graph.op(node).width for level, node in graph.outputs.items()}
    network = Network(last.topology.name, channels, extra, tuple(layers), outputs)
    _check_network(network, model, multiple, last.topology, sink)
    return network


def _pyramid(topology: Topology, channels: dict[int, int], sink: Sink) -> Graph:
    """What the first layer reads: the backbone's maps, and coarser ones made from them."""
    if topology.prologue:
        return infer_widths(build_prologue(topology, channels, sink))
    style = topology.style
    extra = add_extra_levels(channels, topology.input_widths, style.resampling, style.adapting)
    return infer_widths(extra)


@dataclass(slots=True)
class _Lowering:
    """Makes layers ready for code, and counts what they have, as long as they all differ."""

    topology: Topology
    sink: Sink
    parts: int = 0

    def __call__(self, graph: Graph) -> Graph:
        ops = (graph.op(node) for node in graph.computed())
        steps = sum(len(op.steps) for op in ops if not isinstance(op, Input))
        self.parts += len(graph) + 2 * graph.edge_count() + steps
        if self.parts > MAX_UNROLLED:
            message = f"the layers that differ have more than {MAX_UNROLLED} parts"
            help = "fewer nodes; or one `width` for all, so that layers are alike and count once"
            self.sink.fatal("F505", message, self.topology.span, help=help)
        return _lowered(graph)


def _lowered(graph: Graph) -> Graph:
    """A layer with known input widths, ready for code: every edge arrives as its reader needs."""
    graph = remove_dead_nodes(graph)
    verify(graph, "remove_dead_nodes")
    graph = insert_resampling(graph)
    verify(graph, "insert_resampling", resampled=True)
    graph = insert_adapters(graph)
    verify(graph, "insert_adapters", resampled=True, adapted=True)
    return graph


def _check_levels(stages: list[Stage], model: Model, sink: Sink) -> None:
    """Whoever reads a level must find it: the next layer, the next topology, the heads."""
    for stage, following in itertools.zip_longest(stages, stages[1:]):
        topology, layer = stage.topology, stage.layer
        missing = [level for level in topology.inputs if level not in layer.outputs]
        if missing and topology.depth > 1:
            message = (
                f"the outputs lack level {_listed(missing)}, "
                f"which the next of {topology.depth} layers reads"
            )
            help = "return every level, or `depth: 1`"
            sink.error("F304", message, topology.outputs_span, help=help)
        wanted = tuple(following.topology.inputs) if following else ()
        if absent := [level for level in wanted if level not in layer.outputs]:
            message = f"`{topology.name}` does not return level {_listed(absent)}, which is read"
            help = f"say `inputs:` with levels of {_listed(sorted(layer.outputs))}"
            sink.error("F304", message, following.topology.levels_span, help=help)
    last = stages[-1]
    read = model.heads.read(last.layer.outputs)
    if absent := [level for level in read if level not in last.layer.outputs]:
        message = f"the heads read level {_listed(absent)}, which is no output"
        sink.error("F304", message, model.heads.span)
    if model.heads.segments and len(read) != 1:
        message = f"a segmentation head reads one level, not {len(read)}"
        sink.error("F403", message, model.heads.span, help=f"say `levels: {read[0]}`")
    scales = model.anchors.scales
    if not model.heads.segments and len(scales) > 1 and len(scales) != len(read):
        message = f"{len(scales)} anchor scales for {len(read)} levels"
        help = "give one scale, or one for each level"
        sink.error("F403", message, model.anchors.span, help=help)
    sink.stop_on_errors()


def _check_network(
    network: Network, model: Model, multiple: int, topology: Topology, sink: Sink
) -> None:
    graphs = (network.extra, *(layer.graph for layer in network.layers))
    for graph in graphs:
        _check_bounds(graph, topology, sink)
    sink.stop_on_errors()
    height, width = model.resolution
    coarsest = network.coarsest
    if min(height, width) < 2**coarsest:
        message = f"images of {height}x{width} pixels have no cell of stride {2**coarsest}"
        help = f"level {coarsest} needs {2**coarsest} pixels a side: drop it, or scale up"
        sink.fatal("F404", message, topology.levels_span, help=help)
    multiple = size_limits(network, multiple).multiple
    if height % multiple or width % multiple:
        message = f"the model's images are {height}x{width} pixels, not in multiples of {multiple}"
        help = "scale up, or let there be a map of each level that others are brought to"
        sink.fatal("F404", message, topology.levels_span, help=help)
    for graph in graphs:
        _check_arities(graph, topology, sink)
        _check_widths(graph, topology, sink)
        _check_sizes(graph, model.resolution, topology, sink)
        _check_shares(graph, sink)
    for graph in _handing_on(network):
        _check_handed_on(graph, model.resolution, topology, sink)
    sink.stop_on_errors()


def _check_bounds(graph: Graph, topology: Topology, sink: Sink) -> None:
    """Concatenations grow fast, and steps on edges may leave the levels that there can be."""
    for node in graph.computed():
        op, span = graph.op(node), graph.span(node) or topology.span
        if op.width > MAX_MAP_WIDTH:
            message = f"`{node}` has {op.width} channels; {MAX_MAP_WIDTH} are allowed"
            sink.fatal("F505", message, span, help="bring it to a `width` by a convolution")
        for edge in graph.inputs(node):
            reached = [passage.level_after for passage in edge_passages(graph, edge)]
            if outside := [level for level in reached if not 0 <= level <= MAX_LEVEL]:
                message = f"the steps on the edge into `{node}` lead to level {outside[0]}"
                help = f"levels go from 0 to {MAX_LEVEL}"
                sink.error("F302", message, edge.span or span, help=help)


def _handing_on(network: Network) -> Iterator[Graph]:
    """The graphs whose outputs a layer reads."""
    yield network.extra
    for index, layer in enumerate(network.layers, start=1):
        if index < len(network.layers) or layer.repeats > 1:
            yield layer.graph


def _check_arities(graph: Graph, topology: Topology, sink: Sink) -> None:
    """A rewrite may give a fusion an input more, or leave it with fewer."""
    for node in graph.computed():
        op = graph.op(node)
        if not isinstance(op, Fuse):
            continue
        arity, (low, high) = len(graph.inputs(node)), fusion_arity(op.fusion.kind)
        if not low <= arity <= high:
            message = f"after the passes, `{node}` fuses {arity} map{'s' * (arity > 1)}"
            wanted = str(low) if low == high else f"{low} to {high}"
            help = f"`{op.fusion.kind}` takes {wanted}: use another fusion, or fewer passes"
            sink.error("F307", message, graph.span(node) or topology.span, help=help)


def _check_widths(graph: Graph, topology: Topology, sink: Sink) -> None:
    """Where nobody says a width that adapters lead to, maps that are fused must have one."""
    for node in graph.computed():
        op = graph.op(node)
        if isinstance(op, Input) or (isinstance(op, Fuse) and op.fusion.concatenates):
            continue
        widths = [arrival(graph, edge)[1] for edge in graph.inputs(node)]
        if len(set(widths)) > 1:
            shown = ", ".join(str(width) for width in widths)
            message = f"`{node}` fuses maps of different widths ({shown})"
            help = "say its `width`, to which adapters bring them; `same` adapts nothing"
            span = graph.span(node) or topology.span
            told = [f"{width} channels" for width in widths]
            labels = _edge_labels(graph, node, told)
            sink.error("F406", message, span, help=help, labels=labels)


def _check_sizes(graph: Graph, image_size: Size, topology: Topology, sink: Sink) -> None:
    """Maps that are fused have one size, and every map has a cell."""
    found = sizes(graph, image_size)
    for node in graph.computed():
        span = graph.span(node)
        if min(found.nodes[node]) < 1:
            message = f"`{node}` has no cell left for images of {image_size[0]}x{image_size[1]}"
            sink.error("F404", message, span or topology.levels_span, help="scale up")
        elif len(set(found.arriving[node])) > 1:
            shown = ", ".join(f"{height}x{width}" for height, width in found.arriving[node])
            message = f"`{node}` fuses maps of different sizes ({shown})"
            help = "a convolution without padding leaves sizes that fit nothing else"
            told = [f"{height}x{width} cells" for height, width in found.arriving[node]]
            labels = _edge_labels(graph, node, told)
            sink.error("F405", message, span, help=help, labels=labels)


def _edge_labels(graph: Graph, node: str, told: list[str]) -> tuple[Label, ...]:
    """What arrives on each edge into a node, where the spec says the edge; each place once."""
    spans = [edge.span for edge in graph.inputs(node)]
    labels = {span: text for span, text in zip(spans, told, strict=True) if span}
    return tuple(Label(span, text) for span, text in labels.items())


def _check_handed_on(graph: Graph, image_size: Size, topology: Topology, sink: Sink) -> None:
    """A layer counts on inputs of the size of their level."""
    found = sizes(graph, image_size)
    for level, node in sorted(graph.outputs.items()):
        height, width = map_size(level, image_size)
        if found.nodes[node] != (height, width):
            got = "{}x{}".format(*found.nodes[node])
            message = f"`{node}` is {got} at level {level}, where the next layer reads"
            help = "a convolution without padding leaves sizes that fit nothing else: `depth: 1`"
            span = graph.span(node) or topology.outputs_span
            sink.error("F405", f"{message} {height}x{width}", span, help=help)


def _check_shares(graph: Graph, sink: Sink) -> None:
    """Nodes that share their steps must have the same ones, from the same width on."""
    first: dict[str, tuple[str, object]] = {}
    for node in graph.computed():
        op = graph.op(node)
        if isinstance(op, Input) or not op.share:
            continue
        if isinstance(op, Fuse) and not op.steps:
            continue
        shape = (entry_width(graph, node), op.steps)
        other, expected = first.setdefault(op.share, (node, shape))
        if shape != expected:
            message = f"`{node}` and `{other}` share `{op.share}`, but differ in steps or width"
            help = "give them the same `op` and `width`, or another `share`"
            sink.error("F308", message, graph.span(node), help=help)


def _listed(levels: list[int]) -> str:
    return ", ".join(str(level) for level in levels)
