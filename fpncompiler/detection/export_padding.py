"""Padding that is the same for all images of whole cells, so that open sizes can be traced."""

from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn
from torch.nn import functional as F

from fpncompiler.detection.export_faults import ExportError


class EvenSame(nn.Module):
    """A convolution of timm with TensorFlow's SAME padding, on maps that its stride divides.

    The padding is constant then: timm's own, from the size at run time, keeps the exporter's
    symbolic mathematics busy for hours.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self.padding: list[int] = []
        pairs = zip(conv.kernel_size, conv.stride, conv.dilation, strict=True)
        for kernel, stride, dilation in reversed([*pairs]):  # columns first, as `F.pad` wants it
            total = max(0, (kernel - 1) * dilation + 1 - stride)
            self.padding += [total // 2, total - total // 2]

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C', H / stride, W / stride]."""
        conv = self.conv
        x = F.pad(x, self.padding)
        return F.conv2d(x, conv.weight, conv.bias, conv.stride, 0, conv.dilation, conv.groups)


def plain_convolution(halving: nn.Conv2d) -> nn.Conv2d:
    """A fused file's HalvingConv2d on even sides, where it cuts nothing off its kernel.

    How much it cuts is a remainder of the size, which every later size would inherit in a trace.
    """
    conv = nn.Conv2d(1, 1, 1)
    conv.__dict__.update({**halving.__dict__, "_modules": {}})
    return conv


def fix_same_padding(model: nn.Module) -> None:
    """Let no module compute its padding from the size of an image, in place.

    Raises:
        ExportError: one does that in a way not foreseen here.
    """
    for name, part in [*model.named_modules()]:
        if type(part) is Conv2dSame:
            model.set_submodule(name, EvenSame(part))
        elif isinstance(part, nn.Conv2d) and type(part).__name__ == "HalvingConv2d":
            model.set_submodule(name, plain_convolution(part))
        elif type(part).__name__.endswith("Same") and type(part) is not EvenSame:
            raise ExportError(
                f"`{name}` is a {type(part).__name__} of timm, whose padding follows the image's "
                "size: it cannot be traced for many sizes at once",
                "give `--dynamic batch`, or take another backbone",
            )
