"""Network -> what the templates print: modules, straight-line statements, names.

`p5_td = fuse 5 [p5_in *64, p6_td ^1]` becomes, with the constructor's part first:

    self.p5_in_to_p5_td = Adapter(c5, 64)
    self.p5_td = Node(FastNormalizedFusion(2), ActConvNorm(SeparableConv2d(64, 64), 64))

    p5_td = self.p5_td(self.p5_in_to_p5_td(p5_in), upsample_nearest(p6_td, p5_in))  # P5/32
"""

from dataclasses import dataclass
from typing import assert_never

from fpncompiler.analysis.cost import map_size
from fpncompiler.codegen.blocks import call_arguments
from fpncompiler.codegen.layout import Call, Expr, List, Sum, flat, statement
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import (
    Activation,
    Adapt,
    Convolution,
    Downsample,
    EdgeOp,
    Fuse,
    Fusion,
    Input,
    Norm,
    Step,
    Unary,
    Upsample,
)
from fpncompiler.ir.verify import arrival, reads_any_width

ACTIVATION_MODULES: dict[Activation, str] = {
    "silu": "nn.SiLU",
    "relu": "nn.ReLU",
    "relu6": "nn.ReLU6",
    "leaky_relu": "nn.LeakyReLU",
    "hard_swish": "nn.Hardswish",
    "mish": "nn.Mish",
    "gelu": "nn.GELU",
}
FUSION_MODULES = {
    "weighted": "WeightedFusion",
    "softmax": "SoftmaxFusion",
    "fast_normalized": "FastNormalizedFusion",
}
NAMED_ORDERS: dict[tuple[Step, ...], str] = {
    ("act", "conv", "norm"): "ActConvNorm",
    ("conv", "norm", "act"): "ConvNormAct",
}
BODY = 8  # columns in front of a statement in a method


@dataclass(frozen=True, slots=True)
class GraphCode:
    """One graph as code: constructor and forward statements, laid out.

    `channels` names the backbone's channels that modules take, such as `c5`; `fixed` are the levels
    whose map is read as it is, so that no other number of channels will do.
    """

    modules: tuple[str, ...]
    inputs: str
    backbone_inputs: str
    statements: tuple[str, ...]
    returns: str
    channels: tuple[str, ...]
    fixed: frozenset[int]


@dataclass(frozen=True, slots=True)
class LayerCode:
    """One class of layers, which `repeats` consecutive layers are of; `position` says which."""

    class_name: str
    position: str
    repeats: int
    code: GraphCode


def lower_layers(network: Network, image_size: tuple[int, int]) -> tuple[LayerCode, ...]:
    """The distinct layers of a network, in order."""
    layers = []
    done = 0
    symbolic = set(network.taps)
    for index, layer in enumerate(network.layers):
        code = lower_graph(layer.graph, image_size, symbolic)
        position = _position(done, layer.repeats, network.depth)
        name = _class_name(index, len(network.layers), layer.repeats)
        layers.append(LayerCode(name, position, layer.repeats, code))
        done += layer.repeats
        symbolic = _handed_on(layer.graph, symbolic)
    return tuple(layers)


def _handed_on(graph: Graph, symbolic: set[int]) -> set[int]:
    """The levels at which a layer returns the backbone's map as it was given."""
    raw = ((level, graph.op(node)) for level, node in graph.outputs.items())
    return {
        level
        for level, op in raw
        if isinstance(op, Input) and (op.source == "backbone" or op.level in symbolic)
    }


def lower_graph(graph: Graph, image_size: tuple[int, int], symbolic: set[int]) -> GraphCode:
    """One graph as code.

    Args:
        image_size: configured (height, width), for per-pixel fusion weights.
        symbolic: levels of inputs that come straight from the backbone, whose channels the code
            calls `c5`, so that another backbone can be chosen at construction.
    """
    lowering = _Lowering(graph, image_size, symbolic)
    statements = [lowering.statement(node) for node in lowering.order]
    modules = [line for node in lowering.order for line in lowering.modules(node)]
    outputs = [graph.outputs[level] for level in sorted(graph.outputs)]
    return GraphCode(
        modules=tuple(modules),
        inputs=lowering.unpack("in", outputs),
        backbone_inputs=lowering.unpack("backbone", outputs),
        statements=tuple(statements),
        returns=statement("return ", List(tuple(outputs)), BODY),
        channels=tuple(f"c{level}" for level in sorted(lowering.backbone_levels(adapted=True))),
        fixed=frozenset(lowering.backbone_levels(adapted=False)),
    )


