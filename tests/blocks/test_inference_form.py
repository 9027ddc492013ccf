"""`--inference` generates what `fuse_for_inference` makes, from the training form's weights."""

import pytest
import torch
from torch import nn

from fpncompiler import compile_spec
from fpncompiler.blocks.inference import flatten_outputs
from tests.blocks.test_inference import SPECS, TOLERANCE, model_of
from tests.helpers import generate
from tests.references.effdet_peer import largest_difference


def inference_of(spec: str):
    generated = generate(spec, inference=True)
    return getattr(generated.module, generated.compiled.class_name)()


@pytest.mark.parametrize("spec", [*SPECS, "mixed_norms"])
@torch.no_grad()
def test_inference_form_equals_the_training_form(spec):
    model = model_of(spec)
    form = inference_of(spec)
    state = model.state_dict()
    before = {key: value.clone() for key, value in state.items()}
    form.load_training_weights(state)
    assert all(torch.equal(value, state[key]) for key, value in before.items())
    images = torch.randn(2, 3, 320, 384)
    expected = flatten_outputs(model(images))
    assert largest_difference(expected, flatten_outputs(form(images))) <= TOLERANCE
    assert not any(p.requires_grad for p in form.parameters())
    kept = [name for name, part in form.named_modules() if isinstance(part, nn.BatchNorm2d)]
    assert all(spec == "mixed_norms" and "network" in name for name in kept)


def test_form_saves_and_loads_its_own_weights():
    form, other = inference_of("bifpn"), inference_of("bifpn")
    form.load_training_weights(model_of("bifpn").state_dict())
    other.load_state_dict(form.state_dict())
    images = torch.randn(1, 3, 256, 256)
    for one, two in zip(form(images), other(images), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("change", ["missing", "left over", "other classes"])
def test_weights_that_do_not_fit_are_refused(change):
    state = model_of("bifpn").state_dict()
    if change == "missing":
        del state["network.layers.0.p6_td.conv.conv.depthwise.weight"]
    elif change == "left over":
        state["network.layers.9.x.weight"] = torch.ones(1)
    else:
        state["class_head.predict.pointwise.bias"] = torch.ones(3)
    with pytest.raises(RuntimeError, match=r"Missing|Unexpected|size mismatch"):
        inference_of("bifpn").load_training_weights(state)


def test_detections_come_from_the_form_too():
    form = inference_of("bifpn")
    found = form.detect(torch.randn(1, 3, 256, 256))
    assert found[0]["boxes"].shape[1] == 4


def test_file_says_which_form_it_is():
    compiled = compile_spec("specs/bifpn.yaml", phi=0, inference=True)
    assert compiled.file_name == "bifpn_d0_inference.py"
    assert "--inference" in compiled.source.split("\n")[1]
    assert "BatchNorm2d(" not in compiled.source.split("class FirstLayer")[1]
    assert "fuse_for_inference" not in compiled.source
