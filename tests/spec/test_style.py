"""How settings of a node are found: node, then the model row's override, topology, model."""

import pytest

from fpncompiler.diagnostics import Sink
from fpncompiler.ir.ops import Convolution, Norm
from fpncompiler.spec.reading import Reader
from fpncompiler.spec.style import read_style
from fpncompiler.spec.tree import parse_tree


def style(*places: str):
    sink = Sink()
    trees = [parse_tree(f"source: x\n{text}\n".encode(), "s.yaml", sink) for text in places]
    found = read_style(trees, Reader(sink))
    assert not sink.diagnostics
    return found


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize(
    ("key", "values", "get"),
    [
        ("up", ("nearest", "bilinear"), lambda s: s.resampling.up),
        ("down", ("bilinear", "max_pool"), lambda s: s.resampling.down),
        ("padding", ("symmetric", "same"), lambda s: s.resampling.padding),
        ("fusion", ("softmax", "weighted"), lambda s: s.fusion.kind),
        ("activation", ("relu", "gelu"), lambda s: s.conv.activation),
        ("op", ("{conv: full}", "{conv: separable}"), lambda s: f"{{conv: {s.conv.kind}}}"),
    ],
)
def test_first_place_that_gives_a_setting_wins(first, key, values, get):
    texts = [""] * first + [f"{key}: {values[0]}"] + [f"{key}: {values[1]}"] * (3 - first)
    assert get(style(*texts)) == values[0]


def test_mapping_is_completed_key_by_key_from_the_next_places():
    found = style(
        "fusion: {granularity: channel}\nop: {kernel: 5}",
        "",
        "fusion: {eps: 1e-2, granularity: pixel}\nop: {kernel: 7, order: [conv, norm]}",
        "fusion: fast_normalized\nop: {conv: full, activation: relu}",
    )
    assert (found.fusion.kind, found.fusion.granularity, found.fusion.eps) == (
        "fast_normalized",
        "channel",
        0.01,
    )
    conv = found.conv
    assert (conv.kind, conv.kernel, conv.order, conv.activation) == (
        "full",
        5,
        ("conv", "norm"),
        "relu",
    )


def test_word_for_a_fusion_keeps_what_later_places_say_of_it():
    assert style("fusion: softmax", "fusion: {granularity: pixel}").fusion.granularity == "pixel"


def test_plain_sum_has_no_further_settings():
    found = style("fusion: sum", "fusion: {kind: softmax, granularity: pixel, eps: 0.5}").fusion
    assert (found.kind, found.granularity, found.eps) == ("sum", "scalar", 1e-4)


@pytest.mark.parametrize(("word", "kernel"), [("conv1x1", 1), ("conv3x3", 3)])
def test_short_op_is_one_plain_convolution(word, kernel):
    found = style(
        f"op: {word}", "", "", "op: {kernel: 5, order: [act, conv, norm], conv: separable}"
    )
    assert found.conv == Convolution("full", kernel, ("conv",), "silu", True, Norm(1e-3, 0.01))


def test_no_op_hides_those_of_later_places():
    assert style("op: none", "", "", "op: {kernel: 5}").conv is None


def test_own_op_wins_over_no_op_of_later_places():
    assert style("op: {kernel: 5}", "", "op: none").conv.kernel == 5


def test_own_op_completes_a_short_one_of_later_places():
    conv = style("op: {kernel: 5}", "", "op: conv1x1").conv
    assert (conv.kind, conv.kernel, conv.order) == ("full", 5, ("conv",))


@pytest.mark.parametrize(
    ("text", "bias"),
    [
        ("redundant_bias: true", True),
        ("redundant_bias: false", False),
        ("redundant_bias: false\nop: {bias: true}", True),
        ("redundant_bias: true\nop: {bias: false}", False),
        ("redundant_bias: false\nop: {order: [act, conv]}", True),
        ("redundant_bias: false\nop: {order: [norm, act, conv]}", True),
    ],
)
def test_bias_is_left_out_only_in_front_of_a_norm(text, bias):
    assert style(text).conv.bias is bias


@pytest.mark.parametrize(
    ("text", "norm", "bias"),
    [
        ("redundant_bias: true", True, True),
        ("redundant_bias: false", True, False),
        ("redundant_bias: false\nadapters: {norm: false}", False, True),
    ],
)
def test_adapters_have_a_norm_or_a_bias(text, norm, bias):
    adapting = style(text).adapting
    assert ((adapting.norm is not None), adapting.bias) == (norm, bias)


def test_norm_constants_reach_convolutions_and_adapters():
    found = style("norm: {eps: 1e-5, momentum: 0.1}")
    assert found.conv.norm == found.adapting.norm == Norm(1e-5, 0.1)
