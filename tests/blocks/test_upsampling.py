import torch
from torch.nn import functional as F

from fpncompiler.blocks.upsampling import Carafe, Deconvolution, PixelShuffle


def carafe_by_cells(x, weights, kernel):
    """Equation 3 of the paper, one new cell after another."""
    batch, channels, height, width = x.shape
    front = kernel // 2
    y = torch.zeros(batch, channels, 2 * height, 2 * width, dtype=x.dtype)
    for row in range(2 * height):
        for column in range(2 * width):
            for i in range(kernel):
                for j in range(kernel):
                    r, c = row // 2 + i - front, column // 2 + j - front
                    if 0 <= r < height and 0 <= c < width:
                        weight = weights[:, i * kernel + j, row, column]
                        y[:, :, row, column] += weight[:, None] * x[:, :, r, c]
    return y


def test_carafe_weighs_the_cells_around_each_old_one():
    torch.manual_seed(0)
    block = Carafe(3, kernel=3, hidden=4).double()
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    logits = F.pixel_shuffle(block.encode(block.compress(x)), 2)
    expected = carafe_by_cells(x, logits.softmax(dim=1), 3)
    torch.testing.assert_close(block(x), expected)


def test_carafe_of_even_weights_is_a_box_filter():
    block = Carafe(2, kernel=3)
    torch.nn.init.zeros_(block.encode.weight)
    torch.nn.init.zeros_(block.encode.bias)
    x = torch.randn(1, 2, 6, 6)
    box = F.avg_pool2d(x, 3, 1, padding=1)
    torch.testing.assert_close(block(x), F.interpolate(box, scale_factor=2, mode="nearest"))


def test_deconvolution_writes_2x2_cells_for_each_old_one():
    block = Deconvolution(3)
    x = torch.zeros(1, 3, 4, 4)
    x[0, 1, 2, 3] = 1
    y = block(x) - block.conv.bias.view(1, 3, 1, 1)
    torch.testing.assert_close(y[0, :, 4:6, 6:8], block.conv.weight[1])
    y[0, :, 4:6, 6:8] = 0
    assert not y.any()


def test_pixel_shuffle_lays_out_four_channels_as_2x2_cells():
    block = PixelShuffle(3)
    x = torch.randn(1, 3, 4, 5)
    wide = block.conv(x)
    y = block(x)
    assert torch.equal(y[:, 2, 1::2, 0::2], wide[:, 4 * 2 + 2])
