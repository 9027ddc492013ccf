"""Networks that the oracle found wrong once, each as small as it gets."""

import pytest

from fpncompiler import compile_spec
from fpncompiler.diagnostics import SpecError
from tests.oracle.specs import Spec
from tests.oracle.test_equality import assert_means_what_it_says
from tests.test_layout import ruff

CASES = {
    # Each layer was called with the backbone's features as soon as one of them reads those.
    "one layer of two reads the backbone": """
after: fpn
levels: 3..7
width: 8
depth: 1
nodes: {a(l): [in(l), backbone(3)]}
outputs: a
""",
    "the first layer of two has lost its nodes that read the backbone": """
levels: 3..5
inputs: 3..3
width: 8
depth: 2
nodes: {a(3): in(3), a(5): [in(3), backbone(3)]}
outputs: a
""",
    # What was resampled for two nodes had the name of the adapted map, and took its place.
    "a map adapted for some nodes and resampled for others": """
levels: 3..4
width: 8
depth: 1
adapters: {sharing: per_source_level}
nodes:
  a(3): [in(3), in(4)]
  b(3): {inputs: [{from: in(4), via: [resample]}, a(3)], fusion: concat}
  c(3): {inputs: [{from: in(4), via: [resample]}, b(3)], fusion: concat}
  d(3): {inputs: [in(4), c(3)], up: bilinear}
outputs: d
""",
    # Only full convolutions had no padding; the others kept theirs, and the size.
    "a separable convolution without padding": """
levels: 3..5
width: 8
nodes:
  a(..4): in(l)
  b(5): {inputs: a(4), op: {conv: separable, kernel: 3, order: [conv], padding: none}}
outputs: [a, b(5)]
depth: 1
""",
    "a depthwise convolution without padding": """
levels: 3..5
width: 8
nodes:
  a(..4): in(l)
  b(5): {inputs: a(4), op: {conv: depthwise, kernel: 3, order: [norm, conv], padding: none}}
outputs: [a, b(5)]
depth: 1
""",
    # The sizes of inputs were not known before the nodes that sort before them.
    "an input that gives a size and comes late in the order": """
levels: 3..4
width: 8
nodes:
  a(3): in(3)
  a(4): {inputs: in(3), op: [{pool: max, stride: 4}, deconv, conv3x3]}
outputs: a
""",
    # Steps that lead to a width that the source has by chance had the adapter before them.
    "steps on an edge that lead to the width of the source": """
levels: 3..4
width: 8
nodes:
  a(l): {inputs: in(l), width: 4}
  b(l): [in(l), {from: a(l), via: [{conv: full, width: 4}]}]
outputs: b
""",
    # A node's fusion was refused for settings that the network's own, another kind, has.
    "a gate among weighted fusions of channels": """
levels: 3..4
width: 8
fusion: {kind: softmax, granularity: channel}
nodes:
  a(l): [in(3), in(4)]
  b(l): {inputs: [in(l), a(l)], fusion: gate}
outputs: b
""",
}

# Not laid out as the formatter would: both calls of a sum opened; a message that fits on one line;
# a line that says too much.
UNFORMATTED = {
    "a sum of two long calls": """
levels: 3..5
width: 4
op: none
nodes:
  long_name_of_sum(3):
    - {from: in(5), via: [conv1x1, resample, conv1x1]}
    - {from: in(5), via: [conv1x1, resample, conv1x1]}
outputs: long_name_of_sum
depth: 1
""",
    "a short message": """
levels: 1..1
width: 8
nodes: {a(1): [in(1), backbone(1)]}
outputs: a
""",
    "many levels and widths": """
levels: 3..7
width: 2 * l + 4
nodes: {a(l): in(l)}
outputs: [a(3), a(4), a(5), a(7)]
depth: 1
""",
}

REFUSED = {
    # Adapters would bring them to a width, but there is none; the generated code failed.
    "maps of different widths, to be added as they are": (
        "F406",
        """
levels: 3..4
width: same
op: none
nodes: {a(l): [in(3), in(4)]}
outputs: a
""",
    ),
    "a gate that the skip edge gives a third input": (
        "F307",
        """
levels: 3..4
width: 8
fusion: gate
passes: [add_same_level_skip]
nodes:
  a(l): {inputs: in(3), op: conv1x1}
  b(l): [a(3), a(4)]
outputs: b
""",
    ),
    # The branches read levels that the layer is not given; the compiler crashed.
    "branches that read more than the layer": (
        "F304",
        """
levels: 3..7
inputs: 3..5
parallel: [fpn, panet]
""",
    ),
    # The second layer's input is smaller than its level, which the compiler did not see.
    "a convolution without padding before the next layer": (
        "F405",
        """
levels: 3..5
width: 8
depth: 2
nodes:
  a(..4): in(l)
  b(5): {inputs: in(4), op: {conv: full, kernel: 3, padding: none}}
outputs: [a, b(5)]
""",
    ),
    # Level 8 is there and level 7 is not: 640 pixels are three cells of level 8, six of level 7.
    "the model's own images do not fit": (
        "F404",
        """
levels: 3..7
inputs: 3..3
nodes:
  a(7): {inputs: in(3), op: deconv}
outputs: a
depth: 1
""",
    ),
}

OPTIONS = (("backbone", "ghostnet_050"), ("num_classes", 2), ("phi", 1))


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_a_network_that_was_wrong(text):
    spec = Spec(f"fpnc: 1\nname: found{text}", OPTIONS, frozenset())
    assert_means_what_it_says(spec, compile_spec(spec.text, **dict(OPTIONS)))


@pytest.mark.parametrize(("code", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_a_network_that_ought_to_be_refused(code, text):
    with pytest.raises(SpecError) as caught:
        compile_spec(f"fpnc: 1\nname: found{text}", **dict(OPTIONS))
    assert {diagnostic.code for diagnostic in caught.value.diagnostics} == {code}


@pytest.mark.parametrize("text", UNFORMATTED.values(), ids=UNFORMATTED.keys())
def test_a_file_that_was_not_formatted(text, tmp_path):
    (tmp_path / "generated").mkdir()
    source = compile_spec(f"fpnc: 1\nname: found{text}", **dict(OPTIONS)).source
    (tmp_path / "generated" / "found.py").write_text(source)
    assert ruff(tmp_path / "generated", "format", "--diff") == ""
    assert ruff(tmp_path / "generated", "check", "--output-format", "concise") == ""