def adapter_name(edge: Edge, node: str, slot: int, edges: tuple[Edge, ...]) -> str:
    """The attribute of the adapter on an edge: `p5_in_to_p5_td`; parallel edges are numbered.

    No node can have such a name, for names have neither `_to_` nor two underscores.
    """
    parallel = sum(other.source == edge.source for other in edges[:slot])
    return f"{edge.source}_to_{node}" + (f"__{parallel + 1}" if parallel else "")


def fusion_path(node: str, op: Fuse) -> str:
    """Where a node's fusion weights are: inside its `Node`, or alone where nothing follows."""
    return f"{node}.fuse.weight" if op.conv else f"{node}.weight"


def convolution_path(node: str, op: Fuse | Unary) -> str:
    """Where a node's convolution is: inside its `Node`, or alone where nothing is weighed."""
    return f"{node}.conv" if isinstance(op, Fuse) and op.fusion.kind != "sum" else node


def stride_comment(level: int) -> str:
    """What stands at the end of a node's line."""
    return f"P{level}/{2**level}"


class _Lowering:
    """The statements of one graph; looks up its inputs once."""

    def __init__(self, graph: Graph, image_size: tuple[int, int], symbolic: set[int]) -> None:
        self.graph = graph
        self.image_size = image_size
        self.symbolic = symbolic
        self.order = tuple(graph.computed())
        self.inputs = {
            node: op for node in graph.nodes() if isinstance(op := graph.op(node), Input)
        }
        # An upsampled map takes the size of the layer's own input at its level.
        self.size_reference = {op.level: node for node, op in self.inputs.items()}
        self.size_reference |= {o.level: n for n, o in self.inputs.items() if o.source == "in"}

    def statement(self, node: str) -> str:
        op = self.graph.op(node)
        assert not isinstance(op, Input)
        edges = self.graph.inputs(node)
        values = tuple(self._arriving(node, op, slot) for slot in range(len(edges)))
        if isinstance(op, Fuse) and op.fusion.kind != "sum":
            value: Expr = Call(f"self.{node}", values)
        else:
            value = Sum(values) if len(values) > 1 else values[0]
            value = Call(f"self.{node}", (value,)) if op.conv else value
        return statement(f"{node} = ", value, BODY, stride_comment(op.level))

    def _arriving(self, node: str, op: Fuse | Unary, slot: int) -> Expr:
        edges = self.graph.inputs(node)
        value: Expr = edges[slot].source
        for step in edges[slot].via:
            if isinstance(step, Adapt):
                value = Call(f"self.{adapter_name(edges[slot], node, slot, edges)}", (value,))
            else:
                value = _resampled(value, step, self.size_reference.get(op.level, ""))
        return value

    def unpack(self, source: str, outputs: list[str]) -> str:
        """The names of the inputs, as an assignment's left side; unread ones begin with `_`."""
        inputs = [node for node, op in self.inputs.items() if op.source == source]
        read = self._read_names() | set(outputs)
        names = [node if node in read else f"_{node}" for node in inputs]
        return f"({names[0]},)" if len(names) == 1 else ", ".join(names)

    def _read_names(self) -> set[str]:
        read: set[str] = set()
        for node in self.order:
            for edge in self.graph.inputs(node):
                read.add(edge.source)
                if any(isinstance(step, Upsample) for step in edge.via):
                    read.add(self.size_reference[self.graph.op(node).level])
        return read

    def backbone_levels(self, *, adapted: bool) -> set[int]:
        """The levels of the backbone that are read through a module of their own, or without."""
        return {
            self.graph.op(edge.source).level
            for node in self.order
            for edge in self.graph.inputs(node)
            if self._is_symbolic(edge) and self._takes_channels(node, edge) is adapted
        }

    def _takes_channels(self, node: str, edge: Edge) -> bool:
        op = self.graph.op(node)
        return reads_any_width(op) or any(isinstance(step, Adapt) for step in edge.via)

    def _is_symbolic(self, edge: Edge) -> bool:
        op = self.graph.op(edge.source)
        return isinstance(op, Input) and (op.source == "backbone" or op.level in self.symbolic)

    def width_of(self, edge: Edge, width: int) -> str:
        return f"c{self.graph.op(edge.source).level}" if self._is_symbolic(edge) else str(width)

    def modules(self, node: str) -> list[str]:
        """Constructor statements of a node: adapters of its edges, fusion, convolution."""
        op = self.graph.op(node)
        assert not isinstance(op, Input)
        edges = self.graph.inputs(node)
        lines = []
        for slot, edge in enumerate(edges):
            for step in edge.via:
                if isinstance(step, Adapt):
                    name = adapter_name(edge, node, slot, edges)
                    module = adapter_module(step, self.width_of(edge, step.in_width))
                    lines.append(statement(f"self.{name} = ", module, BODY))
        own = self._node_module(op, edges)
        return lines if own is None else [*lines, statement(f"self.{node} = ", own, BODY)]

    def _node_module(self, op: Fuse | Unary, edges: tuple[Edge, ...]) -> Call | None:
        fusion: Call | None = None
        conv: Call | None = None
        if isinstance(op, Fuse) and op.fusion.kind != "sum":
            fusion = fusion_module(op, len(edges), map_size(op.level, self.image_size))
        if op.conv is not None:
            in_width = str(op.width)
            if isinstance(op, Unary):
                in_width = self.width_of(edges[0], arrival(self.graph, edges[0])[1])
            conv = convolution_module(op.conv, in_width, str(op.width))
        return Call("Node", (fusion, conv)) if fusion and conv else fusion or conv


