"""What a network means: a walk over its graphs with torch.nn.functional, one node after another.

Written from the language, not from the code generator, of which it knows nothing. It does the same
arithmetic in the same order as a generated file is documented to, so results are equal bit for bit,
gradients included. For that a sum takes an input only when its turn comes: autograd adds up the
gradients of a map in the order in which its readers ran.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from fpncompiler.ir.flow import Passage, edge_passages, node_passages
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import (
    Activate,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Fuse,
    Fusion,
    Input,
    Norm,
    Pool,
    Step,
    Styled,
    Unary,
    Upsample,
)

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "hard_swish": F.hardswish,
    "mish": F.mish,
    "gelu": F.gelu,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}


@dataclass
class State:
    """A network's parameters and running statistics by name, and which of them were read."""

    tensors: dict[str, Tensor]
    training: bool
    read: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> Tensor:
        self.read.add(name)
        return self.tensors[name]

    def bias(self, path: str, has_bias: bool) -> Tensor | None:
        return self[f"{path}.bias"] if has_bias else None


def interpret(network: Network, state: State, features: list[Tensor]) -> list[Tensor]:
    """The maps that a network returns for the backbone's features, both finest first."""
    *_, (graph, maps) = run(network, state, features)
    return [maps[graph.outputs[level]] for level in network.outputs]


def run(
    network: Network, state: State, features: list[Tensor]
) -> Iterator[tuple[Graph, dict[str, Tensor]]]:
    """The graphs of a network, in turn, each with the maps of its nodes."""
    backbone = dict(zip(sorted(network.taps), features, strict=True))
    maps = run_graph(network.extra, state, "", {}, backbone)
    yield network.extra, maps
    pyramid = {level: maps[node] for level, node in network.extra.outputs.items()}
    layers = (layer.graph for layer in network.layers for _ in range(layer.repeats))
    for index, graph in enumerate(layers):
        maps = run_graph(graph, state, f"layers.{index}.", pyramid, backbone)
        yield graph, maps
        pyramid = {level: maps[node] for level, node in graph.outputs.items()}


def run_graph(
    graph: Graph,
    state: State,
    prefix: str,
    pyramid: dict[int, Tensor],
    backbone: dict[int, Tensor],
) -> dict[str, Tensor]:
    """Node -> map; names of parameters begin with `prefix`."""
    walk = _Walk(graph, state, prefix, {})
    for node in graph.nodes():
        if isinstance(op := graph.op(node), Input):
            walk.maps[node] = (pyramid if op.source == "in" else backbone)[op.level]
    for node in graph.order():
        if not isinstance(op := graph.op(node), Input):
            walk.maps[node] = walk.compute(node, op)
    return walk.maps


