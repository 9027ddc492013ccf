"""What a hostile reader found: specs that compiled to something else than they say."""

import pytest
import torch

from fpncompiler import compile_spec, load_model
from fpncompiler.diagnostics import SpecError

HEAD = "fpnc: 1\nname: reviewed\n"
RESNET18 = {"backbone": "resnet18", "num_classes": 2}


def code_of(text: str, **options) -> tuple[str, int]:
    with pytest.raises(SpecError) as caught:
        compile_spec(HEAD + text, **{**RESNET18, **options})
    (found,) = caught.value.diagnostics
    return found.code, found.span.line


def test_concatenations_that_grow_without_end_are_refused_at_once():
    text = (
        "levels: 3..5\nk: 1..64\nfusion: concat\nop: none\noutputs: f\n"
        "nodes:\n  f(l, 1): [in(l), in(l)]\n  f(l, k): [f(l, k-1), f(l, k-1)]\n"
    )
    assert code_of(text) == ("F505", 10)
    text = "levels: 3..5\ndepth: 11\nfusion: concat\nop: none\noutputs: f\nnodes:\n  f(l): "
    assert code_of(text + "[in(l), in(l), in(l), in(l)]\n") == ("F505", 9)


def test_no_node_is_called_as_shared_weights_are():
    text = "levels: 3..5\nnodes:\n  shared_x(l): [in(l), in(l)]\noutputs: shared_x\n"
    assert code_of(text) == ("F205", 5)


@pytest.mark.parametrize(
    "nodes",
    [
        "depth: 2\nnodes:\n  out(l): {inputs: in(l), op: conv3x3}\n",
        "depth: 2\nnodes:\n  out(l): {inputs: in(l), op: conv3x3, width: same}\n",
    ],
)
def test_layers_that_are_one_class_by_their_widths_alone_refuse_other_backbones(nodes):
    text = f"{HEAD}levels: 2..5\nwidth: 64 * 2 ** (l-2)\noutputs: out\n{nodes}"
    model = load_model(text, **RESNET18)
    model()(torch.randn(1, 3, 64, 64))
    with torch.device("meta"), pytest.raises(ValueError, match="compiled for another backbone"):
        model(backbone="resnet50")


def test_weights_shared_by_levels_of_one_width_refuse_other_backbones():
    text = f"{HEAD}levels: 4..5\ndepth: 1\noutputs: out\nnodes:\n"
    text += "  out(l): {inputs: in(l), share: a, op: conv3x3}\n"
    model = load_model(text, backbone="vgg16_bn", num_classes=2)
    with torch.device("meta"):
        model()
        with pytest.raises(ValueError, match="compiled for another backbone"):
            model(backbone="resnet50")


def test_a_prologue_behind_another_network_is_refused(tmp_path):
    text = "after: fpn\nlevels: 3..7\nprologue:\n  in(l): backbone(5)\nnodes:\n  a(l): in(l)\n"
    assert code_of(text + "outputs: a\n") == ("F203", 5)


def test_coarser_levels_are_made_at_their_own_width():
    text = "levels: 3..7\nwidth: 64 * 2 ** (l-3)\nnodes:\n  a(l): [in(l), a(l+1)]\noutputs: a\n"
    extra = compile_spec(HEAD + text, **RESNET18).network.extra
    assert {level: extra.op(node).width for level, node in extra.outputs.items()} == {
        3: 128,
        4: 256,
        5: 512,  # the backbone's
        6: 512,
        7: 1024,
    }


def test_branches_do_not_share_weights_with_each_other(tmp_path):
    (tmp_path / "shr.yaml").write_text(
        "fpnc: 1\nname: shr\nlevels: 3..5\n"
        "nodes:\n  td(l): {inputs: [in(l), td(l+1)], share: x}\noutputs: td\n"
    )
    both = tmp_path / "both.yaml"
    both.write_text("fpnc: 1\nname: both\nlevels: 3..5\nparallel: [shr, {mirror: shr}]\n")
    source = compile_spec(both, **RESNET18).source
    assert "self.shared_a_x = " in source
    assert "self.shared_b_x = " in source


def test_convolutions_within_a_nested_concat_keep_their_width():
    text = "levels: 3..5\nwidth: 24\ndepth: 1\noutputs: out\nnodes:\n  out(l): "
    layer = compile_spec(
        f"{HEAD}{text}[{{concat: [{{from: in(l), via: conv1x1}}, in(l)]}}, in(l)]\n", **RESNET18
    ).network.layers[0]
    assert layer.graph.op("p4_out_concat").width == 2 * 256


def test_steps_on_an_edge_stay_within_the_levels():
    text = "levels: 3..5\nnodes:\n  a(l): [in(l), {from: in(3), via: [{up: nearest, levels: 4}]}]\n"
    with pytest.raises(SpecError) as caught:
        compile_spec(f"{HEAD}{text}outputs: a\n", **RESNET18)
    assert {d.code for d in caught.value.diagnostics} == {"F302"}


@pytest.mark.parametrize("op", ["[{kernel: 3}, relu]", "c2f", "{pool: max, kernel: 3}", "none"])
def test_a_convolution_asks_the_model_where_the_network_has_another_op(op):
    text = f"{HEAD}model: segmentation\nlevels: 3..4\nop: {op}\noutputs: a\n"
    text += "nodes:\n  a(l): {inputs: in(l), op: {kernel: 1}}\n"
    text += "  b(l): {inputs: in(l), op: [{kernel: 1}]}\n"
    layer = compile_spec(text).layer
    for node in ("p3_a", "p3_b"):
        (step,) = layer.op(node).steps
        assert (step.kind, step.kernel, step.order) == ("full", 1, ("conv", "norm", "act"))
