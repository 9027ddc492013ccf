"""What must hold between topologies, a model and a backbone, before there is code.

Levels that are read exist, maps that are fused are alike, images have cells at every level.
"""

import itertools
from collections.abc import Iterator, Sequence

from fpncompiler.analysis.limits import size_limits
from fpncompiler.analysis.sizes import Size, map_size, sizes
from fpncompiler.diagnostics import Label, Sink
from fpncompiler.ir.detector import Model
from fpncompiler.ir.flow import arrival, edge_passages, entry_width
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Fuse, Input
from fpncompiler.spec.reading import MAX_LEVEL
from fpncompiler.spec.style import fusion_arity
from fpncompiler.spec.topology import Topology

MAX_MAP_WIDTH = 1 << 16


def check_levels(layers: Sequence[tuple[Topology, Graph]], model: Model, sink: Sink) -> None:
    """Whoever reads a level must find it: the next layer, the next topology, the heads."""
    for (topology, layer), following in itertools.zip_longest(layers, layers[1:]):
        missing = [level for level in topology.inputs if level not in layer.outputs]
        if missing and topology.depth > 1:
            message = (
                f"the outputs lack level {listed(missing)}, "
                f"which the next of {topology.depth} layers reads"
            )
            help = "return every level, or `depth: 1`"
            sink.error("F304", message, topology.outputs_span, help=help)
        wanted = tuple(following[0].inputs) if following else ()
        if absent := [level for level in wanted if level not in layer.outputs]:
            message = f"`{topology.name}` does not return level {listed(absent)}, which is read"
            help = f"say `inputs:` with levels of {listed(sorted(layer.outputs))}"
            sink.error("F304", message, following[0].levels_span, help=help)
    _, last = layers[-1]
    read = model.heads.read(last.outputs)
    if absent := [level for level in read if level not in last.outputs]:
        message = f"the heads read level {listed(absent)}, which is no output"
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


def check_network(
    network: Network, model: Model, multiple: int, topology: Topology, sink: Sink
) -> None:
    """Every map has a cell and fits those that it is fused with, for the model's images."""
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


def listed(levels: list[int]) -> str:
    """`3, 4, 5`."""
    return ", ".join(str(level) for level in levels)
