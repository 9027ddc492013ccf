"""Stages against the necks that they come from, and against their formulas."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fpncompiler.blocks.stages import C3, Bottleneck, C2f, CspRepStage, CspStage, L2Norm, RepConv
from fpncompiler.builtin_kinds import c2f, c3, csp_rep, unit


def parameters(*costs):
    return sum(cost.parameters for cost in costs)


def yolov8_neck(c3_width, c4, c5, depth):
    options = {"depth": depth, "shortcut": False, "expansion": 0.5}
    return parameters(
        c2f(c5 + c4, c4, options),
        c2f(c4 + c3_width, c3_width, options),
        unit(c3_width, c3_width, 3),
        c2f(c3_width + c4, c4, options),
        unit(c4, c4, 3),
        c2f(c4 + c5, c5, options),
    )


def yolov5_neck(c3_width, c4, c5, depth):
    options = {"depth": depth, "shortcut": False, "expansion": 0.5}
    return parameters(
        unit(c5, c4),
        c3(2 * c4, c4, options),
        unit(c4, c3_width),
        c3(2 * c3_width, c3_width, options),
        unit(c3_width, c3_width, 3),
        c3(2 * c3_width, c4, options),
        unit(c4, c4, 3),
        c3(2 * c4, c5, options),
    )


def rtdetr_neck(backbone, hidden, expansion):
    """The HybridEncoder without its transformer layer."""
    stage = csp_rep(2 * hidden, hidden, {"depth": 3, "expansion": expansion})
    return parameters(
        *(unit(width, hidden) for width in backbone),
        unit(hidden, hidden).times(2),
        unit(hidden, hidden, 3).times(2),
        stage.times(4),
    )


@pytest.mark.parametrize(
    ("widths", "depth", "expected"),
    [
        ((64, 128, 256), 1, 986880),
        ((128, 256, 512), 1, 3939840),
        ((192, 384, 576), 2, 10224768),
        ((256, 512, 512), 3, 18238464),
        ((320, 640, 640), 3, 28491520),
    ],
    ids=[*"nsmlx"],
)
def test_c2f_makes_the_necks_of_yolov8(widths, depth, expected):
    assert yolov8_neck(*widths, depth) == expected


@pytest.mark.parametrize(
    ("widths", "depth", "expected"),
    [
        ((64, 128, 256), 1, 710784),
        ((128, 256, 512), 1, 2834688),
        ((192, 384, 768), 2, 8679168),
        ((256, 512, 1024), 3, 19523072),
        ((320, 640, 1280), 4, 36902400),
    ],
    ids=[*"nsmlx"],
)
def test_c3_makes_the_necks_of_yolov5(widths, depth, expected):
    assert yolov5_neck(*widths, depth) == expected


@pytest.mark.parametrize(
    ("backbone", "hidden", "expansion", "expected"),
    [
        ((128, 256, 512), 256, 0.5, 4965120 - 789760),
        ((512, 1024, 2048), 256, 0.5, 5653248 - 789760),
        ((512, 1024, 2048), 256, 1.0, 11950848 - 789760),
        ((512, 1024, 2048), 384, 1.0, 26577536 - 2168192),
    ],
    ids=["r18", "r50m", "r50", "r101"],
)
def test_csp_rep_makes_the_necks_of_rtdetr(backbone, hidden, expansion, expected):
    assert rtdetr_neck(backbone, hidden, expansion) == expected


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(2, 6, 5, 7)


def test_c2f_concatenates_every_step_of_its_chain(x):
    stage = C2f(6, 8, depth=2).eval()
    a, b = stage.split(x).split(4, dim=1)
    c = stage.chain[0](b)
    expected = stage.merge(torch.cat([a, b, c, stage.chain[1](c)], dim=1))
    torch.testing.assert_close(stage(x), expected)


@pytest.mark.parametrize("stage_class", [C3, CspStage])
def test_csp_stages_put_their_chain_beside_a_1x1_convolution(stage_class, x):
    stage = stage_class(6, 8, depth=2).eval()
    chain = stage.chain[1](stage.chain[0](stage.enter(x)))
    expected = stage.merge(torch.cat([chain, stage.bypass(x)], dim=1))
    torch.testing.assert_close(stage(x), expected)


def test_stages_have_the_kernels_and_shortcuts_of_their_papers():
    def kernels(stage):
        units = (stage.chain[0].conv1, stage.chain[0].conv2)
        return [unit.conv.kernel_size[0] for unit in units]

    assert kernels(C2f(8, 8)) == [3, 3]
    assert kernels(C3(8, 8)) == [1, 3]
    assert kernels(CspStage(8, 8)) == [3, 3]
    assert not C2f(8, 8).chain[0].shortcut
    assert C3(8, 8, shortcut=True).chain[0].shortcut
    assert CspStage(8, 8).chain[0].shortcut


def test_bottleneck_adds_its_input(x):
    with_shortcut = Bottleneck(6, 3, (1, 3), shortcut=True).eval()
    without = Bottleneck(6, 3, (1, 3), shortcut=False).eval()
    without.load_state_dict(with_shortcut.state_dict())
    torch.testing.assert_close(with_shortcut(x), x + without(x))


def test_rep_conv_is_one_3x3_convolution_in_disguise(x):
    block = RepConv(6, 4, activation=nn.Identity).eval()
    for norm in (block.norm3x3, block.norm1x1):
        norm.running_var.uniform_(0.5, 2)
        norm.running_mean.normal_()
    scale3 = (block.norm3x3.weight / (block.norm3x3.running_var + 1e-3).sqrt())[:, None, None, None]
    scale1 = (block.norm1x1.weight / (block.norm1x1.running_var + 1e-3).sqrt())[:, None, None, None]
    kernel = block.conv3x3.weight * scale3 + F.pad(block.conv1x1.weight * scale1, [1, 1, 1, 1])
    bias = -(scale3.flatten() * block.norm3x3.running_mean)
    bias = bias - scale1.flatten() * block.norm1x1.running_mean
    expected = F.conv2d(x, kernel, bias, padding=1)
    torch.testing.assert_close(block(x), expected, atol=1e-5, rtol=1e-5)


def test_csp_rep_stage_adds_its_branches(x):
    stage = CspRepStage(6, 8, expansion=0.5).eval()
    expected = stage.merge(stage.chain(stage.enter(x)) + stage.bypass(x))
    torch.testing.assert_close(stage(x), expected)
    assert isinstance(CspRepStage(6, 8).merge, nn.Identity)


def test_l2_norm_gives_every_cell_the_length_of_its_scale(x):
    norm = L2Norm(6, scale=20.0)
    torch.testing.assert_close(norm(x).norm(dim=1), torch.full((2, 5, 7), 20.0))
    assert norm(torch.zeros(1, 6, 2, 2)).isfinite().all()
    loud = L2Norm(6).half()(torch.full((1, 6, 1, 1), 1000.0, dtype=torch.half))
    torch.testing.assert_close(loud, torch.full_like(loud, 20 / 6**0.5))
