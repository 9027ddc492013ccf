"""The render model and the template: everything that reaches the file passes here.

Text reaches Python source only as `Code`, made by the layout or by the emit functions below; the
template environment refuses anything else. Before anyone sees it, the result is parsed and held
against closed lists (`allowlist`), and against the same file with harmless texts (`shape`).
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace

from fpncompiler.codegen import describe
from fpncompiler.codegen.allowlist import RenderError
from fpncompiler.codegen.blocks import Block, closure, library, names_in
from fpncompiler.codegen.detector import Detector
from fpncompiler.codegen.docstrings import (
    class_docstring,
    detector_name,
    docstring,
    module_lines,
    parts_text,
)
from fpncompiler.codegen.emission import Code, environment
from fpncompiler.codegen.gate import check_file
from fpncompiler.codegen.heads import head_adapters, level_head, segmentation_head, shared_head
from fpncompiler.codegen.imports import import_statements
from fpncompiler.codegen.inference import norm_eps
from fpncompiler.codegen.layout import WIDTH, Call, Expr, List, statement
from fpncompiler.codegen.lower import BODY, GraphCode, LayerCode, lower_graph, lower_layers
from fpncompiler.codegen.shape import check_shape
from fpncompiler.ir.detector import Model
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Input


@dataclass(frozen=True, slots=True)
class _Lowered:
    """The graphs as code, which no text of a spec reaches."""

    extra: GraphCode
    layers: tuple[LayerCode, ...]


def render_body(detector: Detector) -> str:
    """The file below its header, formatted.

    Raises:
        RenderError: the result is not what the templates promise; a fault of ours.
    """
    lowered = _lowered(detector)
    model = _model(detector, lowered)
    tree = _parsed(model)
    blocks = closure(named := names_in(tree))
    names = named.union(*(block.uses for block in blocks))
    head = _head(detector, names, blocks)
    head_tree = _parsed(head)
    check_file([(head, head_tree), (model, tree)], library().blocks, library().imports.values())
    twin = _twin(detector)
    copied = {block.name for block in blocks}
    check_shape(head, head_tree, _head(twin, names, blocks), copied)
    check_shape(model, tree, _model(twin, lowered), copied)
    return head + model


def _model(detector: Detector, lowered: _Lowered) -> str:
    """The file from the classes of the network on."""
    context = _model_context(detector, lowered)
    return environment().get_template("model.py.j2").render(context)


def _head(detector: Detector, names: frozenset[str], blocks: tuple[Block, ...]) -> str:
    """The docstring, and what the model needs: the imports of its names, constants, blocks."""
    return (
        environment()
        .get_template("head.py.j2")
        .render(
            **_constants(detector),
            docstring=docstring(module_lines(detector), 0),
            imports=Code(import_statements(names)),
            blocks=[Code(block.source) for block in blocks],
        )
    )


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:  # a null character is a ValueError
        raise RenderError(f"the generated file does not parse: {error}") from error


def _twin(detector: Detector) -> Detector:
    """The same with harmless words for all its texts."""
    model = detector.model
    backbone = replace(model.backbone, name="word")
    source = model.source and "word"
    model = replace(model, title="word", source=source, variant="word", backbone=backbone)
    return replace(detector, title="word", source=detector.source and "word", model=model)


def _constants(detector: Detector) -> dict[str, object]:
    """The values at the head of the file."""
    network, model = detector.network, detector.model
    return {
        "backbone": _string(model.backbone.name),
        "backbone_levels": _tuple(sorted(network.taps)),
        "backbone_taps": _tuple(detector.taps),
        "image_size": _tuple(model.resolution),
        "mean": _tuple(model.mean),
        "std": _tuple(model.std),
        "levels": _tuple(network.outputs),
        "smallest_side": detector.limits.smallest,
        "segments": int(model.heads.segments),
        "inference": int(bool(detector.inference)),
        "norm_eps": _eps(norm_eps(network, model)),
        "stride": 2 ** network.outputs[0],
        "anchor_scales": _tuple(_scales(model, network)),
        "anchor_octaves": model.anchors.octaves,
        "anchor_aspects": Code(repr(model.anchors.aspects)),
        "anchors_per_cell": model.anchors.per_cell,
    }


def _lowered(detector: Detector) -> _Lowered:
    network, resolution = detector.inference or detector.network, detector.model.resolution
    extra = lower_graph(network.extra, resolution, {})
    return _Lowered(extra, lower_layers(network, resolution, extra.returned))


def _model_context(detector: Detector, lowered: _Lowered) -> dict[str, object]:
    """The classes of the file."""
    network, model = detector.network, detector.model
    extra, layers = lowered.extra, lowered.layers
    reads_backbone = _reads_backbone(layers)
    return {
        "layers": [
            _layer_context(network.layers[i].graph, layer, reads_backbone)
            for i, layer in enumerate(layers)
        ],
        "network": _network_context(detector, extra, layers),
        "detector": {"docstring": class_docstring(detector_name(detector), parts_text(detector))},
        "num_classes": detector.classes,
        "pretrained_backbone": Code(repr(detector.pretrained_backbone)),
        "drop_path_rate": _optional(model.backbone.drop_path_rate),
        **_head_context(network, model, bool(detector.inference)),
        "inference": int(bool(detector.inference)),
        "size_multiple": Code(
            f", {detector.limits.multiple}" if detector.limits.multiple > 1 else ""
        ),
        "size_rule": _size_rule(detector.limits.multiple),
    }


def _layer_context(graph: Graph, layer: LayerCode, reads_backbone: bool) -> dict[str, object]:
    """The class of a layer; `reads_backbone` says whether some layer of the network does."""
    code = layer.code
    parameters = "".join(f", {channel}: int" for channel in code.channels)
    nodes = sum(1 for _ in graph.computed())
    doc = f"{layer.position} of the feature network: {nodes} nodes, {graph.edge_count()} edges."
    return {
        "name": Code(layer.class_name),
        "docstring": docstring([doc], 4),
        "parameters": Code(parameters),
        "extra_parameter": _backbone_parameter(code, reads_backbone),
        "modules": [Code(line) for line in code.modules],
        "inputs": Code(code.inputs),
        "backbone_inputs": Code(code.backbone_inputs),
        "statements": [Code(line) for line in code.statements],
        "returns": Code(code.returns),
        "gives": Code(_gives(graph)),
    }


def _reads_backbone(layers: Iterable[LayerCode]) -> bool:
    return any(layer.code.backbone_inputs for layer in layers)


def _backbone_parameter(code: GraphCode, reads_backbone: bool) -> Code:
    """The backbone's features go to all layers alike; `_backbone` where one has no use for them."""
    if not reads_backbone:
        return Code("")
    return Code(f", {'' if code.backbone_inputs else '_'}backbone: list[Tensor]")


