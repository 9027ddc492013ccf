from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fpncompiler.blocks.stages import ConvUnit


def maximum(*inputs: Tensor) -> Tensor:
    """The largest of the inputs at each place: maps of one shape [B, C, H, W] -> the same."""
    largest = inputs[0]
    for x in inputs[1:]:
        largest = torch.maximum(largest, x)
    return largest


def mean(*inputs: Tensor) -> Tensor:
    """The mean of the inputs: maps of one shape [B, C, H, W] -> the same."""
    total = inputs[0]
    for x in inputs[1:]:
        total = total + x
    return total / len(inputs)


def weighted_sum(inputs: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Add `inputs[i] * weights[i]` from left to right, into one new map of the first one's dtype.

    Inputs are [B, C, H, W]; weights [n], [n, C, 1, 1] or [n, 1, H, W], in that dtype.
    """
    factors = weights.unbind()
    total = inputs[0] * factors[0]
    for x, weight in zip(inputs[1:], factors[1:], strict=True):
        total.addcmul_(x.to(total.dtype), weight)
    return total


def weights_at(weights: Tensor, like: Tensor) -> Tensor:
    """Resize per-pixel weights [n, 1, H, W] bilinearly to the size of `like`, in its dtype.

    At their own size they come back unchanged.
    """
    resized = F.interpolate(weights, size=like.shape[-2:], mode="bilinear", align_corners=False)
    return resized.to(like.dtype)


class WeightedFusion(nn.Module):
    """Sum of the inputs with unbounded learned weights (EfficientDet, section 3.3).

    `shape` is that of one input's weight: () for a scalar, (C, 1, 1) for one a channel.
    """

    def __init__(self, arity: int, shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(arity, *shape))

    def weights(self) -> Tensor:
        """The weights as they are: [arity, *shape]."""
        return self.weight

    def forward(self, *inputs: Tensor) -> Tensor:
        """`arity` maps of one shape [B, C, H, W] -> [B, C, H, W]."""
        return weighted_sum(inputs, self.weights().to(inputs[0].dtype))


class SoftmaxFusion(WeightedFusion):
    """Mean of the inputs with softmax weights (EfficientDet, section 3.3)."""

    def weights(self) -> Tensor:
        """[arity, *shape] in 0..1, summing to 1 over the inputs."""
        return torch.softmax(self.weight, dim=0)


class FastNormalizedFusion(WeightedFusion):
    """Mean of the inputs with weights relu(w) / (sum of relu(w) + eps) (EfficientDet, section 3.3).

    `shape` is that of one input's weight: () for a scalar, (C, 1, 1) for one a channel.
    """

    def __init__(self, arity: int, shape: tuple[int, ...] = (), eps: float = 1e-4) -> None:
        super().__init__(arity, shape)
        self.eps = eps

    def weights(self) -> Tensor:
        """[arity, *shape] in 0..1, summing to slightly less than 1 over the inputs."""
        positive = torch.relu(self.weight)
        return positive / (positive.sum(dim=0) + self.eps)


class FixedFusion(nn.Module):
    """Sum of the inputs with the weights of a learned fusion, which change no more.

    They are a buffer, [arity] or [arity, C, 1, 1], and not numbers in the code: PyTorch 2.14's
    inductor takes one such number for another where it freezes two convolutions.
    """

    def __init__(self, learned: WeightedFusion) -> None:
        super().__init__()
        self.rule = (learned,)  # a tuple keeps it out of this module's own weights
        self.weights: Tensor
        self.register_buffer("weights", learned.weights().detach().clone())

    def take(self, weight: Tensor) -> None:
        """Fix the weights [arity, ...] of a learned fusion, as they are before normalization."""
        (learned,) = self.rule
        learned.weight.data.copy_(weight)
        self.weights.copy_(learned.weights().detach())

    def forward(self, *inputs: Tensor) -> Tensor:
        """`arity` maps of one shape [B, C, H, W] -> [B, C, H, W]."""
        return weighted_sum(inputs, self.weights.to(inputs[0].dtype))


class PixelWeightedFusion(WeightedFusion):
    """WeightedFusion with one weight a pixel: `shape` is (1, H, W) at the configured image size."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """`arity` maps of one shape [B, C, H, W], of any size -> [B, C, H, W]."""
        return weighted_sum(inputs, weights_at(self.weights(), inputs[0]))


class PixelSoftmaxFusion(SoftmaxFusion):
    """SoftmaxFusion with one weight a pixel: `shape` is (1, H, W) at the configured image size."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """`arity` maps of one shape [B, C, H, W], of any size -> [B, C, H, W]."""
        return weighted_sum(inputs, weights_at(self.weights(), inputs[0]))


class PixelFastNormalizedFusion(FastNormalizedFusion):
    """FastNormalizedFusion with one weight a pixel: (1, H, W) at the configured image size."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """`arity` maps of one shape [B, C, H, W], of any size -> [B, C, H, W]."""
        return weighted_sum(inputs, weights_at(self.weights(), inputs[0]))


class GateFusion(nn.Module):
    """The gate plus the other input, weighed a channel by the sigmoid of the pooled gate.

    The global attention of NAS-FPN (section 3.1). `by` says which input gates, `first` or `last`;
    `pool` is global `max` pooling, as in TensorFlow's model garden, or `avg`, as in mmdetection.
    """

    def __init__(self, by: str = "last", pool: str = "max") -> None:
        super().__init__()
        self.by = by
        self.pool = pool

    def forward(self, first: Tensor, last: Tensor) -> Tensor:
        """Two maps of one shape [B, C, H, W] -> [B, C, H, W]."""
        gate, other = (first, last) if self.by == "first" else (last, first)
        pooled = gate.amax((2, 3), True) if self.pool == "max" else gate.mean((2, 3), True)
        return gate + pooled.sigmoid() * other


class SpatialSoftmaxFusion(nn.Module):
    """Mean of the inputs with weights that a small network predicts for every pixel.

    The adaptively spatial feature fusion of ASFF (Liu et al. 2019, section 3.2). The weights sum to
    1 over the inputs, each of which is reduced to `hidden` channels to predict them.
    """

    def __init__(
        self,
        arity: int,
        channels: int,
        hidden: int = 16,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        super().__init__()
        style = (activation, eps, momentum, folded)
        self.reduce = nn.ModuleList(ConvUnit(channels, hidden, 1, *style) for _ in range(arity))
        self.weigh = nn.Conv2d(arity * hidden, arity, 1)

    def forward(self, *inputs: Tensor) -> Tensor:
        """`arity` maps of one shape [B, channels, H, W] -> [B, channels, H, W]."""
        reduced = [reduce(x) for reduce, x in zip(self.reduce, inputs, strict=True)]
        weights = self.weigh(torch.cat(reduced, dim=1)).softmax(dim=1)  # [B, arity, H, W]
        return weighted_sum(inputs, weights.to(inputs[0].dtype).transpose(0, 1)[:, :, None])


class Node(nn.Module):
    """A node of the feature network: fuse the inputs, then convolve."""

    def __init__(self, fuse: nn.Module, conv: nn.Module) -> None:
        super().__init__()
        self.fuse = fuse
        self.conv = conv

    def forward(self, *inputs: Tensor) -> Tensor:
        """Maps of one shape [B, C, H, W] -> [B, C', H, W], as `conv` has it."""
        y: Tensor = self.conv(self.fuse(*inputs))
        return y
