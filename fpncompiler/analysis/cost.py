"""Exact cost before torch is imported: trainable parameters and multiply-accumulates.

Counting rule: MACs of convolutions alone, as half of `torch.utils.flop_counter`; the paper's
"FLOPs" are multiply-accumulates too, with some elementwise work counted in. Maps at level l have
ceil(H / 2**l) x ceil(W / 2**l) cells.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from fpncompiler.analysis.sizes import Size, Sizes, map_size, size_after, sizes
from fpncompiler.backbones import Backbone
from fpncompiler.ir.detector import Heads, Model
from fpncompiler.ir.flow import Passage, edge_passages, entry_width, node_passages
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import (
    Activate,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Fuse,
    Input,
    Pool,
    Resample,
    Upsample,
    entry_level,
)
from fpncompiler.plugins import block_kinds, fusion_kinds


@dataclass(frozen=True, slots=True)
class Cost:
    """Trainable parameters, and MACs of one image; None where a backbone is not measured."""

    parameters: int | None
    macs: int | None

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(_sum(self.parameters, other.parameters), _sum(self.macs, other.macs))

    def times(self, count: int) -> "Cost":
        """The cost of `count` equal parts."""
        return Cost(
            None if self.parameters is None else self.parameters * count,
            None if self.macs is None else self.macs * count,
        )


@dataclass(frozen=True, slots=True)
class DetectorCost:
    """The cost of a detector, by part, for images of `image_size` (height, width).

    A segmentation has a class head alone.
    """

    image_size: tuple[int, int]
    backbone: Cost
    network: Cost
    head_adapters: Cost
    class_head: Cost
    box_head: Cost

    @property
    def total(self) -> Cost:
        """All parts together."""
        parts = (self.network, self.head_adapters, self.class_head, self.box_head)
        return sum(parts, self.backbone)


NOTHING = Cost(0, 0)


def detector_cost(
    network: Network, model: Model, backbone: Backbone | None, image_size: tuple[int, int]
) -> DetectorCost:
    """What a detector costs at an input size (height, width) in pixels."""
    last = network.layers[-1].graph
    found = sizes(last, image_size)
    outputs = {level: _area(found.nodes[last.outputs[level]]) for level in network.outputs}
    widths = network.output_widths()
    heads, anchors = model.heads, model.anchors.per_cell
    width = heads.common_width(widths.values())
    class_head = (
        _segmentation_head_cost(heads, widths, outputs)
        if heads.segments
        else _head_cost(heads, width, anchors * heads.classes, outputs)
    )
    return DetectorCost(
        image_size,
        _backbone_cost(backbone, max(network.taps), image_size),
        network_cost(network, image_size),
        NOTHING if heads.segments else _head_adapters_cost(heads, widths, outputs),
        class_head,
        NOTHING if heads.segments else _head_cost(heads, width, anchors * 4, outputs),
    )


def network_cost(network: Network, image_size: tuple[int, int]) -> Cost:
    """What the feature network costs: coarser levels and all layers."""
    total = graph_cost(network.extra, image_size)
    for layer in network.layers:
        total += graph_cost(layer.graph, image_size).times(layer.repeats)
    return total


def graph_cost(graph: Graph, image_size: tuple[int, int]) -> Cost:
    """What one graph costs; parameters that nodes share are counted once."""
    return sum(node_costs(graph, image_size).values(), NOTHING)


def node_costs(graph: Graph, image_size: tuple[int, int]) -> dict[str, Cost]:
    """What each node costs; parameters that nodes share are those of the first."""
    found = sizes(graph, image_size)
    costs: dict[str, Cost] = {}
    shared: set[str] = set()
    for node in graph.nodes():
        cost = node_cost(graph, node, image_size, found)
        op = graph.op(node)
        share = "" if isinstance(op, Input) else op.share
        if share in shared:
            own = _steps_cost(node_passages(graph, node), _fused_size(found, node), image_size)
            cost += Cost(-(own.parameters or 0), 0)
        if share:
            shared.add(share)
        costs[node] = cost
    return costs


def node_cost(graph: Graph, node: str, image_size: tuple[int, int], found: Sizes) -> Cost:
    """What a node costs, the edges into it included; `found` are the sizes of the graph's maps."""
    op = graph.op(node)
    if isinstance(op, Input):
        return NOTHING
    edges = graph.inputs(node)
    total = NOTHING
    for edge in edges:
        total += _steps_cost(edge_passages(graph, edge), found.nodes[edge.source], image_size)
    if isinstance(op, Fuse):
        total += _fusion_cost(op, len(edges), entry_width(graph, node), found, node, image_size)
    return total + _steps_cost(node_passages(graph, node), _fused_size(found, node), image_size)


def _fused_size(found: Sizes, node: str) -> Size:
    return found.arriving[node][0]