def _gives(graph: Graph) -> str:
    """What a layer returns, in words."""
    widths = sorted({graph.op(node).width for node in graph.outputs.values()})
    channels = describe.widths_text(widths)
    ops = (graph.op(node) for node in graph.nodes())
    given = {op.level for op in ops if isinstance(op, Input) and op.source == "in"}
    if given == set(graph.outputs):
        return f"the same sizes, {channels} channels"
    alone = " alone" if set(graph.outputs) < given else ""
    named = f"{describe.level_names(sorted(graph.outputs))}{alone}, {channels} channels"
    return named if len(named) < 50 else f"{len(graph.outputs)} levels{alone}, {channels} channels"


def _network_context(
    detector: Detector, extra: GraphCode, layers: tuple[LayerCode, ...]
) -> dict[str, object]:
    network = detector.network
    read = {*extra.channels, *(channel for layer in layers for channel in layer.code.channels)}
    fixed = sorted(
        extra.fixed.union(
            *(layer.code.fixed for layer in layers),
            *(width.levels for width in layers[-1].code.returned.values()),  # the heads' width
        )
    )
    names = [
        f"c{level}" if f"c{level}" in read or level in fixed else f"_c{level}"
        for level in sorted(network.taps)
    ]
    reads_backbone = _reads_backbone(layers)
    pyramid = List(tuple(network.extra.outputs[level] for level in sorted(network.extra.outputs)))
    inputs = [f"c{level}" for level in sorted(network.taps)]
    return {
        "docstring": class_docstring(detector.title, describe.network_sentence(network)),
        "channels": _tuple(width for _, width in sorted(network.taps.items())),
        "channel_names": Code(_targets(names)),
        "checks": [_channel_check(level, network.taps[level]) for level in fixed],
        "modules": [Code(line) for line in extra.modules],
        "layers": Code(statement("self.layers = ", _module_list(layers), BODY)),
        "inputs": Code(_targets(inputs)),
        "statements": [Code(line) for line in extra.statements],
        "pyramid": Code(statement("pyramid = ", pyramid, BODY)),
        "extra_argument": Code(", features" if reads_backbone else ""),
    }


