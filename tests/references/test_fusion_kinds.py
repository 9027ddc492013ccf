"""Every fusion, at every granularity, in a whole detector that learns."""

import pytest
import torch

from tests.helpers import PARTS, flatten_outputs, generate, trainable

KINDS = ("weighted", "softmax", "fast_normalized")
GRANULARITIES = ("scalar", "channel", "pixel")


def bifpn_with(kind: str, granularity: str) -> str:
    fusion = f"{{kind: {kind}, granularity: {granularity}}}"
    return f"fpnc: 1\nname: bifpn_variant\nextends: bifpn\nlevels: 3..7\nfusion: {fusion}\n"


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fusion_learns_in_a_whole_detector_at_its_static_cost(kind, granularity):
    torch.manual_seed(0)
    generated = generate(bifpn_with(kind, granularity), phi=0, num_classes=2)
    detector, cost = generated.module.EfficientDet(), generated.compiled.cost
    for part in PARTS:
        assert trainable(getattr(detector, part)) == getattr(cost, part).parameters

    # Not the size that per-pixel weights are made for: they follow the image.
    outputs = flatten_outputs(detector(torch.randn(2, 3, 128, 256)))
    sum(output.square().mean() for output in outputs).backward()
    weights = {n: p for n, p in detector.network.named_parameters() if n.endswith("fuse.weight")}
    assert len(weights) == 24
    for name, weight in weights.items():
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().max() > 0, name
