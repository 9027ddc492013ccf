"""The one place that names the order: load, scale, build, rewrite, repeat, analyse, render.

specs/bifpn.yaml + specs/models/efficientdet.yaml + phi
  -> Topology, Model -> layer graph -> rewrites -> Network -> cost -> source
"""

import contextlib
import gc
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fpncompiler.analysis.cost import DetectorCost, detector_cost
from fpncompiler.backbones import Backbone, backbone_names, find_backbone
from fpncompiler.codegen.header import digest, with_header
from fpncompiler.codegen.key_map import effdet_key_map
from fpncompiler.codegen.render import Detector, render_body
from fpncompiler.diagnostics import Sink, printable, suggest
from fpncompiler.ir.detector import BackboneChoice, Model
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Input
from fpncompiler.ir.verify import verify
from fpncompiler.passes import REWRITES
from fpncompiler.passes.add_extra_levels import add_extra_levels
from fpncompiler.passes.insert_adapters import insert_adapters
from fpncompiler.passes.insert_resampling import insert_resampling
from fpncompiler.passes.remove_dead_nodes import remove_dead_nodes
from fpncompiler.passes.repeat import repeat
from fpncompiler.spec.build import build_layer
from fpncompiler.spec.loading import Source, SpecNotFoundError, load_model, load_topology
from fpncompiler.spec.model import MAX_CLASSES, read_model, select_variant
from fpncompiler.spec.reading import Levels, Reader
from fpncompiler.spec.topology import Topology, read_topology
from fpncompiler.spec.tree import Mapping, Scalar

DEFAULT_MODEL = "efficientdet"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line chooses; the same choice gives the same bytes."""

    phi: int | None = None
    variant: str | None = None
    model: str | None = None
    backbone: str | None = None
    classes: int | None = None
    levels: Levels | None = None
    formula_scaling: bool = False
    pretrained_backbone: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """The result of a compilation.

    `layer` is the graph of one layer after its rewrites, `stages` the same as built and after each
    rewrite; `network` is what was made of it, `source` the Python file.
    """

    name: str
    topology: Topology
    model: Model
    layer: Graph
    stages: tuple[tuple[str, Graph], ...]
    network: Network
    cost: DetectorCost
    source: str
    fusion_overridden: bool

    @property
    def file_name(self) -> str:
        """The name of the generated file."""
        return f"{self.name}.py"

    def effdet_key_map(self, *, level_first: bool = False) -> dict[str, str]:
        """Module paths of the generated model -> module paths of effdet's checkpoints."""
        return effdet_key_map(self.network, self.model, level_first=level_first)


def compile_spec(spec: str | Path, options: Options) -> Compiled:
    """Compile a topology, given by its path or as YAML text, without importing torch.

    Raises:
        SpecNotFoundError: the file cannot be read.
        SpecError: the spec has faults; all that were found.
    """
    with _collector_paused():
        return _compiled(spec, options)


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause Python's cycle collector, which would scan a growing graph again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _compiled(spec: str | Path, options: Options) -> Compiled:
    sink = Sink()
    loaded = load_topology(spec, sink)
    topology, model = _typed(loaded, options, sink)
    backbone, taps, channels = _backbone(model.backbone, topology, sink)
    stages = tuple(_rewritten(build_layer(topology, tuple(taps), sink), topology.passes))
    layer = stages[-1][1]
    network = _network(topology, model, layer, channels, sink)
    cost = detector_cost(network, model, backbone, model.resolution)
    detector = Detector(
        network=network,
        model=model,
        taps=tuple(taps[level] for level in sorted(channels)),
        cost=cost,
        title=topology.title,
        source=topology.source,
        classes=model.heads.classes,
        pretrained_backbone=options.pretrained_backbone,
        size_multiple=2 ** max(channels) if backbone and backbone.rounding == "floor" else 1,
    )
    name = _file_stem(topology, model, options)
    source = _stamped(detector, loaded, options)
    overridden = _fusion_overridden(loaded.tree, topology)
    return Compiled(
        name, topology, model, layer, stages, network, cost, source, fusion_overridden=overridden
    )


def _typed(loaded: Source, options: Options, sink: Sink) -> tuple[Topology, Model]:
    named_at = loaded.tree.get("model")
    if named_at is not None and not isinstance(named_at, Scalar):
        sink.fatal("F203", "`model` is the name of a model", named_at.span)
    name = options.model or (named_at.text if named_at else DEFAULT_MODEL)
    model_tree = load_model(name, loaded.path, named_at, sink).tree
    reader = Reader(sink, options.phi or 0, options.formula_scaling)
    selection = select_variant(model_tree, options.phi, options.variant, reader)
    reader = Reader(sink, selection.phi, options.formula_scaling)
    override = selection.tree.get("override")
    topology = read_topology(
        loaded.tree,
        selection.tree,
        override if isinstance(override, Mapping) else Mapping({}, selection.tree.span),
        reader,
        options.levels,
    )
    model = replace(read_model(selection, reader), name=name, variant=selection.variant)
    return topology, _chosen(model, options, sink)


