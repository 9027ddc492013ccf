from torch import Tensor, nn
from torch.nn import functional as F

from fpncompiler.blocks.fusion import weighted_sum


class Deconvolution(nn.Module):
    """A transposed convolution, 2x2 of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels, channels, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> [B, channels, 2H, 2W]."""
        y: Tensor = self.conv(x)
        return y


class PixelShuffle(nn.Module):
    """A 1x1 convolution to four channels a channel, laid out as 2x2 cells (Shi et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4 * channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> [B, channels, 2H, 2W]."""
        return F.pixel_shuffle(self.conv(x), 2)


class Carafe(nn.Module):
    """Each new cell is a mean of the `kernel` x `kernel` old cells around it, by learned weights.

    CARAFE (Wang et al. 2019, section 3.2): convolutions over `hidden` channels predict the weights
    from the map itself. Cells outside of it count as 0.
    """

    def __init__(self, channels: int, kernel: int = 5, hidden: int = 64) -> None:
        super().__init__()
        self.kernel = kernel
        self.compress = nn.Conv2d(channels, hidden, 1)
        self.encode = nn.Conv2d(hidden, 4 * kernel**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> [B, channels, 2H, 2W]."""
        batch, channels, height, width = x.shape
        k = self.kernel
        logits = F.pixel_shuffle(self.encode(self.compress(x)), 2)  # [B, k * k, 2H, 2W]
        weights = logits.softmax(dim=1).to(x.dtype).view(batch, k * k, 1, height, 2, width, 2)
        padded = F.pad(x, [k // 2, (k - 1) // 2, k // 2, (k - 1) // 2])
        near = F.unfold(padded, k).view(batch, channels, k * k, height, 1, width, 1)
        y = weighted_sum(near.unbind(2), weights.transpose(0, 1))  # [B, channels, H, 2, W, 2]
        return y.reshape(batch, channels, 2 * height, 2 * width)