@dataclass
class _Walk:
    graph: Graph
    state: State
    prefix: str
    maps: dict[str, Tensor]

    def compute(self, node: str, op: Fuse | Unary) -> Tensor:
        arriving = self._arriving(node)
        passages = list(node_passages(self.graph, node))
        own = f"{self.prefix}{node}"
        steps = f"{self.prefix}shared_{op.share}" if op.share else own
        if isinstance(op, Unary):
            (x,) = arriving
            return self._through(x, passages, Chain(steps))
        if op.fusion.kind in PLAIN:
            return self._through(PLAIN[op.fusion.kind](arriving), passages, Chain(steps))
        # With a fusion that has a module, the node's steps up to the first function are beside it:
        # `p5_td.fuse`, `p5_td.conv`; what follows is `p5_td__then`.
        joined = bool(passages) and not isinstance(passages[0].step, FUNCTIONS) and not op.share
        fused = self._weigh(list(arriving), op.fusion, f"{own}.fuse" if joined else own)
        if joined:
            return self._through(fused, passages, Chain(own, f"{own}.conv"))
        return self._through(fused, passages, Chain(steps, None, 0 if op.share else 1))

    def _arriving(self, node: str) -> Iterator[Tensor]:
        """What comes in, one after another, each only when it is asked for."""
        edges = self.graph.inputs(node)
        for slot, edge in enumerate(edges):
            name = f"{self.prefix}{edge_name(edge, node, edges[:slot])}"
            passages = list(edge_passages(self.graph, edge))
            yield self._through(self.maps[edge.source], passages, Chain(name))

    def _weigh(self, inputs: list[Tensor], fusion: Fusion, path: str) -> Tensor:
        if fusion.kind == "gate":
            return gate(inputs, **dict(fusion.options))
        if fusion.kind == "spatial_softmax":
            return spatial_softmax(self.state, path, inputs, fusion.style)
        weights = self.state[f"{path}.weight"]
        if fusion.kind == "softmax":
            weights = weights.softmax(0)
        elif fusion.kind == "fast_normalized":
            weights = weights.relu()
            weights = weights / (weights.sum(0) + fusion.eps)
        else:
            assert fusion.kind == "weighted"
        if fusion.granularity == "pixel":  # [arity, 1, H, W] at the configured size of the image
            weights = F.interpolate(weights, inputs[0].shape[2:], mode="bilinear")
        return weighted_sum(inputs, weights)

    def _through(self, x: Tensor, passages: list[Passage], chain: "Chain") -> Tensor:
        """A map after some steps, of an edge into `reader` or of a node itself."""
        names = chain.names([passage.step for passage in passages])
        for passage, name in zip(passages, names, strict=True):
            x = self._step(x, passage, name)
        return x

    def _step(self, x: Tensor, passage: Passage, name: str) -> Tensor:
        step = passage.step
        match step:
            case Convolution():
                return convolution(self.state, name, step, x)
            case Adapt(norm=None):
                return conv2d(self.state, name, x, bias=step.bias)
            case Adapt(norm=norm):
                return batch_norm(
                    self.state,
                    f"{name}.norm",
                    conv2d(self.state, f"{name}.conv", x, step.bias),
                    norm,
                )
            case Activate():
                return ACTIVATIONS[step.activation](x)
            case Pool():
                return pool(step, x)
            case Downsample():
                return downsample(step, x)
            case Block():
                x = BLOCKS[step.kind](self.state, name, x, dict(step.options), step.style)
                if step.levels < 0 and (size := self._size(passage.level_after)):
                    x = x[:, :, : size[0], : size[1]]
                return x
            case Upsample():
                factor = 2**step.levels
                size = self._size(passage.level_after) or [side * factor for side in x.shape[2:]]
                return F.interpolate(x, size, mode=step.mode)
            case _:
                raise AssertionError(f"a lowered network has no {step}")

    def _size(self, level: int) -> list[int] | None:
        """Height and width of a level, by the map that says it, if there is one yet.

        The layer's own input; else the backbone's; else the first map that the layer computes.
        """
        candidates: dict[str, str] = {}
        for node in self.graph.order():
            op = self.graph.op(node)
            if op.level == level:
                candidates.setdefault("computed" if not isinstance(op, Input) else op.source, node)
        for kind in ("in", "backbone", "computed"):
            if kind in candidates:
                found = self.maps.get(candidates[kind])
                return None if found is None else [*found.shape[2:]]
        return None


# Names of parameters.

FUNCTIONS = (Upsample, Downsample)  # steps that generated code calls, so that they have no name


def edge_name(edge: Edge, node: str, before: tuple[Edge, ...]) -> str:
    """`p5_in_to_p5_td`, and `p5_in_to_p5_td__2` for a second edge between the two."""
    parallel = 1 + [other.source for other in before].count(edge.source)
    return f"{edge.source}_to_{node}" + (f"__{parallel}" if parallel > 1 else "")


@dataclass
class Chain:
    """The names of the steps of an edge or of a node.

    Modules in a row are one attribute, an nn.Sequential if there are two or more; those after a
    function, or after the crop that follows a doubling block, are the next: `x`, `x__then`,
    `x__then2`. `first` is where the first row is, if not at `x`; `rows` of them are taken already.
    """

    own: str
    first: str | None = None
    rows: int = 0

    def names(self, steps: list[Step]) -> list[str]:
        """The name of each step; empty for functions."""
        rows: list[list[int]] = [[]]
        for index, step in enumerate(steps):
            if isinstance(step, FUNCTIONS):
                rows.append([])
                continue
            rows[-1].append(index)
            if isinstance(step, Block) and step.levels < 0:
                rows.append([])
        names = [""] * len(steps)
        for number, row in enumerate((row for row in rows if row), start=self.rows):
            suffix = "" if number == 0 else "__then" if number == 1 else f"__then{number}"
            path = self.first if self.first and number == 0 else f"{self.own}{suffix}"
            for position, index in enumerate(row):
                names[index] = f"{path}.{position}" if len(row) > 1 else path
        return names


# Convolutions and what belongs to them.


