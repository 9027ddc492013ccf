"""A network that computes its layers again learns what the other learns, in less memory."""

import copy

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from tests.helpers import generate
from tests.oracle.equality import draw_weights

NAMES = ("bifpn", "nas_fpn", "fully_connected", "yolov8_pan")


def step(network: nn.Module, maps):
    """Outputs, gradients and statistics of one training step, and the bytes that it kept."""
    kept: dict[int, int] = {}

    def note(x):
        kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    leaves = [x.clone().requires_grad_() for x in maps]
    with saved_tensors_hooks(note, lambda x: x):
        outputs = network(leaves)
    sum(x.square().mean() for x in outputs).backward()
    gradients = [p.grad for p in (*network.parameters(), *leaves)]
    return outputs, gradients, [*network.buffers()], sum(kept.values())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("spec", NAMES)
def test_step_equals_that_without(spec, training):
    generated = generate(spec)
    plain = generated.module.FeatureNetwork().train(training)
    draw_weights(plain, torch.Generator().manual_seed(0))
    twin = copy.deepcopy(plain)
    twin.checkpoint = True
    taps = sorted(generated.compiled.network.taps.items())
    maps = [torch.randn(2, width, 256 >> level, 256 >> level) for level, width in taps]
    for _ in range(2):
        *expected, _ = step(plain, maps)
        *actual, _ = step(twin, maps)
        for one, other in zip(expected, actual, strict=True):
            assert all(
                (a is None and b is None) or torch.equal(a, b)
                for a, b in zip(one, other, strict=True)
            )


def test_step_keeps_fewer_maps():
    network = generate("bifpn", phi=3).module.FeatureNetwork()
    maps = [
        torch.randn(1, c, 256 >> i, 256 >> i)
        for i, c in zip((3, 4, 5), (48, 136, 384), strict=True)
    ]
    *_, plain = step(network, maps)
    network.checkpoint = True
    *_, less = step(network, maps)
    assert less < 0.35 * plain


def test_nothing_is_computed_twice_without_gradients():
    model = generate("bifpn").module.EfficientDet(checkpoint=True)
    assert model.network.checkpoint
    runs = []
    model.network.layers[0].register_forward_hook(lambda *_: runs.append(1))
    images = torch.randn(2, 3, 128, 128)
    with torch.no_grad():
        model(images)
    assert len(runs) == 1
    model(images)[0][0].sum().backward()
    assert len(runs) == 2  # PyTorch ends the third run early, before its hooks
