"""A lateral FPN equals torchvision's, on the same weights."""

import pytest
import torch
from torchvision.ops import FeaturePyramidNetwork

from tests.helpers import generate, trainable

CHANNELS = (256, 512, 1024, 2048)  # of ResNet-50's C2 to C5


def with_weights_of(fpn: FeaturePyramidNetwork, network: torch.nn.Module) -> torch.nn.Module:
    keys = {
        f"layers.0.p{level}_{ours}.{kind}": f"{theirs}.{level - 2}.0.{kind}"
        for level in range(2, 6)
        for ours, theirs in (("lateral", "inner_blocks"), ("out", "layer_blocks"))
        for kind in ("weight", "bias")
    }
    state = fpn.state_dict()
    network.load_state_dict({ours: state.pop(theirs) for ours, theirs in keys.items()})
    assert not state
    return network


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 64), (75, 101)])
def test_an_fpn_with_laterals_equals_that_of_torchvision(size):
    module = generate("fpn_lateral").module
    torch.manual_seed(0)
    fpn = FeaturePyramidNetwork(list(CHANNELS), 256)
    network = with_weights_of(fpn, module.FeatureNetwork())
    assert (
        trainable(fpn)
        == trainable(network)
        == generate("fpn_lateral").compiled.cost.network.parameters
    )

    sides = [[-(-side // 2**i) for side in size] for i in range(4)]
    maps = [torch.randn(2, c, *side) for c, side in zip(CHANNELS, sides, strict=True)]
    expected = list(fpn({str(i): x for i, x in enumerate(maps)}).values())
    actual = network(maps)
    assert all(torch.equal(a, b) for a, b in zip(expected, actual, strict=True))

    changed = network([*maps[:3], maps[3] + 1])
    assert not any(torch.equal(a, b) for a, b in zip(expected, changed, strict=True))


def test_the_lateral_fpn_is_a_whole_detector():
    detector = (
        generate("fpn_lateral", backbone="resnet18").module.EfficientDet(num_classes=3).eval()
    )
    with torch.no_grad():
        classes, boxes = detector(torch.randn(1, 3, 64, 96))
    assert [m.shape[1:] for m in classes] == [(3, 16, 24), (3, 8, 12), (3, 4, 6), (3, 2, 3)]
    assert [m.shape[1] for m in boxes] == [4, 4, 4, 4]