def _chosen(model: Model, options: Options, sink: Sink) -> Model:
    """The model with what the command line chooses."""
    if options.backbone is not None:
        known = backbone_names()
        if options.backbone not in known:
            message = f"`{options.backbone}` is no backbone that fpnc has measured"
            help = suggest(options.backbone, known) or "`fpnc backbones` lists those that are"
            sink.error("F402", message, None, help=help)
        model = replace(model, backbone=BackboneChoice(options.backbone, 0.0, {}, {}))
    if options.classes is not None:
        if not 1 <= options.classes <= MAX_CLASSES:
            message = f"{options.classes} classes are out of range"
            sink.error("F203", message, None, help=f"choose 1 to {MAX_CLASSES}")
        model = replace(model, heads=replace(model.heads, classes=options.classes))
    return model


def _backbone(
    choice: BackboneChoice, topology: Topology, sink: Sink
) -> tuple[Backbone | None, dict[int, int], dict[int, int]]:
    """The measured backbone, and out_indices and channels of the levels that the topology takes.

    Faults are recorded, and then nothing is taken: the topology can still be looked at.
    """
    known = find_backbone(choice.name)
    channels = choice.channels or (dict(known.channels) if known else {})
    taps = choice.taps or (dict(known.taps) if known else {})
    if not channels or not taps:
        if choice.name and choice.span:
            _refuse_backbone(choice, sink)
        return None, {}, {}
    has = sorted(set(channels) & set(taps))
    wanted = [level for level in topology.levels if level <= max(has, default=-1)]
    if not wanted or any(level not in has for level in wanted):
        message = f"the backbone `{choice.name}` lacks levels of {topology.levels}"
        label = f"the backbone has the levels {', '.join(str(level) for level in has)}"
        help = "coarser levels are made from its last, finer ones cannot be"
        sink.error("F401", message, topology.levels_span, label=label, help=help)
        return None, {}, {}
    return (
        None if choice.channels else known,
        {level: taps[level] for level in wanted},
        {level: channels[level] for level in wanted},
    )


def _refuse_backbone(choice: BackboneChoice, sink: Sink) -> None:
    message = f"`{choice.name}` is no backbone that fpnc has measured"
    help = suggest(choice.name, backbone_names()) or (
        "state its `channels` and `taps` in the model: `{channels: {3: 40}, taps: {3: 2}}`"
    )
    sink.error("F402", message, choice.span, help=help)


def _rewritten(layer: Graph, passes: tuple[str, ...]) -> Iterator[tuple[str, Graph]]:
    """The layer as built, and after each rewrite that the spec names, each verified."""
    verify(layer, "build")
    yield "build", layer
    for name in passes:
        layer = REWRITES[name](layer)
        verify(layer, name)
        yield name, layer


def _network(
    topology: Topology, model: Model, layer: Graph, channels: dict[int, int], sink: Sink
) -> Network:
    levels = tuple(topology.levels)
    _check_outputs(topology, model, layer, sink)
    style = topology.style
    prologue = add_extra_levels(channels, levels, topology.width, style.resampling, style.adapting)
    extra = _lowered(prologue)
    pyramid = {level: extra.op(node).width for level, node in extra.outputs.items()}
    outputs = model.heads.levels or tuple(sorted(layer.outputs))
    layers = repeat(layer, topology.depth, pyramid, channels, outputs, _lowered)
    network = Network(topology.name, channels, extra, layers, outputs)
    _check_widths(topology, network, sink)
    return network


def _lowered(graph: Graph) -> Graph:
    """A layer with known input widths, ready for code: every edge arrives as its reader needs."""
    graph = remove_dead_nodes(graph)
    verify(graph, "remove_dead_nodes")
    graph = insert_resampling(graph)
    verify(graph, "insert_resampling", resampled=True)
    graph = insert_adapters(graph)
    verify(graph, "insert_adapters", resampled=True, adapted=True)
    return graph


def _check_outputs(topology: Topology, model: Model, layer: Graph, sink: Sink) -> None:
    """The next layer must find all its inputs, and the shared heads maps of one width."""
    missing = [level for level in topology.levels if level not in layer.outputs]
    if missing and topology.depth > 1:
        shown = ", ".join(str(level) for level in missing)
        message = f"the outputs lack level {shown}, which the next of {topology.depth} layers reads"
        sink.error("F304", message, topology.outputs_span, help="return every level, or `depth: 1`")
    read = model.heads.levels or tuple(layer.outputs)
    if absent := [level for level in read if level not in layer.outputs]:
        shown = ", ".join(str(level) for level in absent)
        sink.error("F304", f"the heads read level {shown}, which is no output", model.heads.span)
    coarsest = 2**topology.levels.high
    if min(model.resolution) < coarsest:
        height, width = model.resolution
        message = f"images of {height}x{width} pixels have no cell of stride {coarsest}"
        help = f"level {topology.levels.high} needs {coarsest} pixels a side: drop it, or scale up"
        sink.error("F404", message, topology.levels_span, help=help)
    scales = model.anchors.scales
    if len(scales) > 1 and len(scales) != len(read):
        message = f"{len(scales)} anchor scales for {len(read)} levels"
        sink.error("F403", message, model.heads.span, help="give one scale, or one for each level")
    sink.stop_on_errors()


