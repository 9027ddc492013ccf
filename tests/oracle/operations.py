"""The arithmetic of steps and fusions, by torch.nn.functional, on tensors of a state dict."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from fpncompiler.ir.ops import Convolution, Downsample, Norm, Pool, Styled

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
    (first, *others), pairs = inputs, [*weights]
    total = first * pairs[0]
    for x, weight in zip(others, pairs[1:], strict=True):
        total = torch.addcmul(total, x, weight)
    return total


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
