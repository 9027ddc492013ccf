"""`torch.compile` of generated models: one graph, and the right numbers."""

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fpncompiler.detection.demo import set_norms
from tests.helpers import flatten_outputs, generate

SPEC = "fpnc: 1\nname: small\nextends: bifpn\ndepth: 1\n"
SIZES = ((2, 64, 96), (3, 128, 64))
LIVELY = 0.01  # of the largest output: images have to move it, or nothing was compared


@pytest.fixture
def model():
    torch.manual_seed(0)
    torch._dynamo.reset()
    small = generate(SPEC, backbone="lcnet_035", levels=(3, 5), num_classes=3)
    made = small.module.EfficientDet()
    set_norms(made.eval(), torch.randn(2, 3, 128, 128))
    return made


def fused(model):
    """The inference form; only with norms folded do fusions read convolutions, as the bug needs."""
    if hasattr(model, "fuse_for_inference"):
        return model.fuse_for_inference()
    for part in model.network.modules():
        if isinstance(getattr(part, "conv", None), nn.Conv2d) and hasattr(part, "norm"):
            part.conv, part.norm = fuse_conv_bn_eval(part.conv, part.norm), nn.Identity()
    return model


def relative(got, expected):
    pairs = zip(flatten_outputs(got), flatten_outputs(expected), strict=True)
    return [((a - b).abs().max() / b.abs().max()).item() for a, b in pairs]


@pytest.mark.parametrize(
    ("training", "dynamic"), [(True, True), (False, True), (True, False), (False, False)]
)
def test_sizes_change_without_graph_breaks(model, training, dynamic):
    model.train(training)
    counter = CompileCounter()  # runs what it is given as it is
    compiled = torch.compile(model, fullgraph=True, dynamic=dynamic, backend=counter)
    for batch, height, width in SIZES:
        images = torch.randn(batch, 3, height, width)
        state = {name: value.clone() for name, value in model.state_dict().items()}
        with torch.set_grad_enabled(training):
            got = compiled(images)
            model.load_state_dict(state)  # batch norms have moved
            expected = model(images)
        assert max(relative(got, expected)) < 1e-5
    assert counter.frame_count <= (2 if dynamic else len(SIZES))


def test_gradients_pass_through_a_compiled_model(model):
    model.train()
    images = torch.randn(2, 3, 64, 64)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    sum(each.square().mean() for each in flatten_outputs(compiled(images))).backward()
    got = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    sum(each.square().mean() for each in flatten_outputs(model(images))).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(got[name], parameter.grad, rtol=1e-3, atol=1e-4)


def test_freezing_keeps_the_weights_of_fusions_apart(model):
    """PyTorch 2.14 takes one number for another where code multiplies convolutions by floats."""
    for name, parameter in model.named_parameters():
        if name.endswith("fuse.weight"):
            parameter.data.uniform_(0.1, 2)  # of no two nodes alike
    model = fused(model.eval())
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad(), torch._inductor.config.patch(freezing=True):
        expected = model(images)
        got = torch.compile(model, fullgraph=True)(images)
        moved = relative(model(torch.randn_like(images)), expected)
    assert max(relative(got, expected)) < 1e-4
    assert min(moved) > LIVELY
