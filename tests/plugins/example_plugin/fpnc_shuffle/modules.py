"""The torch classes. fpnc reads this file as text and never imports it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fpncompiler.blocks.convolution import DepthwiseConv2d
from fpncompiler.blocks.fusion import weighted_sum
from fpncompiler.blocks.stages import ConvUnit


def shuffle_channels(x: Tensor) -> Tensor:
    """[B, C, H, W] -> the same, its even channels before its odd ones."""
    return torch.cat([x[:, ::2], x[:, 1::2]], dim=1)


class ShuffleUnit(nn.Module):
    """Convolve half of the channels, keep the others, shuffle (ShuffleNet V2, section 3.2)."""

    def __init__(
        self,
        channels: int,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
    ) -> None:
        super().__init__()
        half = max(1, channels // 2)
        self.kept = channels - half
        self.branch = nn.Sequential(
            ConvUnit(half, half, 1, activation, eps, momentum),
            DepthwiseConv2d(half, 3, bias=False),
            nn.BatchNorm2d(half, eps=eps, momentum=momentum),
            ConvUnit(half, half, 1, activation, eps, momentum),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> the same."""
        convolved = self.branch(x[:, self.kept :])
        return shuffle_channels(torch.cat([x[:, : self.kept], convolved], dim=1))


class ShuffleBlock(nn.Module):
    """A 1x1 convolution, then `depth` shuffle units."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depth: int = 1,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
    ) -> None:
        super().__init__()
        self.enter = ConvUnit(in_channels, out_channels, 1, activation, eps, momentum)
        self.units = nn.Sequential(
            *(ShuffleUnit(out_channels, activation, eps, momentum) for _ in range(depth))
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H, W]."""
        y: Tensor = self.units(self.enter(x))
        return y


class SqueezeFusion(nn.Module):
    """Mean of the inputs with one weight a channel, predicted from their sum over the whole map.

    After the selective kernels of SKNet (Li et al. 2019, section 3.1).
    """

    def __init__(
        self,
        arity: int,
        channels: int,
        reduction: int = 4,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
    ) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze = ConvUnit(channels, hidden, 1, activation, eps, momentum)
        self.expand = nn.Conv2d(hidden, arity * channels, 1)
        self.arity = arity

    def forward(self, *inputs: Tensor) -> Tensor:
        """`arity` maps of one shape [B, channels, H, W] -> [B, channels, H, W]."""
        batch, channels = inputs[0].shape[:2]
        total = torch.stack(inputs).sum(dim=0)
        logits = self.expand(self.squeeze(total)).mean(dim=(2, 3))
        weights = logits.view(batch, self.arity, channels, 1, 1).softmax(dim=1)
        return weighted_sum(inputs, weights.to(total.dtype).transpose(0, 1))
