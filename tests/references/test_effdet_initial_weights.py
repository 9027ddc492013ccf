"""A new generated detector's weights are distributed as effdet's."""

import math
import re
from collections import defaultdict

import pytest
import torch
from torch import Tensor, nn

from fpncompiler.detection.weights import rename_keys
from tests.helpers import generate
from tests.references.effdet_peer import effdet_model, our_keys

Key = tuple[str, tuple[int, ...]]


def pooled(state: dict[str, Tensor]) -> dict[Key, Tensor]:
    """Weights of one role and shape, all layers, nodes and repeats together."""
    groups = defaultdict(list)
    for name, weight in state.items():
        role = re.sub(r"\d+", "", name)
        groups[role, tuple(weight.shape)].append(weight.flatten())
    return {key: torch.cat(weights) for key, weights in groups.items()}


@pytest.mark.parametrize(
    ("spec", "variant", "name"),
    [("bifpn", "d0", "tf_efficientdet_d0"), ("bifpn_timm", "resdet50", "resdet50")],
)
def test_initial_weights_are_distributed_as_in_effdet(spec, variant, name):
    generated = generate(spec, variant=variant)
    reference = effdet_model(name, (128, 128))
    ours = pooled(dict(generated.module.EfficientDet().named_parameters()))
    state = dict(reference.named_parameters())
    theirs = pooled(rename_keys(state, our_keys(reference, generated)))
    assert ours.keys() == theirs.keys()
    for key, expected in theirs.items():
        actual = ours[key]
        if expected.unique().numel() <= 2:  # constants: biases, batch norms
            assert torch.equal(actual, expected), key
            continue
        # Five standard errors of a normal distribution's standard deviation.
        margin = 5 / math.sqrt(2 * expected.numel())
        assert actual.std().item() == pytest.approx(expected.std().item(), rel=margin), key
        assert (actual.mean() - expected.mean()).abs() <= 2 * margin * expected.std(), key


def glorot_limit(conv: nn.Conv2d) -> float:
    """effdet divides fan_out by the groups, so that depthwise kernels count as one channel's."""
    kernel = math.prod(conv.kernel_size)
    fans = kernel * (conv.in_channels + conv.out_channels) / conv.groups
    return math.sqrt(3 / max(1, fans / 2))


def test_convolutions_of_the_feature_network_fill_their_uniform_distribution():
    network = generate("bifpn", phi=0).module.EfficientDet().network
    convs = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    assert len(convs) == 2 * 24 + 6
    for conv in convs:
        limit = glorot_limit(conv)
        assert 0.97 * limit < conv.weight.abs().max() <= limit
    assert glorot_limit(network.layers[0].p6_td.conv.conv.depthwise) == pytest.approx(
        0.577, abs=1e-3
    )
    assert glorot_limit(network.layers[0].p6_td.conv.conv.pointwise) == pytest.approx(
        0.2165, abs=1e-3
    )
    assert glorot_limit(network.c5_to_p6.conv) == pytest.approx(0.125, abs=1e-3)


@pytest.mark.parametrize(
    ("spec", "options"), [("bifpn", {"phi": 0}), ("bifpn_timm", {"variant": "resdet50"})]
)
def test_a_new_class_head_predicts_its_prior(spec, options):
    detector = generate(spec, **options).module.EfficientDet().eval()
    with torch.no_grad():
        classes, _ = detector(torch.randn(2, 3, 128, 128))
    for logits in classes:
        assert logits.sigmoid().mean().item() == pytest.approx(0.01, rel=0.05)
