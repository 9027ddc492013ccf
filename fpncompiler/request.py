"""A spec and options -> the topologies, the model and the backbone that they ask for.

specs/bifpn.yaml + specs/models/efficientdet.yaml + phi  ->  [Topology], Model, Backbone
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fpncompiler.backbones import Backbone, backbone_names, find_backbone
from fpncompiler.diagnostics import Sink, SpecError, suggest
from fpncompiler.ir.detector import BackboneChoice, Model
from fpncompiler.options import Options
from fpncompiler.spec.loading import Source, load_model, load_named, load_topology
from fpncompiler.spec.merging import merge, without
from fpncompiler.spec.model import MAX_CLASSES, Selection, read_model, select_variant
from fpncompiler.spec.reading import Levels, Reader
from fpncompiler.spec.style import is_weighable
from fpncompiler.spec.topology import Branch, Topology, read_topology
from fpncompiler.spec.tree import Mapping, Scalar

DEFAULT_MODEL = "efficientdet"
MAX_STAGES = 8
_NO_BACKBONE = BackboneChoice("", 0.0, {}, {})


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be compiled.

    Attributes:
        source: the spec as it was read.
        options: with the phi that is meant where none was given.
        topologies: the spec's, behind those that it comes `after`.
        taps: level -> the backbone's out_index; of the levels that the first topology takes.
        channels: level -> channels of the backbone's features.
        branch: reads the spec that a branch of `parallel` names.
        fusion_overridden: whether the model's row sets another fusion than the spec asks for.
    """

    source: Source
    options: Options
    topologies: list[Topology]
    model: Model
    backbone: Backbone | None
    taps: dict[int, int]
    channels: dict[int, int]
    branch: Callable[[Branch, Topology], Topology]
    fusion_overridden: bool


def read_request(spec: str | Path, options: Options, sink: Sink) -> Request:
    """Read a spec, given by its path or as text, and all that it names.

    Raises:
        SpecNotFoundError: the file cannot be read.
        SpecError: faults after which nothing can be built; others are in the sink.
    """
    source = load_topology(spec, sink)
    settings = _settings(source, options, sink)
    if options.variant is None:
        options = replace(options, phi=settings.selection.phi)
    topologies, complete = _topologies(source, settings, options)
    model = _chosen(read_model(settings.selection, settings.reader), settings, options)
    choice = model.backbone if complete and settings.of_the_model else _NO_BACKBONE
    backbone, taps, channels = _backbone(choice, topologies[0], sink)
    return Request(
        source=source,
        options=options,
        topologies=topologies,
        model=model,
        backbone=backbone,
        taps=taps,
        channels=channels,
        branch=_branch_reader(source, settings),
        fusion_overridden=_fusion_overridden(source.tree, topologies[-1]),
    )


def _branch_reader(source: Source, settings: "_Settings") -> Callable[[Branch, Topology], Topology]:
    """Reads the specs of branches, each file once."""
    sink = settings.reader.sink
    sources: dict[str, Source] = {}

    def read(branch: Branch, merged: Topology) -> Topology:
        if branch.name not in sources:
            sources[branch.name] = load_named(branch.name, source.path, branch.span, sink)
        tree = sources[branch.name].tree
        for key in ("after", "prologue"):
            if key in tree.entries:
                message = f"`{branch.name}` has `{key}`, which no branch can have"
                help = "a branch reads what the network does that it is in"
                sink.error("F203", message, branch.span, help=help)
        return settings.branch(tree, merged)

    return read


@dataclass(frozen=True, slots=True)
class _Settings:
    """The model's row, and what reads topologies by it; another's, where the model has faults."""

    model_name: str
    selection: Selection
    reader: Reader
    of_the_model: bool

    def branch(self, tree: Mapping, merged: Topology) -> Topology:
        """A branch of a topology, which may leave settings to that."""
        around = merged.for_branches
        constants = Mapping({k: e for k, e in around.entries.items() if k == "let"}, tree.span)
        below = merge(self.selection.tree, without(around, "let"))
        inner = replace(self, selection=replace(self.selection, tree=below))
        read = inner.topology(merge(constants, tree), merged.levels)
        return replace(read, for_branches=merge(around, read.for_branches))

    def topology(self, tree: Mapping, levels: Levels | None) -> Topology:
        """A topology with the settings of the model's row."""
        override = self.selection.tree.get("override")
        over = override if isinstance(override, Mapping) else Mapping({}, tree.span)
        if not is_weighable(self.reader.scaled(tree.get("fusion"))):
            over = without(over, "fusion")  # a row changes the weights, and makes no sum of concat
        return read_topology(tree, self.selection.tree, over, self.reader, levels)


