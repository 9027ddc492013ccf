import pytest
import torch
from effdet.config import get_efficientdet_config
from effdet.efficientdet import HeadNet
from torch import nn

from fpncompiler.blocks.convolution import FullConv2d, SeparableConv2d
from fpncompiler.blocks.heads import SharedHead


def features(channels, levels):
    return [torch.randn(2, channels, 2**i, 2 ** (i + 1)) for i in reversed(range(levels))]


@pytest.mark.parametrize("conv", [SeparableConv2d, FullConv2d])
def test_head_predicts_a_map_a_level(conv):
    head = SharedHead(conv, 8, 12, depth=2, levels=3)
    assert [y.shape for y in head(features(8, 3))] == [(2, 12, 4, 8), (2, 12, 2, 4), (2, 12, 1, 2)]


def test_convolutions_are_shared_and_norms_are_not():
    head = SharedHead(SeparableConv2d, 8, 12, depth=2, levels=3, eps=0.5, momentum=0.25)
    norms = [m for m in head.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(head.convs) == 2
    assert [len(repeat) for repeat in head.norms] == [3, 3]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(0.5, 0.25)}


def test_each_level_and_repeat_updates_its_own_norm():
    torch.manual_seed(0)
    head = SharedHead(SeparableConv2d, 8, 12, depth=2, levels=3).train()
    head(features(8, 3))
    means = [norm.running_mean for repeat in head.norms for norm in repeat]
    assert all(norm.num_batches_tracked == 1 for repeat in head.norms for norm in repeat)
    assert all(not torch.equal(a, b) for i, a in enumerate(means) for b in means[:i])


@pytest.mark.parametrize("bias", [True, False])
def test_prediction_always_has_a_bias(bias):
    head = SharedHead(FullConv2d, 8, 12, depth=1, levels=1, bias=bias)
    assert (head.convs[0].bias is not None) is bias
    assert head.predict.bias is not None


@pytest.mark.parametrize(
    ("model", "conv", "bias", "activation"),
    [
        ("tf_efficientdet_d0", SeparableConv2d, True, nn.SiLU),
        ("tf_efficientdet_lite0", SeparableConv2d, True, nn.ReLU6),
        ("resdet50", FullConv2d, False, nn.ReLU),
    ],
)
def test_head_equals_that_of_effdet(model, conv, bias, activation):
    torch.manual_seed(0)
    config = get_efficientdet_config(model)
    width, depth = config.fpn_channels, config.box_class_repeats
    reference = HeadNet(config, num_outputs=4).eval()
    head = SharedHead(conv, width, 36, depth, 5, bias=bias, activation=activation).eval()
    for tensor in reference.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0, 0.3)
    head.load_state_dict(dict(zip(head.state_dict(), reference.state_dict().values(), strict=True)))
    maps = features(width, 5)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(head(maps), reference(maps), strict=True))


def test_head_compiles_without_graph_breaks():
    head = SharedHead(SeparableConv2d, 8, 12, depth=2, levels=3).eval()
    maps = features(8, 3)
    compiled = torch.compile(head, backend="eager", fullgraph=True)
    assert all(torch.equal(a, b) for a, b in zip(compiled(maps), head(maps), strict=True))