def conv2d(
    state: State,
    path: str,
    x: Tensor,
    bias: bool,
    stride: int = 1,
    padding: int = 0,
    depthwise: bool = False,
) -> Tensor:
    weight, added = state[f"{path}.weight"], state.bias(path, bias)
    groups = x.shape[1] if depthwise else 1
    return F.conv2d(x, weight, added, stride, padding, groups=groups)


def batch_norm(state: State, path: str, x: Tensor, norm: Norm) -> Tensor:
    batches = state[f"{path}.num_batches_tracked"]
    if state.training:
        batches += 1
    names = ("running_mean", "running_var", "weight", "bias")
    tensors = (state[f"{path}.{name}"] for name in names)
    return F.batch_norm(x, *tensors, training=state.training, momentum=norm.momentum, eps=norm.eps)


def convolution(state: State, name: str, step: Convolution, x: Tensor) -> Tensor:
    alone = step.order == ("conv",)
    padding = 0 if step.valid else step.kernel // 2
    for part in step.order:
        path = name if alone else f"{name}.{part}"
        if part == "act":
            x = ACTIVATIONS[step.activation](x)
        elif part == "norm":
            x = batch_norm(state, path, x, step.norm)
        elif step.kind == "separable":
            x = conv2d(state, f"{path}.depthwise", x, False, step.stride, padding, depthwise=True)
            x = conv2d(state, f"{path}.pointwise", x, step.bias)
        else:
            depthwise = step.kind == "depthwise"
            x = conv2d(state, path, x, step.bias, step.stride, padding, depthwise)
    return x


# Sizes.