def _settings(loaded: Source, options: Options, sink: Sink) -> _Settings:
    """The row of the model; where it cannot be read, the topology is looked at by another."""
    named_at = loaded.tree.get("model")
    is_name = named_at is None or isinstance(named_at, Scalar)
    if named_at is not None and not is_name:
        sink.error("F203", "`model` is the name of a model", named_at.span)
    name = options.model or (named_at.text if isinstance(named_at, Scalar) else DEFAULT_MODEL)
    with contextlib.suppress(SpecError):  # its faults are in the sink
        reader = Reader(sink, options.phi or 0, options.formula_scaling)
        tree = load_model(name, loaded.path, named_at, sink).tree
        selection = select_variant(tree, options.phi, options.variant, reader)
        return _Settings(name, selection, replace(reader, phi=selection.phi), is_name)
    tree = load_model(DEFAULT_MODEL, None, None, sink).tree
    selection = Selection(without(tree, "variants"), 0, "")
    return _Settings(name, selection, Reader(sink), of_the_model=False)


def _topologies(
    loaded: Source, settings: _Settings, options: Options
) -> tuple[list[Topology], bool]:
    """The topology, behind those that it comes `after`, the first one first; and whether all."""
    sink = settings.reader.sink
    topologies = [settings.topology(loaded.tree, options.levels)]
    tree, seen = loaded.tree, {topologies[0].name}
    while (after := tree.get("after")) is not None:
        if not isinstance(after, Scalar):
            sink.fatal("F203", "`after` is the name of a spec", after.span)
        if prologue := tree.entries.get("prologue"):
            message = "a network that comes `after` another reads that one's maps, not a prologue's"
            sink.error("F203", message, prologue.key.span, help="move it to the first network")
        try:
            tree = load_named(after.text, loaded.path, after.span, sink).tree
        except SpecError:  # its faults are in the sink; those behind it can still be looked at
            return topologies, False
        topology = settings.topology(tree, None)
        if topology.name in seen or len(topologies) == MAX_STAGES:
            message = f"`{after.text}` comes after itself in the end"
            if topology.name not in seen:
                message = f"more than {MAX_STAGES} specs come one after another"
            sink.fatal("F210", message, after.span)
        seen.add(topology.name)
        topologies.insert(0, topology)
    return topologies, True


def _chosen(model: Model, settings: _Settings, options: Options) -> Model:
    """The model with what the command line chooses."""
    sink = settings.reader.sink
    model = replace(model, name=settings.model_name, variant=settings.selection.variant)
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
    if known and any(_contradicts(known, level, channels[level], taps[level]) for level in has):
        rows = (f"{level}: {known.channels[level]} at {tap}" for level, tap in known.taps.items())
        message = f"`{choice.name}` has no such maps; level, channels and index: {', '.join(rows)}"
        help = "leave out `channels` and `taps`, for fpnc knows this backbone"
        sink.error("F401", message, choice.span, help=help)
        return None, {}, {}
    wanted = [level for level in topology.inputs if level <= max(has, default=-1)]
    if not wanted or any(level not in has for level in wanted):
        message = f"the backbone `{choice.name}` lacks levels of {topology.inputs}"
        label = f"the backbone has the levels {', '.join(str(level) for level in has)}"
        help = "coarser levels are made from its last, finer ones cannot be"
        sink.error("F401", message, topology.inputs_span, label=label, help=help)
        return None, {}, {}
    return (
        None if choice.channels else known,
        {level: taps[level] for level in wanted},
        {level: channels[level] for level in wanted},
    )


def _contradicts(known: Backbone, level: int, channels: int, tap: int) -> bool:
    """Whether a map was measured to be another; maps of a stride that has two are not measured."""
    if tap == known.taps.get(level):
        return channels != known.channels[level]
    return tap in known.taps.values() or tap > max(known.taps.values())


def _refuse_backbone(choice: BackboneChoice, sink: Sink) -> None:
    message = f"`{choice.name}` is no backbone that fpnc has measured"
    help = suggest(choice.name, backbone_names()) or (
        "state its `channels` and `taps` in the model: `{channels: {3: 40}, taps: {3: 2}}`"
    )
    sink.error("F402", message, choice.span, help=help)


def _fusion_overridden(tree: Mapping, topology: Topology) -> bool:
    """Whether the topology asks for another fusion than the model's row lets it have."""
    asked = tree.get("fusion")
    kind = asked.get("kind") if isinstance(asked, Mapping) else asked
    return isinstance(kind, Scalar) and kind.text != topology.style.fusion.kind
