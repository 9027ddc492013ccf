"""What every node of a detector is and costs, and what that comes to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fpncompiler.analysis.cost import Cost, DetectorCost, detector_cost, node_costs
from fpncompiler.analysis.limits import size_limits
from fpncompiler.analysis.memory import VALUE, heads_memory, network_memory, node_bytes
from fpncompiler.analysis.sizes import Size, map_size, sizes
from fpncompiler.backbones import find_backbone
from fpncompiler.codegen.describe import inputs_text
from fpncompiler.diagnostics import SpecError, printable
from fpncompiler.ir.graph import Graph
from fpncompiler.options import Options
from fpncompiler.pipeline import Checked, check_spec

MOST_ROWS = 100  # of a model


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node of a layer that is there `repeats` times; the figures are those of one.

    `height` and `width` are cells; `source` is the place in the spec, empty where no spec says it.
    """

    layer: str
    repeats: int
    node: str
    level: int
    stride: int
    inputs: str
    channels: int
    height: int
    width: int
    parameters: int
    macs: int
    activation_bytes: int
    source: str


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part of the detector; None is what fpnc does not know.

    The activations of a backbone are the maps that it hands on, those of heads what they give.
    `peak_bytes` are held at once within the part, its inputs not counted.
    """

    part: str
    parameters: int | None
    macs: int | None
    activation_bytes: int | None
    peak_bytes: int | None


@dataclass(frozen=True, slots=True)
class ScalingRow:
    """A figure of a model's row, by the formula and as published."""

    phi: int
    figure: str
    formula: str
    published: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that there is to see for images of `image_size` (height, width)."""

    name: str
    image_size: Size
    nodes: tuple[NodeRow, ...]
    parts: tuple[PartRow, ...]
    scaling: tuple[ScalingRow, ...] = ()


def detector_name(checked: Checked) -> str:
    """Such as `EfficientDet-D3 with BiFPN`."""
    model = checked.model
    return printable(f"{model.title}-{model.variant.capitalize()} with {checked.topology.title}")


def inspect(checked: Checked, image_size: Size | None = None) -> Inspection:
    """What a spec comes to, for images of its own resolution or another (height, width)."""
    size = image_size or checked.model.resolution
    nodes = tuple(_nodes(checked, size))
    return Inspection(detector_name(checked), size, nodes, _parts(checked, size))


def size_rule(size: Size, checked: Checked) -> str:
    """Which image sizes a network takes, where it does not take this one."""
    limits = size_limits(checked.network, checked.multiple)
    if min(size) >= limits.smallest and not any(side % limits.multiple for side in size):
        return ""
    rule = f", in multiples of {limits.multiple}" if limits.multiple > 1 else ""
    return f"give sides of {limits.smallest} pixels or more{rule}"


def _nodes(checked: Checked, size: Size) -> Iterator[NodeRow]:
    network = checked.network
    yield from _rows(network.extra, "levels", 1, size)
    first = 1
    for layer in network.layers:
        last = first + layer.repeats - 1
        name = f"layer {first}" if last == first else f"layers {first}..{last}"
        yield from _rows(layer.graph, name, layer.repeats, size)
        first = last + 1


def _rows(graph: Graph, layer: str, repeats: int, size: Size) -> Iterator[NodeRow]:
    maps, costs, memory = sizes(graph, size).nodes, node_costs(graph, size), node_bytes(graph, size)
    for node in graph.computed():
        op, span = graph.op(node), graph.span(node)
        yield NodeRow(
            layer=layer,
            repeats=repeats,
            node=node,
            level=op.level,
            stride=2**op.level,
            inputs=inputs_text(graph, node),
            channels=op.width,
            height=maps[node][0],
            width=maps[node][1],
            parameters=costs[node].parameters or 0,
            macs=costs[node].macs or 0,
            activation_bytes=memory[node],
            source=f"{span.file}:{span.line}" if span else "",
        )


def _parts(checked: Checked, size: Size) -> tuple[PartRow, ...]:
    network, model = checked.network, checked.model
    cost = cost_at(checked, size)
    handed_on = [
        VALUE * width * map_size(level, size)[0] * map_size(level, size)[1]
        for level, width in network.taps.items()
    ]
    inside = network_memory(network, size, model.resolution)
    heads = heads_memory(network, model, size)
    both = cost.head_adapters + cost.class_head + cost.box_head
    activations = sum(handed_on) + inside.activations + heads.activations
    return (
        _part("backbone", cost.backbone, sum(handed_on), None),
        _part("feature network", cost.network, inside.activations, inside.peak),
        _part("heads", both, heads.activations, heads.peak),
        _part("total", cost.total, activations, None),
    )


def cost_at(checked: Checked, size: Size) -> DetectorCost:
    """The cost of a detector for images of another size."""
    choice = checked.model.backbone
    backbone = None if choice.channels else find_backbone(choice.name)
    return detector_cost(checked.network, checked.model, backbone, size)


def _part(name: str, cost: Cost, activation_bytes: int, peak_bytes: int | None) -> PartRow:
    return PartRow(name, cost.parameters, cost.macs, activation_bytes, peak_bytes)


def scaling_of(checked: Checked) -> tuple[ScalingRow, ...]:
    """What the model's formulas give for each of its published rows, beside what is published."""
    spec = checked.path
    rows: list[ScalingRow] = []
    if spec is None:
        return ()
    model = checked.options.model
    for phi in range(MOST_ROWS):
        try:
            row = Options(phi=phi, model=model)
            pair = [check_spec(spec, replace(row, formula_scaling=by)) for by in (True, False)]
        except SpecError:
            break  # no such row
        by_formula, published = (figures_of(each) for each in pair)
        rows += [ScalingRow(phi, name, by_formula[name], published[name]) for name in published]
    return tuple(rows)


def figures_of(checked: Checked) -> dict[str, str]:
    """What scales, in words."""
    network, model = checked.network, checked.model
    widths = sorted(set(network.output_widths().values()))
    return {
        "resolution": "x".join(str(side) for side in dict.fromkeys(model.resolution)),
        "width": "/".join(map(str, widths)),
        "depth": str(network.depth),
        "head depth": str(model.heads.depth),
        "parameters": f"{checked.cost.total.parameters or 0:,}",
        "MACs": f"{(checked.cost.total.macs or 0) / 1e9:,.3f} G",
    }
