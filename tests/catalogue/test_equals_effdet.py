"""Networks whose nodes effdet lists in another order equal effdet's, on the same weights."""

import copy
from dataclasses import dataclass, field

import pytest
import torch
from effdet.efficientdet import EfficientDet
from omegaconf import OmegaConf
from torch import nn

from fpncompiler.detection.weights import rename_keys
from tests.helpers import Generated, flatten_outputs, generate
from tests.references.effdet_peer import (
    TOLERANCE,
    check_equal,
    check_lively,
    effdet_model,
    largest_difference,
    lively,
    our_keys,
    random_images,
)

# effdet returns the last five nodes of its list, finest first; these read all inputs, 0 to 4.
ALL_TO_ALL = [
    {"feat_level": level, "inputs_offsets": [0, 1, 2, 3, 4], "weight_method": "sum"}
    for level in range(3, 8)
]


@dataclass(frozen=True)
class Case:
    """A spec, the effdet configuration that it equals with some changes, and an image size."""

    spec: str
    name: str  # of effdet
    options: dict = field(default_factory=lambda: {"phi": 0})
    changes: dict = field(default_factory=dict)  # of effdet's configuration
    size: tuple[int, int] = (128, 128)

    def __str__(self) -> str:
        return "-".join([self.spec, self.name, "x".join(map(str, self.size))])


def qufpn(kind: str, **other) -> Case:
    spec = {"fa": "qufpn", "sum": "qufpn_sum"}[kind]
    return Case(spec, "tf_efficientdet_d0", changes={"fpn_name": f"qufpn_{kind}"}, **other)


def fully_connected(phi: int, **other) -> Case:
    changes = {"fpn_config": OmegaConf.create({"nodes": ALL_TO_ALL})}
    return Case("fully_connected", f"tf_efficientdet_d{phi}", {"phi": phi}, changes, **other)


CASES = [
    *(qufpn(kind, size=size) for kind in ("fa", "sum") for size in ((128, 128), (200, 333))),
    # Where a size has a remainder, effdet's pools over several levels have a stride by the sizes of
    # their maps (7 from 25 cells to 4), ours by the levels (8).
    fully_connected(0, size=(128, 256)),
    fully_connected(3),
    *(
        Case("qufpn_timm", name, {"variant": name})
        for name in ("efficientdet_q0", "efficientdet_q1", "efficientdet_q2", "cspdarkdet53m")
    ),
]


@torch.no_grad()
@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs_equal_those_of_effdet(case):
    generated = generate(case.spec, **case.options)
    reference = lively(effdet_model(case.name, case.size, **case.changes))
    model = with_weights_of(reference, generated)
    images = random_images(reference, 2)

    expected = flatten_outputs(reference(images))
    check_equal(expected, flatten_outputs(model(images)), exact=False)

    check_lively(expected, flatten_outputs(reference(images.flip(0))))
    difference = largest_difference(expected, flatten_outputs(with_a_mistake(model)(images)))
    assert difference > 100 * TOLERANCE


def with_weights_of(reference: EfficientDet, generated: Generated) -> nn.Module:
    """The generated detector in eval mode, every weight from effdet and none left over."""
    model = generated.module.EfficientDet().eval()
    model.load_state_dict(rename_keys(reference.state_dict(), our_keys(reference, generated)))
    return model


def with_a_mistake(model: nn.Module) -> nn.Module:
    """A copy whose last layer has two nodes in each other's place."""
    wrong = copy.deepcopy(model)
    layer = wrong.network.layers[-1]
    layer.p4_out, layer.p5_out = layer.p5_out, layer.p4_out
    return wrong
