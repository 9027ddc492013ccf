"""The one place that names the order: load, scale, build, rewrite, repeat, analyse, render.

specs/bifpn.yaml + specs/models/efficientdet.yaml + phi
  -> Topology, Model -> layer graph -> rewrites -> Network -> cost   (check_spec)
  -> source                                                          (compile_spec)

What writes code is imported when there is code to write: a check does without it.
"""

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fpncompiler.analysis.cost import DetectorCost, detector_cost
from fpncompiler.analysis.limits import size_limits
from fpncompiler.assembly import assemble, build_stages
from fpncompiler.diagnostics import Diagnostic, Sink, Texts
from fpncompiler.ir.detector import Model
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.lints import lint
from fpncompiler.options import Options
from fpncompiler.passes.trace import Trace
from fpncompiler.request import DEFAULT_MODEL, read_request
from fpncompiler.spec.topology import Topology

__all__ = ["Checked", "Compiled", "Options", "check_spec", "compile_spec", "file_stem"]

FOLD = "fold_for_inference"


@dataclass(frozen=True, slots=True)
class Checked:
    """A spec without faults.

    `layer` is the graph of one layer after its rewrites, `stages` the same as built and after each
    rewrite (of the last topology, where one comes after another); `network` is what was made of
    it. `taps` are the backbone's out_indices; images have sides of some `multiple` for it.
    `diagnostics` are warnings, and `texts` the files that they are about.
    """

    path: Path | None
    options: Options
    topology: Topology
    model: Model
    stages: tuple[tuple[str, Graph], ...]
    network: Network
    cost: DetectorCost
    taps: tuple[int, ...]
    multiple: int
    fusion_overridden: bool
    diagnostics: tuple[Diagnostic, ...]
    texts: Texts

    @property
    def layer(self) -> Graph:
        """The layer after all rewrites."""
        return self.stages[-1][1]


@dataclass(frozen=True, slots=True)
class Compiled:
    """The result of a compilation: what a `Checked` has, and `source`, the Python file."""

    name: str
    topology: Topology
    model: Model
    layer: Graph
    stages: tuple[tuple[str, Graph], ...]
    network: Network
    cost: DetectorCost
    source: str
    fusion_overridden: bool
    diagnostics: tuple[Diagnostic, ...]
    texts: Texts

    @property
    def class_name(self) -> str:
        """The class that the generated file is for."""
        return "SegmentationModel" if self.model.heads.segments else "EfficientDet"

    @property
    def file_name(self) -> str:
        """The name of the generated file."""
        return f"{self.name}.py"

    def effdet_key_map(self, *, level_first: bool = False) -> dict[str, str]:
        """Module paths of the generated model -> module paths of effdet's checkpoints."""
        from fpncompiler.codegen.key_map import effdet_key_map

        branches = len(self.topology.parallel)
        return effdet_key_map(self.network, self.model, level_first=level_first, branches=branches)


def compile_spec(spec: str | Path, options: Options, trace: Trace | None = None) -> Compiled:
    """Compile a topology, given by its path or as YAML text, without importing torch.

    Args:
        trace: is told what each pass leaves and how long it takes.

    Raises:
        SpecNotFoundError: the file cannot be read.
        SpecError: the spec has faults; all that were found.
    """
    trace = trace or Trace()
    with _collector_paused():
        return _compiled(_checked(spec, options, trace), trace)


def check_spec(spec: str | Path, options: Options) -> Checked:
    """Everything of a compilation but the code: it finds the same faults.

    Raises:
        SpecNotFoundError: the file cannot be read.
        SpecError: the spec has faults; all that were found.
    """
    with _collector_paused():
        return _checked(spec, options, Trace())


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


def _checked(spec: str | Path, options: Options, trace: Trace) -> Checked:
    sink = Sink()
    with trace.timed("read"):
        read = read_request(spec, options, sink)
    channels, backbone, model = read.channels, read.backbone, read.model
    stages = build_stages(read.topologies, channels, read.branch, sink, trace)
    rounds_down = backbone is not None and backbone.rounding == "floor"
    multiple = 2 ** max(channels) if rounds_down else 1
    network = assemble(stages, model, channels, multiple, sink, trace)
    with trace.timed("cost"):
        cost = detector_cost(network, model, backbone, model.resolution)
    with trace.timed("lint"):
        lint(stages, network, cost.network, sink)
    return Checked(
        path=read.source.path,
        options=read.options,
        topology=read.topologies[-1],
        model=model,
        stages=stages[-1].graphs,
        network=network,
        cost=cost,
        taps=tuple(read.taps[level] for level in sorted(channels)),
        multiple=multiple,
        fusion_overridden=read.fusion_overridden,
        diagnostics=sink.concluded(
            read.source.tree.span.file, as_it_is=options.levels is None and options.model is None
        ),
        texts=dict(sink.texts),
    )


def _compiled(checked: Checked, trace: Trace) -> Compiled:
    from fpncompiler.codegen.detector import Detector
    from fpncompiler.passes.fold_for_inference import inference_form
    from fpncompiler.provenance import stamped

    topology, model, options = checked.topology, checked.model, checked.options
    folded = None
    if options.inference:
        with trace.timed(FOLD):
            folded = inference_form(checked.network)
        trace.keep(FOLD, folded)
    detector = Detector(
        network=checked.network,
        model=model,
        taps=checked.taps,
        cost=checked.cost,
        title=topology.title,
        source=topology.source,
        classes=model.heads.classes,
        pretrained_backbone=options.pretrained_backbone,
        limits=size_limits(checked.network, checked.multiple),
        inference=folded,
    )
    with trace.timed("write code"):
        source = stamped(detector, checked.path, options)
    return Compiled(
        name=file_stem(topology, model, options),
        topology=topology,
        model=model,
        layer=checked.layer,
        stages=checked.stages,
        network=checked.network,
        cost=checked.cost,
        source=source,
        fusion_overridden=checked.fusion_overridden,
        diagnostics=checked.diagnostics,
        texts=checked.texts,
    )


def file_stem(topology: Topology, model: Model, options: Options) -> str:
    """What a file is called: `bifpn_d3`, and what else was chosen, so that none replaces any."""
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
    if options.inference:
        parts.append("inference")
    return "_".join(parts)
