"""Generated detectors equal effdet's, on the same weights."""

from dataclasses import dataclass, field
from types import ModuleType

import pytest
import torch

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
    with_weights_of,
    wrong_models,
)


@dataclass(frozen=True)
class Case:
    """A generated detector, the effdet configuration that it equals, and an image size."""

    name: str  # of effdet
    options: dict
    spec: str = "bifpn"
    size: tuple[int, int] = (128, 128)
    exact: bool = False  # plain sums, so bit for bit
    changes: dict = field(default_factory=dict)  # of effdet's configuration

    def __str__(self) -> str:
        return "-".join([self.spec, *self.options.values(), "x".join(map(str, self.size))])


def published(variant: str, **other) -> Case:
    return Case(f"tf_efficientdet_{variant}", {"variant": variant}, **other)


def from_model_file(variant: str, **other) -> Case:
    return Case(variant, {"variant": variant}, spec="bifpn_timm", **other)


LITE = ("lite0", "lite1", "lite2", "lite3", "lite3x", "lite4")

CASES = [
    *(published(f"d{phi}") for phi in range(6)),
    *(published(f"d{phi}", exact=True) for phi in (6, 7)),
    published("d7x", size=(256, 256), exact=True),
    *(published(variant, exact=True) for variant in LITE),
    *(published("d0", size=size) for size in ((128, 256), (200, 333), (512, 512))),
    published("lite0", size=(200, 333), exact=True),
    published("d0", spec="panet", changes={"fpn_name": "pan_sum"}, exact=True),
    published("d0", spec="panet", changes={"fpn_name": "pan_sum"}, size=(200, 333), exact=True),
    published("d0", spec="panet_fast", changes={"fpn_name": "pan_fa"}, size=(128, 256)),
    published("d0", spec="bifpn_softmax", changes={"fpn_name": "bifpn_attn"}),
    published("d0", spec="bifpn_paper_order", changes={"conv_bn_relu_pattern": True}),
    from_model_file("efficientdet_d0"),
    from_model_file("efficientdet_d0", size=(200, 333)),
    from_model_file("resdet50"),
    from_model_file("cspresdet50"),
    from_model_file("cspresdet50", size=(200, 333)),
    from_model_file("cspdarkdet53"),
    from_model_file("mobiledetv3_large"),
    from_model_file("efficientdet_em"),
    from_model_file("efficientdetv2_ds"),
]


@torch.no_grad()
@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs_equal_those_of_effdet(case):
    generated = generate(case.spec, **case.options)
    reference = lively(effdet_model(case.name, case.size, **case.changes))
    model = with_weights_of(reference, generated)
    images = random_images(reference, 2)

    expected = flatten_outputs(reference(images))
    check_equal(expected, flatten_outputs(model(images)), case.exact)

    check_lively(expected, flatten_outputs(reference(images.flip(0))))
    for wrong in wrong_models(model):
        difference = largest_difference(expected, flatten_outputs(wrong(images)))
        assert difference > 100 * TOLERANCE


MISTAKES = {
    "inputs in another order": ("p6_out(p6_in, p6_td, ", "p6_out(p6_td, p6_in, "),
    "an adapter shared": ("p4_in_to_p4_out(p4_in)", "p4_in_to_p4_td(p4_in)"),
    "another source": ("max_pool_same(p5_out)", "max_pool_same(p5_td)"),
    "outputs before the bottom-up path": ("[p3_td, p4_out, ", "[p3_td, p4_td, "),
    "another padding": ("padding=front, ceil_mode=True", "padding=1"),
}


@torch.no_grad()
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_generated_source_moves_the_outputs(mistake):
    generated = generate("bifpn", variant="d0")
    before, after = MISTAKES[mistake]
    source = generated.compiled.source
    assert before in source
    module = ModuleType("mistaken")
    exec(source.replace(before, after), module.__dict__)

    reference = lively(effdet_model("tf_efficientdet_d0", (128, 256)))
    wrong = with_weights_of(reference, Generated(generated.compiled, module))
    images = random_images(reference, 2)
    expected = flatten_outputs(reference(images))
    difference = largest_difference(expected, flatten_outputs(wrong(images)))
    assert difference > 100 * TOLERANCE


def test_gradients_equal_those_of_effdet_in_double_precision():
    generated = generate("bifpn", variant="d0")
    reference = lively(effdet_model("tf_efficientdet_d0", (128, 128)))
    model = with_weights_of(reference, generated).double()
    images = random_images(reference.double(), 2).double()
    outputs = [flatten_outputs(m(images)) for m in (reference, model)]
    directions = [torch.randn_like(a) for a in outputs[0]]
    for maps in outputs:
        sum((a * d).mean() for a, d in zip(maps, directions, strict=True)).backward()

    theirs = {name: p.grad for name, p in reference.named_parameters()}
    expected = rename_keys(theirs, our_keys(reference, generated))
    actual = {name: p.grad for name, p in model.named_parameters()}
    assert set(actual) == set(expected)
    for name, gradient in expected.items():
        largest = gradient.abs().max()
        assert largest > 0
        assert (actual[name] - gradient).abs().max() <= 1e-10 * largest, name
