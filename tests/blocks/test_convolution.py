import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fpncompiler.blocks.convolution import (
    ActConv,
    ActConvNorm,
    Adapter,
    ConvNormAct,
    FullConv2d,
    SeparableConv2d,
    in_place,
)
from fpncompiler.codegen.modules import ACTIVATION_MODULES


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(2, 6, 5, 7)


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("conv", [SeparableConv2d, FullConv2d])
def test_convolutions_keep_the_size(conv, kernel_size, x):
    assert conv(6, 4, kernel_size)(x).shape == (2, 4, 5, 7)


def test_separable_convolution_is_a_depthwise_then_a_pointwise_one(x):
    conv = SeparableConv2d(6, 4)
    expected = F.conv2d(x, conv.depthwise.weight, padding=1, groups=6)
    expected = F.conv2d(expected, conv.pointwise.weight, conv.pointwise.bias)
    torch.testing.assert_close(conv(x), expected)


@pytest.mark.parametrize("bias", [True, False])
def test_bias_stands_on_the_last_convolution_only(bias):
    names = {name for name, _ in SeparableConv2d(6, 4, bias=bias).named_parameters()}
    assert names == {"depthwise.weight", "pointwise.weight"} | (
        {"pointwise.bias"} if bias else set()
    )
    assert (FullConv2d(6, 4, bias=bias).bias is not None) is bias
    assert (Adapter(6, 4, bias=bias).conv.bias is not None) is bias


def test_adapter_has_no_activation(x):
    adapter = Adapter(6, 4, eps=0.5, momentum=0.25)
    assert (adapter.norm.eps, adapter.norm.momentum) == (0.5, 0.25)
    torch.testing.assert_close(adapter(x), adapter.norm(adapter.conv(x)))


@pytest.mark.parametrize("block", [ActConvNorm, ConvNormAct])
def test_blocks_run_in_the_order_of_their_names(block, x):
    node = block(FullConv2d(6, 4), 4, nn.ReLU6, eps=0.5, momentum=0.25).eval()
    assert (node.norm.eps, node.norm.momentum) == (0.5, 0.25)
    assert [name for name, _ in node.named_children()] == {
        ActConvNorm: ["act", "conv", "norm"],
        ConvNormAct: ["conv", "norm", "act"],
    }[block]
    expected = x
    for part in node.children():
        expected = part(expected)
    torch.testing.assert_close(node(x), expected)


@pytest.mark.parametrize("kind", [ActConvNorm, ActConv])
def test_activation_overwrites_the_input_only_where_it_may(x, kind):
    before, widths = x.clone(), (6,) if kind is ActConvNorm else ()
    expected = kind(conv := SeparableConv2d(6, 6), *widths, overwrite=False)(x)
    assert torch.equal(x, before)
    torch.testing.assert_close(kind(conv, *widths)(x), expected)
    assert torch.equal(x, F.silu(before))


@pytest.mark.parametrize("name", ACTIVATION_MODULES.values())
def test_activation_in_place_equals_the_other(x, name):
    activation = getattr(nn, name.removeprefix("nn."))
    expected = activation()(x)
    assert torch.equal(in_place(activation)(x.clone()), expected)
