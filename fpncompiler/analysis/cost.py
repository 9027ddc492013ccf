"""Exact cost before torch is imported: trainable parameters and multiply-accumulates.

Counting rule: MACs of convolutions alone, as half of `torch.utils.flop_counter`; the paper's
"FLOPs" are multiply-accumulates too, with some elementwise work counted in. Maps at level l have
ceil(H / 2**l) x ceil(W / 2**l) cells.
"""

from dataclasses import dataclass
from math import ceil
from typing import assert_never

from fpncompiler.backbones import Backbone
from fpncompiler.ir.detector import Heads, Model
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Adapt, Convolution, Downsample, Fuse, Fusion, Input, Unary, Upsample
from fpncompiler.ir.verify import arrival


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
    """The cost of a detector, by part, for images of `image_size` (height, width)."""

    image_size: tuple[int, int]
    backbone: Cost
    network: Cost
    class_head: Cost
    box_head: Cost

    @property
    def total(self) -> Cost:
        """All parts together."""
        return self.backbone + self.network + self.class_head + self.box_head


NOTHING = Cost(0, 0)


def detector_cost(
    network: Network, model: Model, backbone: Backbone | None, image_size: tuple[int, int]
) -> DetectorCost:
    """What a detector costs at an input size (height, width) in pixels."""
    outputs = {level: cells(level, image_size) for level in network.outputs}
    widths = set(network.output_widths().values())
    assert len(widths) == 1, "the heads are shared, so all outputs have one width"
    width = widths.pop()
    heads, anchors = model.heads, model.anchors.per_cell
    return DetectorCost(
        image_size,
        _backbone_cost(backbone, max(network.taps), image_size),
        network_cost(network, image_size),
        _head_cost(heads, width, anchors * heads.classes, outputs),
        _head_cost(heads, width, anchors * 4, outputs),
    )


def network_cost(network: Network, image_size: tuple[int, int]) -> Cost:
    """What the feature network costs: coarser levels and all layers."""
    total = graph_cost(network.extra, image_size)
    for layer in network.layers:
        total += graph_cost(layer.graph, image_size).times(layer.repeats)
    return total


def graph_cost(graph: Graph, image_size: tuple[int, int]) -> Cost:
    """What one graph costs."""
    costs = (node_cost(graph, node, image_size) for node in graph.nodes())
    return sum(costs, NOTHING)


def node_cost(graph: Graph, node: str, image_size: tuple[int, int]) -> Cost:
    """What a node costs, the edges into it included."""
    op = graph.op(node)
    if isinstance(op, Input):
        return NOTHING
    edges = graph.inputs(node)
    total = sum((_edge_cost(graph, edge, image_size) for edge in edges), NOTHING)
    if isinstance(op, Fuse):
        total += Cost(fusion_parameters(op.fusion, len(edges), op, image_size), 0)
    if op.conv is None:
        return total
    in_width = arrival(graph, edges[0])[1] if isinstance(op, Unary) else op.width
    positions = cells(op.level, image_size)
    return total + convolution_cost(op.conv, in_width, op.width, positions)


def cells(level: int, image_size: tuple[int, int]) -> int:
    """How many cells a map of a level has."""
    height, width = map_size(level, image_size)
    return height * width


def map_size(level: int, image_size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the map at a level."""
    return ceil(image_size[0] / 2**level), ceil(image_size[1] / 2**level)


def fusion_parameters(fusion: Fusion, arity: int, op: Fuse, image_size: tuple[int, int]) -> int:
    """The number of fusion weights of a node."""
    if fusion.kind == "sum":
        return 0
    match fusion.granularity:
        case "scalar":
            return arity
        case "channel":
            return arity * op.width
        case "pixel":
            return arity * cells(op.level, image_size)
        case _:
            assert_never(fusion.granularity)


def convolution_cost(conv: Convolution, in_width: int, out_width: int, positions: int) -> Cost:
    """A convolution op: its kernel, bias and norm."""
    window = conv.kernel**2
    if conv.kind == "separable":
        weights = window * in_width + in_width * out_width
    else:
        weights = window * in_width * out_width
    extra = out_width if conv.bias else 0
    if "norm" in conv.order:
        before = conv.order.index("norm") < conv.order.index("conv")
        extra += 2 * (in_width if before else out_width)
    return Cost(weights + extra, weights * positions)


def _edge_cost(graph: Graph, edge: Edge, image_size: tuple[int, int]) -> Cost:
    total = NOTHING
    level = graph.op(edge.source).level
    for op in edge.via:
        match op:
            case Adapt():
                weights = op.in_width * op.out_width
                extra = (op.out_width if op.bias else 0) + (2 * op.out_width if op.norm else 0)
                total += Cost(weights + extra, weights * cells(level, image_size))
            case Upsample():
                level -= op.levels
            case Downsample():
                level += op.levels
            case _:
                assert_never(op)
    return total


def _head_cost(heads: Heads, width: int, outputs: int, positions: dict[int, int]) -> Cost:
    """One head over all levels: convolutions shared, batch norms not (effdet HeadNet)."""
    total_positions = sum(positions.values())
    hidden = _plain_cost(heads.separable, width, width, heads.bias, total_positions)
    norms = Cost(2 * width * len(positions), 0)
    predict = _plain_cost(heads.separable, width, outputs, True, total_positions)
    return (hidden + norms).times(heads.depth) + predict


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