def _check_widths(topology: Topology, network: Network, sink: Sink) -> None:
    """The heads are shared by all levels, so the maps that they read have one width."""
    widths = network.output_widths()
    if len(set(widths.values())) == 1:
        return
    shown = ", ".join(f"{width} at level {level}" for level, width in sorted(widths.items()))
    message = f"the outputs have different widths ({shown}), but the heads are shared"
    graph = network.layers[-1].graph
    raw = [level for level in network.outputs if isinstance(graph.op(graph.outputs[level]), Input)]
    help = "give all outputs one `width`"
    if raw:
        help = f"level {raw[0]} returns what the layer was given: say `keep: true` on its node"
    sink.fatal("F403", message, topology.outputs_span, help=help)


def _file_stem(topology: Topology, model: Model, options: Options) -> str:
    """`bifpn_d3`, with what else was chosen, so that one choice never overwrites another."""
    if options.name:
        return options.name
    parts = [topology.name, model.variant]
    if model.name != DEFAULT_MODEL:
        parts.insert(1, model.name)
    if options.backbone:
        parts.append(options.backbone)
    if options.levels:
        parts.append(f"p{options.levels.low}_p{options.levels.high}")
    if options.formula_scaling:
        parts.append("formula")
    if options.classes is not None:
        parts.append(f"{options.classes}classes")
    if options.pretrained_backbone:
        parts.append("pretrained")
    return "_".join(parts)


def _fusion_overridden(tree: Mapping, topology: Topology) -> bool:
    """Whether the topology asks for another fusion than the model's row lets it have."""
    asked = tree.get("fusion")
    kind = asked.get("kind") if isinstance(asked, Mapping) else asked
    return isinstance(kind, Scalar) and kind.text != topology.style.fusion.kind


def _stamped(detector: Detector, loaded: Source, options: Options) -> str:
    spec = _portable(loaded.path) if loaded.path else "text"
    selection = f"variant={options.variant}" if options.variant else f"phi={options.phi or 0}"
    again = _command(spec, options) if loaded.path else "fpncompiler.compile_spec, from its text"
    return with_header(render_body(detector), spec, selection, again, _fingerprint(detector))


def _portable(path: Path) -> str:
    """How a file refers to its spec: from a `specs` folder on, the same in every checkout.

    Elsewhere, from the working directory on if it is inside, and by name if it is not.

    Raises:
        SpecNotFoundError: the path cannot be written down in a comment.
    """
    parts = path.parts
    if "specs" in parts[:-1]:
        start = max(i for i, part in enumerate(parts[:-1]) if part == "specs")
        shown = "/".join(parts[start:])
    else:
        inside = path.resolve().is_relative_to(Path.cwd())
        shown = path.resolve().relative_to(Path.cwd()).as_posix() if inside else path.name
    if printable(shown) != shown:
        raise SpecNotFoundError(f"{printable(shown)} has characters beyond ASCII: rename it")
    return shown


def _command(spec: str, options: Options) -> str:
    """The command that makes the same file again."""
    words = ["fpnc", "compile", spec]
    words += ["--variant", options.variant] if options.variant else ["--phi", str(options.phi or 0)]
    flags = {
        "--model": options.model,
        "--backbone": options.backbone,
        "--classes": options.classes,
        "--levels": options.levels,
        "--scaling": "formula" if options.formula_scaling else None,
        "--name": options.name,
    }
    for flag, value in flags.items():
        words += [flag, str(value)] if value is not None else []
    words += ["--pretrained-backbone"] if options.pretrained_backbone else []
    return shlex.join(words)


def _fingerprint(detector: Detector) -> str:
    """A digest of everything that the specs say, their places in the files left out."""
    network = detector.network
    graphs = [network.extra, *(layer.graph for layer in network.layers)]
    lines = [
        repr((detector.title, detector.source, detector.model, detector.taps)),
        repr((detector.pretrained_backbone, detector.size_multiple)),
        repr((network.outputs, network.depth)),
    ]
    for graph in graphs:
        for node in graph.nodes():
            edges = [(edge.source, edge.via) for edge in graph.inputs(node)]
            lines.append(repr((node, graph.op(node), edges)))
        lines.append(repr(sorted(graph.outputs.items())))
    return digest("\n".join(lines))
