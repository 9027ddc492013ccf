"""Random networks between their backbone and heads: detectors run, and cost what was said."""

import torch
from hypothesis import given, settings

from fpncompiler import load_model
from fpncompiler.analysis.cost import detector_cost
from fpncompiler.backbones import find_backbone
from tests.helpers import trainable
from tests.oracle.equality import image_sizes, macs_counted
from tests.oracle.specs import Spec, specs
from tests.oracle.test_equality import EXAMPLES, HEAVY, compiled_or_refused, shown


@settings(EXAMPLES, max_examples=150 if HEAVY else 8)
@given(specs())
def test_a_detector_runs_and_costs_what_was_said(spec: Spec):
    compiled = compiled_or_refused(spec)
    if isinstance(compiled, set):
        return
    size, _ = image_sizes(compiled.network)
    with shown(spec), torch.device("meta"):
        detector = load_model(spec.text, **dict(spec.options))().eval()
        images = torch.empty(1, 3, *size)
        cost = compiled.cost
        assert trainable(detector.class_head) == cost.class_head.parameters
        assert trainable(detector.box_head) == cost.box_head.parameters
        assert cost.total.parameters in (None, trainable(detector))
        if "padding of a convolution" not in spec.constructs:
            levels = compiled.network.outputs
            expected = [tuple(-(-side // 2**level) for side in size) for level in levels]
            for maps in detector(images):
                assert [tuple(found.shape[-2:]) for found in maps] == expected
        backbone = find_backbone(dict(spec.options)["backbone"])
        macs = detector_cost(compiled.network, compiled.model, backbone, size).total.macs
        assert macs in (None, macs_counted(detector, images))
