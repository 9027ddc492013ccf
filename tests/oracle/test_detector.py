"""Random networks with their backbone and heads: detectors run, and cost what was said."""

import torch
from hypothesis import given, settings

import fpncompiler
from tests.helpers import trainable
from tests.oracle.equality import macs_counted
from tests.oracle.specs import Spec, specs
from tests.oracle.test_equality import EXAMPLES, HEAVY, refusal


@settings(EXAMPLES, max_examples=150 if HEAVY else 15)
@given(specs())
def test_a_detector_runs_and_costs_what_was_said(spec: Spec):
    if refusal(spec):
        return
    compiled = fpncompiler.compile_spec(spec.text, **dict(spec.options))
    size = compiled.model.resolution
    with torch.device("meta"):
        detector = fpncompiler.load_model(spec.text, **dict(spec.options))().eval()
        images = torch.empty(1, 3, *size)
        class_logits, box_offsets = detector(images)
    cost = compiled.cost
    assert trainable(detector.class_head) == cost.class_head.parameters, spec
    assert trainable(detector.box_head) == cost.box_head.parameters, spec
    assert trainable(detector) == cost.total.parameters, spec
    levels = compiled.network.outputs
    found = [tuple(m.shape[-2:]) for m in class_logits]
    assert found == [tuple(m.shape[-2:]) for m in box_offsets], spec
    shrunk = "padding of a convolution" in spec.constructs
    assert shrunk or found == [tuple(-(-side // 2**n) for side in size) for n in levels], spec
    if cost.total.macs is not None:
        with torch.device("meta"):
            assert macs_counted(detector, images) == cost.total.macs, spec