def _channel_check(level: int, width: int) -> Code:
    """A check for a width that was right without an adapter, its message on one line if it fits."""
    pad = " " * 16
    first = "this file was compiled for another backbone, with "
    second = f"{width} channels at level {level}, not {{c{level}}}"
    message = f'{pad}f"{first}{second}"'
    if len(message) > WIDTH:
        message = f'{pad}"{first}"\n{pad}f"{second}"'
    return Code(
        f"        if c{level} != {width}:\n            raise ValueError(\n{message}\n            )"
    )


def _module_list(layers: tuple[LayerCode, ...]) -> Expr:
    calls = []
    for layer in layers:
        call = f"{layer.class_name}({', '.join(layer.code.channels)})"
        many = f"{call} for _ in range({layer.repeats})"
        if layer.repeats > 1 and len(layers) == 1:
            return Call("nn.ModuleList", (many,))
        calls.append(call if layer.repeats == 1 else f"*({many})")
    return Call("nn.ModuleList", (List(tuple(calls)),))


def _head_context(network: Network, model: Model, folded: bool) -> dict[str, object]:
    """The heads; adapters in front of them where the maps differ in width."""
    if model.heads.segments:
        return {"segments": 1, "class_head": Code(segmentation_head(network, model, folded))}
    outputs = {"class_head": "ANCHORS_PER_CELL * num_classes", "box_head": "ANCHORS_PER_CELL * 4"}
    head = level_head if folded else shared_head
    heads = {name: Code(head(name, o, network, model)) for name, o in outputs.items()}
    adapters = Code(head_adapters(network, model, folded))
    return {
        **heads,
        "segments": 0,
        "head_adapters": adapters,
        "prior": Code(repr(model.heads.prior)),
    }


def _scales(model: Model, network: Network) -> tuple[float, ...]:
    scales = model.anchors.scales
    return scales if len(scales) > 1 else scales * len(network.outputs)


def _targets(names: list[str]) -> str:
    return ", ".join(names) if len(names) > 1 else f"({names[0]},)"


def _tuple(values: Iterable[float]) -> Code:
    return Code(repr(tuple(values)))


def _eps(pairs: tuple[tuple[str, float], ...]) -> Code:
    """Paths of modules and numbers, one pair a line where there are several."""
    lines = [f'("{path}", {eps!r}),' for path, eps in pairs]
    return Code(f"({lines[0]})" if len(lines) == 1 else "\n    ".join(["(", *lines]) + "\n)")


def _optional(value: float) -> Code:
    """A number, or nothing where it is 0."""
    return Code(repr(value) if value else "")


def _size_rule(multiple: int) -> Code:
    return Code(f", in multiples of {multiple}" if multiple > 1 else "")


def _string(text: str) -> Code:
    """A string of the closed backbone grammar, which needs no escapes."""
    return Code(f'"{text}"')
