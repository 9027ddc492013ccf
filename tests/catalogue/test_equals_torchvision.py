"""The FPNs of Lin et al. and of RetinaNet equal torchvision's bit for bit, on the same weights."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import (
    ExtraFPNBlock,
    LastLevelMaxPool,
    LastLevelP6P7,
)

from tests.helpers import generate, trainable

CHANNELS = {2: 256, 3: 512, 4: 1024, 5: 2048}  # of ResNet-50
WIDTH = 256


@dataclass(frozen=True)
class Case:
    """A spec, the finest level that it reads, and torchvision's extra levels."""

    spec: str
    finest: int
    extra: ExtraFPNBlock
    reads_c5: bool = False

    @property
    def levels(self) -> range:
        return range(self.finest, 6)

    def reference(self) -> FeaturePyramidNetwork:
        torch.manual_seed(0)
        return FeaturePyramidNetwork([CHANNELS[i] for i in self.levels], WIDTH, self.extra).eval()

    def weights(self, fpn: FeaturePyramidNetwork) -> dict[str, Tensor]:
        """torchvision's weights under the names of the generated network; none is left over."""
        names = {
            f"p{level}_{ours}": f"{theirs}.{level - self.finest}.0"
            for level in self.levels
            for ours, theirs in (("lateral", "inner_blocks"), ("out", "layer_blocks"))
        }
        if self.finest == 3:
            # A node of several steps is an nn.Sequential: ReLU, then the convolution.
            names |= {"p6_out": "extra_blocks.p6", "p7_out.1": "extra_blocks.p7"}
        state = fpn.state_dict()
        ours = {
            f"layers.0.{ours}.{kind}": state.pop(f"{theirs}.{kind}")
            for ours, theirs in names.items()
            for kind in ("weight", "bias")
        }
        assert not state
        return ours


CASES = [
    Case("fpn_lin2017", 2, LastLevelMaxPool()),
    Case("fpn_retinanet", 3, LastLevelP6P7(CHANNELS[5], WIDTH), reads_c5=True),
    Case("fpn_retinanet_p5", 3, LastLevelP6P7(WIDTH, WIDTH)),
]


@torch.no_grad()
@pytest.mark.parametrize("size", [(128, 128), (75, 101)])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.spec)
def test_outputs_equal_those_of_torchvision(case, size):
    generated = generate(case.spec, backbone="resnet50")
    network = generated.module.FeatureNetwork()
    fpn = case.reference()
    network.load_state_dict(case.weights(fpn))
    assert trainable(fpn) == generated.compiled.cost.network.parameters

    maps = features(case.levels, size)
    expected = outputs_of(fpn, maps)
    actual = network(maps)
    assert len(actual) == 5
    assert all(torch.equal(a, b) for a, b in zip(expected, actual, strict=True))

    moved = network([*maps[:-1], maps[-1] + 1])
    assert not any(torch.equal(a, b) for a, b in zip(expected, moved, strict=True))


def test_where_p6_comes_from_shows():
    """With P5's output convolution at nought, P6 and P7 live on where they are made from C5."""
    for case in CASES[1:]:
        network = generate(case.spec, backbone="resnet50").module.FeatureNetwork()
        nn.init.zeros_(network.layers[0].p5_out.weight)
        nn.init.zeros_(network.layers[0].p5_out.bias)
        nn.init.zeros_(network.layers[0].p6_out.bias)
        *_, p5, p6, _ = network(features(case.levels, (128, 128)))
        assert not p5.any()
        assert p6.any() == case.reads_c5


def features(levels: range, size: tuple[int, int]) -> list[Tensor]:
    """A backbone's maps of an image of a size."""
    return [torch.randn(2, CHANNELS[i], *(-(-side // 2**i) for side in size)) for i in levels]


def outputs_of(fpn: FeaturePyramidNetwork, maps: list[Tensor]) -> list[Tensor]:
    return list(fpn({str(i): x for i, x in enumerate(maps)}).values())
