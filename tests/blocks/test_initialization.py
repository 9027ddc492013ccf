import math

import pytest
import torch
from effdet.config import get_efficientdet_config
from effdet.efficientdet import ConvBnAct2d, HeadNet, _init_weight
from effdet.efficientdet import SeparableConv2d as EffdetSeparableConv2d
from torch import nn

from fpncompiler.blocks.convolution import Adapter, FullConv2d, SeparableConv2d
from fpncompiler.blocks.fusion import FastNormalizedFusion
from fpncompiler.blocks.heads import SharedHead
from fpncompiler.blocks.initialization import init_head, init_network, prior_bias


def init_as_effdet(module, name):
    torch.manual_seed(1)
    for n, part in module.named_modules(prefix=name):
        _init_weight(part, n)
    return list(module.parameters())


def init_as_ours(init, module, *arguments):
    torch.manual_seed(1)
    init(module, *arguments)
    return list(module.parameters())


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            nn.Sequential(SeparableConv2d(16, 16), nn.BatchNorm2d(16)),
            EffdetSeparableConv2d(16, 16, bias=True, act_layer=None),
        ),
        (Adapter(40, 16), ConvBnAct2d(40, 16, 1, bias=True, act_layer=None)),
        (FullConv2d(16, 16), ConvBnAct2d(16, 16, 3, bias=True, norm_layer=None, act_layer=None)),
    ],
)
def test_network_is_drawn_as_effdet_draws_it(ours, theirs):
    assert_same(init_as_ours(init_network, ours), init_as_effdet(theirs, "fpn"))


@pytest.mark.parametrize(
    ("model", "conv", "bias"),
    [("tf_efficientdet_d0", SeparableConv2d, True), ("resdet50", FullConv2d, False)],
)
@pytest.mark.parametrize(("name", "prior"), [("class_net", 0.01), ("box_net", 0.5)])
def test_head_is_drawn_as_effdet_draws_it(model, conv, bias, name, prior):
    config = get_efficientdet_config(model)
    theirs = HeadNet(config, num_outputs=4)
    ours = SharedHead(conv, config.fpn_channels, 36, config.box_class_repeats, 5, bias=bias)
    assert_same(init_as_ours(init_head, ours, prior_bias(prior)), init_as_effdet(theirs, name))


def test_depthwise_and_pointwise_limits_are_those_of_glorot():
    conv = SeparableConv2d(64, 64)
    init_network(conv)
    for part, limit in [(conv.depthwise, math.sqrt(3 / 9)), (conv.pointwise, math.sqrt(3 / 64))]:
        assert 0.9 * limit < part.weight.abs().max() <= limit


def test_norms_and_fusion_weights_start_neutral():
    network = nn.Sequential(Adapter(8, 4), FastNormalizedFusion(3))
    nn.init.constant_(network[0].norm.weight, 7)
    nn.init.constant_(network[0].norm.bias, 7)
    init_network(network)
    assert torch.equal(network[0].norm.weight, torch.ones(4))
    assert torch.equal(network[0].norm.bias, torch.zeros(4))
    assert torch.equal(network[1].weight, torch.ones(3))


def test_only_the_prediction_starts_at_the_prior():
    head = SharedHead(SeparableConv2d, 8, 4, depth=2, levels=1)
    init_head(head, prior_bias(0.01))
    assert torch.equal(head.predict.pointwise.bias, torch.full((4,), -math.log(99)))
    assert all(torch.equal(conv.pointwise.bias, torch.zeros(8)) for conv in head.convs)


def test_prior_bias_is_the_logit_of_the_probability():
    assert prior_bias(0.01) == pytest.approx(-4.59512)
    assert torch.tensor(prior_bias(0.2)).sigmoid().item() == pytest.approx(0.2)
