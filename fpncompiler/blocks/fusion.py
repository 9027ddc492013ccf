from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def weighted_sum(inputs: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Add `inputs[i] * weights[i]` from left to right.

    Inputs are [B, C, H, W]; weights [n], [n, C, 1, 1] or [n, 1, H, W], in the inputs' dtype.
    """
    total = inputs[0] * weights[0]
    for i in range(1, len(inputs)):
        total = total + inputs[i] * weights[i]
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


class SoftmaxFusion(nn.Module):
    """Mean of the inputs with softmax weights (EfficientDet, section 3.3).

    `shape` is that of one input's weight: () for a scalar, (C, 1, 1) for one a channel.
    """

    def __init__(self, arity: int, shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(arity, *shape))

    def weights(self) -> Tensor:
        """[arity, *shape] in 0..1, summing to 1 over the inputs."""
        return torch.softmax(self.weight, dim=0)

    def forward(self, *inputs: Tensor) -> Tensor:
        """`arity` maps of one shape [B, C, H, W] -> [B, C, H, W]."""
        return weighted_sum(inputs, self.weights().to(inputs[0].dtype))


class FastNormalizedFusion(nn.Module):
    """Mean of the inputs with weights relu(w) / (sum of relu(w) + eps) (EfficientDet, section 3.3).

    `shape` is that of one input's weight: () for a scalar, (C, 1, 1) for one a channel.
    """

    def __init__(self, arity: int, shape: tuple[int, ...] = (), eps: float = 1e-4) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(arity, *shape))
        self.eps = eps

    def weights(self) -> Tensor:
        """[arity, *shape] in 0..1, summing to slightly less than 1 over the inputs."""
        positive = torch.relu(self.weight)
        return positive / (positive.sum(dim=0) + self.eps)

    def forward(self, *inputs: Tensor) -> Tensor:
        """`arity` maps of one shape [B, C, H, W] -> [B, C, H, W]."""
        return weighted_sum(inputs, self.weights().to(inputs[0].dtype))


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
