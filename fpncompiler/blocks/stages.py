from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fpncompiler.blocks.convolution import ConvNormAct, FullConv2d, in_place, norm_of


class ConvUnit(ConvNormAct):
    """An ordinary convolution without bias, batch norm, activation; the size stays.

    In the inference form the norm is `folded` into the convolution, which has a bias then. So it
    is in all stages.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        conv = FullConv2d(in_channels, out_channels, kernel_size, bias=folded)
        super().__init__(conv, out_channels, activation, eps, momentum)
        self.norm = norm_of(out_channels, eps, momentum, folded)


class Bottleneck(nn.Module):
    """Two convolutions over `hidden` channels, added to their input if `shortcut`."""

    def __init__(
        self,
        channels: int,
        hidden: int,
        kernel_sizes: tuple[int, int],
        shortcut: bool,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        super().__init__()
        style = (activation, eps, momentum, folded)
        self.conv1 = ConvUnit(channels, hidden, kernel_sizes[0], *style)
        self.conv2 = ConvUnit(hidden, channels, kernel_sizes[1], *style)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> the same."""
        y: Tensor = self.conv2(self.conv1(x))
        return x + y if self.shortcut else y


class C2f(nn.Module):
    """The stage of YOLOv8: a chain of bottlenecks, all of whose results are concatenated.

    Hidden maps have `int(out_channels * expansion)` channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depth: int = 1,
        shortcut: bool = False,
        expansion: float = 0.5,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        super().__init__()
        style = (activation, eps, momentum, folded)
        hidden = max(1, int(out_channels * expansion))
        self.split = ConvUnit(in_channels, 2 * hidden, 1, *style)
        self.chain = nn.ModuleList(
            Bottleneck(hidden, hidden, (3, 3), shortcut, *style) for _ in range(depth)
        )
        self.merge = ConvUnit((2 + depth) * hidden, out_channels, 1, *style)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H, W]."""
        maps = [*self.split(x).chunk(2, dim=1)]
        for bottleneck in self.chain:
            maps.append(bottleneck(maps[-1]))
        y: Tensor = self.merge(torch.cat(maps, dim=1))
        return y


class C3(nn.Module):
    """The stage of YOLOv5: a chain of bottlenecks beside a 1x1 convolution.

    Hidden maps have `int(out_channels * expansion)` channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depth: int = 1,
        shortcut: bool = False,
        expansion: float = 0.5,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        super().__init__()
        style = (activation, eps, momentum, folded)
        hidden = max(1, int(out_channels * expansion))
        self.enter = ConvUnit(in_channels, hidden, 1, *style)
        self.bypass = ConvUnit(in_channels, hidden, 1, *style)
        self.chain = nn.Sequential(
            *(Bottleneck(hidden, hidden, (1, 3), shortcut, *style) for _ in range(depth))
        )
        self.merge = ConvUnit(2 * hidden, out_channels, 1, *style)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H, W]."""
        maps = [self.chain(self.enter(x)), self.bypass(x)]
        y: Tensor = self.merge(torch.cat(maps, dim=1))
        return y


class CspStage(nn.Module):
    """A cross stage partial network: residual blocks beside a 1x1 convolution.

    Of CSPNet (Wang et al. 2020, section 3.2), with blocks of two 3x3 convolutions as PP-YOLOE has
    them. Hidden maps have `int(out_channels * expansion)` channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depth: int = 1,
        expansion: float = 0.5,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        super().__init__()
        style = (activation, eps, momentum, folded)
        hidden = max(1, int(out_channels * expansion))
        self.enter = ConvUnit(in_channels, hidden, 1, *style)
        self.bypass = ConvUnit(in_channels, hidden, 1, *style)
        self.chain = nn.Sequential(
            *(Bottleneck(hidden, hidden, (3, 3), True, *style) for _ in range(depth))
        )
        self.merge = ConvUnit(2 * hidden, out_channels, 1, *style)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H, W]."""
        maps = [self.chain(self.enter(x)), self.bypass(x)]
        y: Tensor = self.merge(torch.cat(maps, dim=1))
        return y


class RepConv(nn.Module):
    """A 3x3 and a 1x1 convolution with batch norms, added, then activated.

    The training form of RepVGG (Ding et al. 2021, section 3.2) without its identity branch, as
    RT-DETR has it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        super().__init__()
        self.conv3x3 = FullConv2d(in_channels, out_channels, 3, bias=folded)
        self.norm3x3 = norm_of(out_channels, eps, momentum, folded)
        self.conv1x1 = FullConv2d(in_channels, out_channels, 1, bias=folded)
        self.norm1x1 = norm_of(out_channels, eps, momentum, folded)
        self.act = in_place(activation)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H, W]."""
        y: Tensor = self.act(self.norm3x3(self.conv3x3(x)) + self.norm1x1(self.conv1x1(x)))
        return y


class CspRepStage(nn.Module):
    """The stage of RT-DETR's encoder (Zhao et al. 2024, section 4.2): RepConvs beside a 1x1.

    Hidden maps have `int(out_channels * expansion)` channels; where those are `out_channels`, no
    convolution follows the sum.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depth: int = 3,
        expansion: float = 1.0,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        super().__init__()
        style = (activation, eps, momentum, folded)
        hidden = max(1, int(out_channels * expansion))
        self.enter = ConvUnit(in_channels, hidden, 1, *style)
        self.bypass = ConvUnit(in_channels, hidden, 1, *style)
        self.chain = nn.Sequential(*(RepConv(hidden, hidden, *style) for _ in range(depth)))
        self.merge = (
            ConvUnit(hidden, out_channels, 1, *style) if hidden != out_channels else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H, W]."""
        y: Tensor = self.merge(self.chain(self.enter(x)) + self.bypass(x))
        return y


class Residual(nn.Module):
    """Residual blocks of a 1x1 and a 3x3 convolution (YOLOv3, section 2.4).

    Hidden maps have `int(channels * expansion)` channels.
    """

    def __init__(
        self,
        channels: int,
        depth: int = 1,
        expansion: float = 0.5,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        super().__init__()
        style = (activation, eps, momentum, folded)
        hidden = max(1, int(channels * expansion))
        self.chain = nn.Sequential(
            *(Bottleneck(channels, hidden, (1, 3), True, *style) for _ in range(depth))
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> the same."""
        y: Tensor = self.chain(x)
        return y


class L2Norm(nn.Module):
    """Each cell divided by its length over the channels, times a learned scale a channel.

    Of ParseNet (Liu et al. 2015, section 3.3), as SSD has it (section 3.1).
    """

    def __init__(self, channels: int, scale: float = 20.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> the same."""
        unit = F.normalize(x.float(), dim=1).to(x.dtype)  # squares overflow in half precision
        return unit * self.weight.to(x.dtype)[:, None, None]