def padded(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's SAME padding with -inf: on both sides, one more behind if odd."""
    pads: list[int] = []
    for side in reversed(x.shape[2:]):
        total = max(0, (-(-side // stride) - 1) * stride + kernel - side)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=-torch.inf)


def downsample(step: Downsample, x: Tensor) -> Tensor:
    factor = 2**step.levels
    if step.mode == "bilinear":
        return F.interpolate(x, [-(-side // factor) for side in x.shape[2:]], mode="bilinear")
    if step.mode == "avg_pool":
        return F.avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)
    match step.padding:
        case "same":
            return F.max_pool2d(padded(x, factor + 1, factor), factor + 1, factor)
        case "symmetric":
            return F.max_pool2d(x, factor + 1, factor, padding=factor // 2)
        case "none":
            return F.max_pool2d(x, factor, ceil_mode=True)


def pool(step: Pool, x: Tensor) -> Tensor:
    """Kernels that are odd lie over the middle; others are their stride."""
    even = step.kernel == step.stride
    how = {"padding": 0 if even else step.kernel // 2, "ceil_mode": even}
    if step.kind == "max":
        return F.max_pool2d(x, step.kernel, step.stride, **how)
    return F.avg_pool2d(x, step.kernel, step.stride, **how, count_include_pad=False)


# Fusions.


def weighted_sum(inputs: list[Tensor], weights: Tensor) -> Tensor:
    terms = (x * weight for x, weight in zip(inputs, weights, strict=True))
    return reduce(torch.add, terms)


def mean(arriving: Iterator[Tensor]) -> Tensor:
    inputs = [*arriving]
    return reduce(torch.add, inputs) / len(inputs) if len(inputs) > 1 else inputs[0]


def concat(arriving: Iterator[Tensor]) -> Tensor:
    inputs = [*arriving]
    return torch.cat(inputs, 1) if len(inputs) > 1 else inputs[0]


PLAIN: dict[str, Callable[[Iterator[Tensor]], Tensor]] = {
    "sum": lambda arriving: reduce(torch.add, arriving),  # lazily, see above
    "max": lambda arriving: reduce(torch.maximum, [*arriving]),
    "mean": mean,
    "concat": concat,
}


def gate(inputs: list[Tensor], by: str, pool: str) -> Tensor:
    first, last = inputs
    gating, other = (first, last) if by == "first" else (last, first)
    pooled = gating.amax((2, 3), True) if pool == "max" else gating.mean((2, 3), True)
    return gating + pooled.sigmoid() * other


def spatial_softmax(state: State, path: str, inputs: list[Tensor], style: Styled) -> Tensor:
    reduced = [unit(state, f"{path}.reduce.{i}", x, style) for i, x in enumerate(inputs)]
    logits = conv2d(state, f"{path}.weigh", torch.cat(reduced, 1), True)
    return weighted_sum(inputs, logits.softmax(1).transpose(0, 1).unsqueeze(2))


# Blocks: (state, path, map, options, style) -> map.


def unit(state: State, path: str, x: Tensor, style: Styled, kernel: int = 1) -> Tensor:
    """Convolution without bias, batch norm, activation."""
    x = conv2d(state, f"{path}.conv", x, False, padding=kernel // 2)
    return ACTIVATIONS[style.activation](batch_norm(state, f"{path}.norm", x, style.norm))


def bottlenecks(
    state: State, path: str, x: Tensor, style: Styled, kernels: tuple[int, int], shortcut: bool
) -> Tensor:
    y = unit(state, f"{path}.conv1", x, style, kernels[0])
    y = unit(state, f"{path}.conv2", y, style, kernels[1])
    return x + y if shortcut else y


def c2f(state, path, x, options, style):
    maps = [*unit(state, f"{path}.split", x, style).chunk(2, 1)]
    for i in range(options["depth"]):
        shortcut = options["shortcut"]
        maps.append(bottlenecks(state, f"{path}.chain.{i}", maps[-1], style, (3, 3), shortcut))
    return unit(state, f"{path}.merge", torch.cat(maps, 1), style)


def csp(state, path, x, options, style, kernels, shortcut):
    y = unit(state, f"{path}.enter", x, style)
    for i in range(options["depth"]):
        y = bottlenecks(state, f"{path}.chain.{i}", y, style, kernels, shortcut)
    both = torch.cat([y, unit(state, f"{path}.bypass", x, style)], 1)
    return unit(state, f"{path}.merge", both, style)


def c3(state, path, x, options, style):
    return csp(state, path, x, options, style, (1, 3), options["shortcut"])


def csp_stage(state, path, x, options, style):
    return csp(state, path, x, options, style, (3, 3), True)


def rep_conv(state, path, x, options, style):
    full = conv2d(state, f"{path}.conv3x3", x, False, padding=1)
    left = batch_norm(state, f"{path}.norm3x3", full, style.norm)
    right = batch_norm(
        state, f"{path}.norm1x1", conv2d(state, f"{path}.conv1x1", x, False), style.norm
    )
    return ACTIVATIONS[style.activation](left + right)


def csp_rep(state, path, x, options, style):
    y = unit(state, f"{path}.enter", x, style)
    for i in range(options["depth"]):
        y = rep_conv(state, f"{path}.chain.{i}", y, {}, style)
    y = y + unit(state, f"{path}.bypass", x, style)
    # The last convolution is there where the width inside is not the one that it leads to.
    last = f"{path}.merge"
    return unit(state, last, y, style) if f"{last}.conv.weight" in state.tensors else y


def residual(state, path, x, options, style):
    for i in range(options["depth"]):
        x = bottlenecks(state, f"{path}.chain.{i}", x, style, (1, 3), True)
    return x


def l2_norm(state, path, x, options, style):
    return F.normalize(x, dim=1) * state[f"{path}.weight"].view(-1, 1, 1)


def deconv(state, path, x, options, style):
    path = f"{path}.conv"
    return F.conv_transpose2d(x, state[f"{path}.weight"], state[f"{path}.bias"], stride=2)


def pixel_shuffle(state, path, x, options, style):
    return F.pixel_shuffle(conv2d(state, f"{path}.conv", x, True), 2)


def carafe(state, path, x, options, style):
    batch, channels, height, width = x.shape
    k = options["kernel"]
    logits = conv2d(state, f"{path}.compress", x, True)
    logits = F.pixel_shuffle(conv2d(state, f"{path}.encode", logits, True, padding=1), 2)
    weights = logits.softmax(1).view(batch, k * k, 1, height, 2, width, 2).transpose(0, 1)
    front, behind = k // 2, (k - 1) // 2
    near = F.unfold(F.pad(x, [front, behind, front, behind]), k)
    near = near.view(batch, channels, k * k, height, 1, width, 1)
    mixed = weighted_sum([*near.unbind(2)], weights)
    return mixed.reshape(batch, channels, 2 * height, 2 * width)


BLOCKS = {
    "c2f": c2f,
    "c3": c3,
    "csp_stage": csp_stage,
    "csp_rep": csp_rep,
    "rep_conv": rep_conv,
    "residual": residual,
    "l2_norm": l2_norm,
    "deconv": deconv,
    "pixel_shuffle": pixel_shuffle,
    "carafe": carafe,
}
