from collections.abc import Callable

from torch import Tensor, nn

from fpncompiler.blocks.convolution import in_place, norm_of


class SharedHead(nn.Module):
    """Convolutions shared by all levels, with batch norms of their own for each repeat and level.

    The class and the box network of EfficientDet. `norms[repeat][level]` follows `convs[repeat]`.
    """

    def __init__(
        self,
        conv: Callable[[int, int, int, bool], nn.Module],
        channels: int,
        outputs: int,
        depth: int,
        levels: int,
        bias: bool = True,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(channels, channels, 3, bias) for _ in range(depth))
        self.norms = nn.ModuleList(
            nn.ModuleList(
                nn.BatchNorm2d(channels, eps=eps, momentum=momentum) for _ in range(levels)
            )
            for _ in range(depth)
        )
        self.act = in_place(activation)
        self.predict = conv(channels, outputs, 3, True)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """[B, channels, H_l, W_l] of each level, finest first -> [B, outputs, H_l, W_l] of each."""
        return [self.forward_level(x, level) for level, x in enumerate(features)]

    def forward_level(self, x: Tensor, level: int) -> Tensor:
        """[B, channels, H, W] -> [B, outputs, H, W]; `level` counts from 0, the finest."""
        for conv, norms in zip(self.convs, self.norms, strict=True):
            assert isinstance(norms, nn.ModuleList)
            x = self.act(norms[level](conv(x)))
        y: Tensor = self.predict(x)
        return y


class SegmentationHead(nn.Module):
    """Convolutions on one map, each with batch norm and activation, then a score for each class.

    What EfficientDet puts on level 2 to segment (section 5.2): `depth` times to `channels`. In the
    inference form the norms are `folded` into the convolutions.
    """

    def __init__(
        self,
        conv: Callable[[int, int, int, bool], nn.Module],
        in_channels: int,
        channels: int,
        outputs: int,
        depth: int,
        bias: bool = True,
        activation: Callable[..., nn.Module] = nn.SiLU,
        eps: float = 1e-3,
        momentum: float = 0.01,
        folded: bool = False,
    ) -> None:
        super().__init__()
        widths = [in_channels, *([channels] * depth)]
        self.convs = nn.ModuleList(conv(width, channels, 3, bias) for width in widths[:-1])
        self.norms = nn.ModuleList(norm_of(channels, eps, momentum, folded) for _ in range(depth))
        self.act = in_place(activation)
        self.predict = conv(widths[-1], outputs, 3, True)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, outputs, H, W]."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = self.act(norm(conv(x)))
        y: Tensor = self.predict(x)
        return y