def cells(level: int, image_size: tuple[int, int]) -> int:
    """How many cells a map of a level has."""
    height, width = map_size(level, image_size)
    return height * width


def _fusion_cost(
    op: Fuse, arity: int, width: int, found: Sizes, node: str, image_size: Size
) -> Cost:
    fusion = op.fusion
    if fusion.is_module:
        kind = fusion_kinds()[fusion.kind]
        parameters, macs = kind.cost(arity, width, dict(fusion.options))
        height, length = _fused_size(found, node)
        return Cost(parameters, macs * height * length)
    if not fusion.weighs:
        return NOTHING
    match fusion.granularity:
        case "scalar":
            return Cost(arity, 0)
        case "channel":
            return Cost(arity * width, 0)
        case "pixel":
            return Cost(arity * cells(entry_level(op), image_size), 0)
        case _:
            assert_never(fusion.granularity)


def _steps_cost(passages: Iterable[Passage], size: Size, image_size: Size) -> Cost:
    """What steps cost, from a map of `size` on."""
    total = NOTHING
    for passage in passages:
        before = size[0] * size[1]
        size = size_after(passage, size, map_size(passage.level_after, image_size))
        total += _step_cost(passage, before, size[0] * size[1])
    return total


def step_parameters(passage: Passage) -> int:
    """The trainable parameters of one step."""
    return _step_cost(passage, 0, 0).parameters or 0


def _step_cost(passage: Passage, cells_before: int, cells_after: int) -> Cost:
    step = passage.step
    match step:
        case Convolution():
            return convolution_cost(step, passage.width, passage.width_after, cells_after)
        case Adapt():
            weights = passage.width * step.width
            extra = (step.width if step.bias else 0) + (2 * step.width if step.norm else 0)
            return Cost(weights + extra, weights * cells_before)
        case Block():
            kind = block_kinds()[step.kind]
            options = dict(step.options)
            parameters, macs = kind.cost(passage.width, passage.width_after, options)
            return Cost(parameters, macs * cells_before)
        case Pool() | Activate() | Upsample() | Downsample() | Resample():
            return NOTHING
        case _:
            assert_never(step)


def convolution_cost(conv: Convolution, in_width: int, out_width: int, positions: int) -> Cost:
    """A convolution op: its kernel, bias and norm."""
    window = conv.kernel**2
    match conv.kind:
        case "separable":
            weights = window * in_width + in_width * out_width
        case "full":
            weights = window * in_width * out_width
        case "depthwise":
            weights = window * in_width
        case _:
            assert_never(conv.kind)
    extra = out_width if conv.bias else 0
    if "norm" in conv.order:
        before = conv.order.index("norm") < conv.order.index("conv")
        extra += 2 * (in_width if before else out_width)
    return Cost(weights + extra, weights * positions)


def _head_cost(heads: Heads, width: int, outputs: int, positions: dict[int, int]) -> Cost:
    """One head over all levels: convolutions shared, batch norms not (effdet HeadNet)."""
    total_positions = sum(positions.values())
    hidden = _plain_cost(heads.separable, width, width, heads.bias, total_positions)
    norms = Cost(2 * width * len(positions), 0)
    predict = _plain_cost(heads.separable, width, outputs, True, total_positions)
    return (hidden + norms).times(heads.depth) + predict


def _head_adapters_cost(heads: Heads, widths: dict[int, int], positions: dict[int, int]) -> Cost:
    """What brings maps of other widths to that of the shared heads."""
    common = heads.common_width(widths.values())
    total = NOTHING
    for level, width in widths.items():
        if width != common:
            weights = width * common
            extra = 2 * common + (common if heads.bias else 0)
            total += Cost(weights + extra, weights * positions[level])
    return total


def _segmentation_head_cost(
    heads: Heads, widths: dict[int, int], positions: dict[int, int]
) -> Cost:
    """One head on one level; its first convolution leads to its width."""
    ((level, width),) = widths.items()
    total = NOTHING
    for _ in range(heads.depth):
        hidden = heads.common_width([width])
        total += _plain_cost(heads.separable, width, hidden, heads.bias, positions[level])
        total += Cost(2 * hidden, 0)
        width = hidden
    return total + _plain_cost(heads.separable, width, heads.classes, True, positions[level])


def _area(size: Size) -> int:
    return size[0] * size[1]


def _plain_cost(separable: bool, in_width: int, out_width: int, bias: bool, positions: int) -> Cost:
    weights = 9 * in_width + in_width * out_width if separable else 9 * in_width * out_width
    return Cost(weights + (out_width if bias else 0), weights * positions)


def _backbone_cost(backbone: Backbone | None, deepest: int, image_size: tuple[int, int]) -> Cost:
    if backbone is None:
        return Cost(None, None)
    macs = backbone.macs.get(deepest) if backbone.macs else None
    return Cost(backbone.parameters.get(deepest), macs.at(*image_size) if macs else None)


def _sum(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right