def _resampled(value: Expr, step: EdgeOp, reference: str) -> Expr:
    match step:
        case Upsample(mode):
            function = "upsample_nearest" if mode == "nearest" else "upsample_bilinear"
            return Call(function, (value, reference))
        case Downsample(mode, levels, padding):
            factor = () if levels == 1 else (str(2**levels),)
            if mode == "bilinear":
                return Call("downsample_bilinear", (value, *factor))
            return Call(f"max_pool_{padding}", (value, *factor))
        case Adapt():
            raise AssertionError("adapters are modules")
        case _:
            assert_never(step)


def adapter_module(op: Adapt, in_width: str) -> Call:
    """The module of an adapter."""
    if op.norm is None:
        bias = () if op.bias else ("bias=False",)
        return Call("nn.Conv2d", (in_width, str(op.out_width), "1", *bias))
    arguments = call_arguments("Adapter", bias=str(op.bias), **norm_values(op.norm))
    return Call("Adapter", (in_width, str(op.out_width), *arguments))


def fusion_module(op: Fuse, arity: int, size: tuple[int, int]) -> Call:
    """The module of a fusion with weights, with a map of `size` at the configured resolution."""
    name = FUSION_MODULES[op.fusion.kind]
    shape = {
        "scalar": (),
        "channel": (f"({op.width}, 1, 1)",),
        "pixel": (f"(1, {size[0]}, {size[1]})",),
    }[op.fusion.granularity]
    eps = call_arguments(name, eps=repr(op.fusion.eps)) if _has_eps(op.fusion) else ()
    prefix = "Pixel" if op.fusion.granularity == "pixel" else ""
    return Call(prefix + name, (str(arity), *shape, *eps))


def _has_eps(fusion: Fusion) -> bool:
    return fusion.kind == "fast_normalized"


def convolution_module(op: Convolution, in_width: str, out_width: str) -> Call:
    """The module of a convolution op; the two usual orders have blocks of their own."""
    block = "SeparableConv2d" if op.kind == "separable" else "FullConv2d"
    arguments = call_arguments(block, kernel_size=str(op.kernel), bias=str(op.bias))
    conv = Call(block, (in_width, out_width, *arguments))
    if op.order == ("conv",):
        return conv
    activation = ACTIVATION_MODULES[op.activation]
    if name := NAMED_ORDERS.get(op.order):
        values = {"activation": activation, **norm_values(op.norm)}
        return Call(name, (conv, out_width, *call_arguments(name, **values)))
    parts = {"act": Call(activation, ()), "conv": conv}
    normed = in_width if op.order.index("conv") > _index(op.order, "norm") else out_width
    parts["norm"] = Call("nn.BatchNorm2d", (normed, *_keywords(norm_values(op.norm))))
    named = tuple(f"{step}={flat(parts[step])}" for step in op.order)
    return Call("nn.Sequential", (Call("OrderedDict", named),))


def _index(order: tuple[str, ...], step: str) -> int:
    return order.index(step) if step in order else len(order)


def _keywords(values: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in values.items())


def norm_values(norm: Norm) -> dict[str, str]:
    """The constants of a batch norm as source."""
    return {"eps": repr(norm.eps), "momentum": repr(norm.momentum)}


def _class_name(index: int, count: int, repeats: int) -> str:
    if count == 1:
        return "Layer"
    if index == 0:
        return "FirstLayer"
    return "LastLayer" if index == count - 1 and repeats == 1 else "RepeatedLayer"


def _position(done: int, repeats: int, depth: int) -> str:
    if repeats == depth:
        return "Every layer" if depth > 1 else "The layer"
    if repeats == 1:
        return f"Layer {done + 1}"
    return f"Layers {done + 1} to {done + repeats}"
