import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fpncompiler.blocks.resample import (
    avg_pool,
    crop_like,
    downsample_bilinear,
    max_pool_exact,
    max_pool_same,
    max_pool_symmetric,
    upsample_bilinear,
    upsample_bilinear_by,
    upsample_nearest,
    upsample_nearest_by,
)


def pool_padded_copy(x, stride):
    """TensorFlow's SAME max pool, by its definition."""
    pads = []
    for side in reversed(x.shape[-2:]):
        total = max((-(-side // stride) - 1) * stride + stride + 1 - side, 0)
        pads += [total // 2, total - total // 2]
    return F.max_pool2d(F.pad(x, pads, value=-torch.inf), stride + 1, stride)


@pytest.mark.parametrize("stride", [2, 3, 4, 8])
def test_same_pool_equals_a_padded_copy_at_every_size(stride):
    torch.manual_seed(0)
    for height, width in itertools.product(range(1, 10), repeat=2):
        x = torch.randn(1, 2, height, width) - 5
        assert torch.equal(max_pool_same(x, stride), pool_padded_copy(x, stride)), (height, width)


@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize("pool", [max_pool_same, max_pool_symmetric, max_pool_exact, avg_pool])
def test_pools_round_the_size_up(pool, stride):
    for height, width in itertools.product(range(1, 10), repeat=2):
        expected = (-(-height // stride), -(-width // stride))
        assert pool(torch.empty(1, 1, height, width), stride).shape[-2:] == expected


def test_symmetric_pool_of_stride_2_is_that_of_pytorch():
    for height, width in itertools.product(range(1, 10), repeat=2):
        x = torch.randn(1, 2, height, width)
        assert torch.equal(max_pool_symmetric(x), F.max_pool2d(x, 3, 2, 1))


def test_exact_pools_take_windows_of_the_cells_that_there_are():
    for height, width, stride in itertools.product(range(1, 10), range(1, 10), [2, 3, 4]):
        x = torch.randn(1, 2, height, width)
        rows = [x[:, :, r : r + stride] for r in range(0, height, stride)]
        windows = [[row[..., c : c + stride] for c in range(0, width, stride)] for row in rows]
        for pool, reduce in [(max_pool_exact, torch.amax), (avg_pool, torch.mean)]:
            cells = [torch.stack([reduce(w, (2, 3)) for w in row], -1) for row in windows]
            torch.testing.assert_close(pool(x, stride), torch.stack(cells, 2))


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_upsampling_by_a_factor_is_upsampling_to_that_size(factor):
    x = torch.randn(1, 2, 3, 5)
    like = torch.empty(1, 9, 3 * factor, 5 * factor)
    assert torch.equal(upsample_nearest_by(x, factor), upsample_nearest(x, like))
    assert torch.equal(upsample_bilinear_by(x, factor), upsample_bilinear(x, like))


def test_cropping_keeps_the_first_cells():
    x = torch.randn(1, 2, 6, 8)
    assert torch.equal(crop_like(x, torch.empty(1, 9, 5, 7)), x[:, :, :5, :7])
    assert torch.equal(crop_like(x, x), x)


def test_nearest_upsampling_repeats_pixels():
    x = torch.randn(1, 2, 3, 4)
    expected = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    assert torch.equal(upsample_nearest(x, expected), expected)
    assert upsample_nearest(x, torch.empty(1, 9, 5, 7)).shape == (1, 2, 5, 7)


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (2, 1)])
def test_bilinear_resizing_goes_up_and_down(size):
    x = torch.randn(1, 2, 3, 4)
    expected = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
    assert torch.equal(upsample_bilinear(x, torch.empty(1, 9, *size)), expected)


class EveryResample(nn.Module):
    def forward(self, x):
        down = max_pool_same(max_pool_same(x), stride=4)
        down = down + max_pool_symmetric(max_pool_symmetric(x), stride=4)
        down = upsample_nearest(down, x) + upsample_bilinear(downsample_bilinear(x), x)
        pooled = max_pool_exact(x) + avg_pool(x)
        doubled = upsample_nearest_by(pooled, 2) + upsample_bilinear_by(pooled, 2)
        return down + crop_like(doubled, x)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.filterwarnings("error::torch.jit.TracerWarning")
def test_traced_resampling_serves_other_sizes():
    traced = torch.jit.trace(EveryResample(), torch.randn(1, 2, 16, 24))
    for size in [(16, 24), (17, 9), (1, 30)]:
        x = torch.randn(1, 2, *size)
        assert torch.equal(traced(x), EveryResample()(x))


def test_exported_resampling_serves_other_multiples():
    height, width = (
        torch.export.Dim("height", min=1, max=8),
        torch.export.Dim("width", min=1, max=8),
    )
    exported = torch.export.export(
        EveryResample(),
        (torch.randn(1, 2, 256, 384),),
        dynamic_shapes={"x": {2: 128 * height, 3: 128 * width}},
    ).module()
    x = torch.randn(1, 2, 128, 512)
    assert torch.equal(exported(x), EveryResample()(x))


def test_resampling_compiles_without_graph_breaks():
    compiled = torch.compile(EveryResample(), backend="eager", fullgraph=True, dynamic=True)
    for size in [(16, 24), (17, 9)]:
        x = torch.randn(1, 2, *size)
        assert torch.equal(compiled(x), EveryResample()(x))
