from collections.abc import Callable

from torch import Tensor, nn


class SeparableConv2d(nn.Module):
    """A depthwise convolution, then a 1x1 convolution across channels."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        bias: bool = True,
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels,
            in_channels,
            kernel_size,
            stride,
            padding=kernel_size // 2,
            groups=in_channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, ceil(H / stride), ceil(W / stride)]."""
        y: Tensor = self.pointwise(self.depthwise(x))
        return y


class FullConv2d(nn.Conv2d):
    """An ordinary convolution that keeps the size at stride 1, and divides it by others."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        bias: bool = True,
        stride: int = 1,
    ) -> None:
        padding = kernel_size // 2
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, bias=bias)


class DepthwiseConv2d(nn.Conv2d):
    """A convolution of each channel by itself."""

    def __init__(
        self, channels: int, kernel_size: int = 3, bias: bool = True, stride: int = 1
    ) -> None:
        padding = kernel_size // 2
        super().__init__(
            channels, channels, kernel_size, stride, padding, groups=channels, bias=bias
        )


def in_place(activation: Callable[..., nn.Module]) -> nn.Module:
    """An activation that overwrites what it reads, where PyTorch has it so."""
    if activation in (nn.GELU, nn.Sigmoid, nn.Identity):
        return activation()
    return activation(inplace=True)


def norm_of(channels: int, eps: float, momentum: float, folded: bool) -> nn.Module:
    """A batch norm, or nothing where it is folded into the convolution before it."""
    return nn.Identity() if folded else nn.BatchNorm2d(channels, eps=eps, momentum=momentum)


class Adapter(nn.Module):
    """A 1x1 convolution and batch norm that bring a feature map to the network's width."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        bias: bool = True,
        eps: float = 1e-3,
        momentum: float = 0.01,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=bias)
        self.norm = nn.BatchNorm2d(out_channels, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H, W]."""
        y: Tensor = self.norm(self.conv(x))
        return y


class ActConvNorm(nn.Module):
    """Activation, convolution, batch norm: the order of the EfficientDet implementations.

    With `overwrite` the activation takes the place of its input, which nothing else may read.
    """

    def __init__(
        self,
        conv: nn.Module,
        channels: int,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        overwrite: bool = True,
    ) -> None:
        super().__init__()
        self.act = in_place(activation) if overwrite else activation()
        self.conv = conv
        self.norm = nn.BatchNorm2d(channels, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> what `conv` gives, of `channels` channels."""
        y: Tensor = self.norm(self.conv(self.act(x)))
        return y


class ConvNormAct(nn.Module):
    """Convolution, batch norm, activation: the order of the EfficientDet paper's text."""

    def __init__(
        self,
        conv: nn.Module,
        channels: int,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
    ) -> None:
        super().__init__()
        self.conv = conv
        self.norm: nn.Module = nn.BatchNorm2d(channels, eps=eps, momentum=momentum)
        self.act = in_place(activation)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> what `conv` gives, of `channels` channels."""
        y: Tensor = self.act(self.norm(self.conv(x)))
        return y


class ConvNorm(nn.Module):
    """Convolution and batch norm, without an activation."""

    def __init__(
        self, conv: nn.Module, channels: int, eps: float = 1e-3, momentum: float = 0.01
    ) -> None:
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(channels, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> what `conv` gives, of `channels` channels."""
        y: Tensor = self.norm(self.conv(x))
        return y


class ConvAct(nn.Module):
    """Convolution and activation."""

    def __init__(self, conv: nn.Module, activation: Callable[..., nn.Module] = nn.SiLU) -> None:
        super().__init__()
        self.conv = conv
        self.act = in_place(activation)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> what `conv` gives."""
        y: Tensor = self.act(self.conv(x))
        return y


class ActConv(nn.Module):
    """Activation and convolution.

    With `overwrite` the activation takes the place of its input, which nothing else may read.
    """

    def __init__(
        self,
        conv: nn.Module,
        activation: Callable[..., nn.Module] = nn.SiLU,
        overwrite: bool = True,
    ) -> None:
        super().__init__()
        self.act = in_place(activation) if overwrite else activation()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> what `conv` gives."""
        y: Tensor = self.conv(self.act(x))
        return y
