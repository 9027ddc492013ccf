"""How settings of a node are found: node, then the model row's override, topology, model."""

import pytest

from fpncompiler.diagnostics import Sink
from fpncompiler.ir.ops import Activate, Block, Convolution, Norm
from fpncompiler.ir.text import step_text
from fpncompiler.spec.reading import Reader
from fpncompiler.spec.style import read_style
from fpncompiler.spec.tree import parse_tree

WIDTH = 64


def style(*places: str):
    """The style that places give, the most specific first."""
    sink = Sink()
    trees = [parse_tree(f"source: x\n{text}\n".encode(), "s.yaml", sink) for text in places]
    found = read_style(trees, Reader(sink), WIDTH)
    assert not sink.diagnostics
    return found


def conv(found) -> Convolution:
    """The only step of a style, a convolution."""
    (step,) = found.steps
    assert isinstance(step, Convolution)
    return step


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize(
    ("key", "values", "get"),
    [
        ("up", ("nearest", "bilinear"), lambda s: s.resampling.up),
        ("down", ("bilinear", "max_pool"), lambda s: s.resampling.down),
        ("padding", ("symmetric", "same"), lambda s: s.resampling.padding),
        ("fusion", ("softmax", "weighted"), lambda s: s.fusion.kind),
        ("activation", ("relu", "gelu"), lambda s: conv(s).activation),
        ("op", ("{conv: full}", "{conv: separable}"), lambda s: f"{{conv: {conv(s).kind}}}"),
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
    op = conv(found)
    assert (op.kind, op.kernel, op.order, op.activation) == (
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
    norm = Norm(1e-3, 0.01)
    assert conv(found) == Convolution("full", kernel, ("conv",), "silu", True, norm, width=WIDTH)


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("none", []),
        ("[]", []),
        ("conv3x3", ["full3*64"]),
        ("[conv3x3]", ["full3*64"]),
        ("[conv1x1, relu]", ["full1*64", "relu"]),
        ("relu", ["relu"]),
        ("c2f", ["c2f*64(depth=1, shortcut=false, expansion=0.5)"]),
        ("{block: c2f, depth: 3}", ["c2f*64(depth=3, shortcut=false, expansion=0.5)"]),
        ("{block: c2f, width: 32}", ["c2f*32(depth=1, shortcut=false, expansion=0.5)"]),
        ("{block: residual}", ["residual(depth=1, expansion=0.5)"]),
        ("l2_norm", ["l2_norm(scale=20.0)"]),
        ("{conv: full, kernel: 1, order: [conv]}", ["full1*64"]),
        ("{conv: full, stride: 4, order: [conv, norm, act]}", ["full3/4*64-norm-silu"]),
        ("{conv: full, width: 32, order: [conv]}", ["full3*32"]),
        ("{conv: depthwise, order: [conv]}", ["depthwise3"]),
        ("{conv: full, padding: none, order: [conv]}", ["full3*64(valid)"]),
        ("{conv: full, kernel: 1, padding: none, order: [conv]}", ["full1*64"]),
        ("[{pool: max, kernel: 3, stride: 2}]", ["maxpool3/2"]),
        ("{pool: avg, kernel: 2, stride: 2}", ["avgpool2/2"]),
        ("{pool: max}", ["maxpool3/1"]),
        ("{pool: max, stride: 4}", ["maxpool5/4"]),
        ("{up: bilinear}", ["^1(bilinear)"]),
        ("{up: nearest, levels: 2}", ["^2"]),
        ("{down: max_pool, levels: 3}", ["v3"]),
        ("[{conv: full, order: [conv]}, {kernel: 5, conv: full, order: [conv]}]",
         ["full3*64", "full5*64"]),
    ],
)  # fmt: skip
def test_op_is_a_step_or_a_list_of_them(op, expected):
    assert [step_text(step) for step in style(f"op: {op}").steps] == expected


@pytest.mark.parametrize(
    ("own", "network", "expected"),
    [
        ("[{kernel: 1}]", "{conv: full, kernel: 5, order: [conv, norm]}", ["full1*64-norm"]),
        ("[{kernel: 1}]", "conv3x3", ["full1*64"]),
        ("[{kernel: 1}]", "none", ["silu-separable1*64-norm"]),
        ("[{kernel: 1}]", "[relu, conv3x3]", ["silu-separable1*64-norm"]),
        ("[relu, {conv: full}]", "{order: [conv]}", ["relu", "full3*64"]),
        ("{kernel: 1}", "c2f", ["silu-separable1*64-norm"]),
        ("[{stride: 2}]", "{conv: full, order: [conv], stride: 4}", ["full3/2*64"]),
        ("[conv1x1]", "{order: [conv, norm]}", ["full1*64"]),
    ],
)
def test_convolution_among_steps_is_completed_by_that_of_the_network(own, network, expected):
    found = style(f"op: {own}", f"op: {network}")
    assert [step_text(step) for step in found.steps] == expected


def test_steps_replace_those_of_later_places():
    assert style("op: relu", "op: [conv1x1, conv3x3]").steps == (Activate("relu"),)


def test_width_is_kept_where_a_node_has_none():
    sink = Sink()
    tree = parse_tree(b"op: [conv1x1, c2f]\n", "s.yaml", sink)
    steps = read_style([tree], Reader(sink), None).steps
    assert [step_text(step) for step in steps] == [
        "full1",
        "c2f(depth=1, shortcut=false, expansion=0.5)",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("down: conv3x3", "full3/2"),
        ("down: {conv: full, kernel: 5, order: [conv, norm]}", "full5/2-norm"),
        ("down: {kernel: 1}\nop: {conv: full, order: [conv]}", "full1/2"),
        ("down: {conv: depthwise, order: [conv]}", "depthwise3/2"),
    ],
)
def test_learned_downsampling_halves_the_map_and_keeps_the_width(text, expected):
    down = style(text).resampling.down
    assert isinstance(down, Convolution)
    assert (step_text(down), down.stride, down.width) == (expected, 2, None)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("up: carafe", {"kernel": 5, "hidden": 64}),
        ("up: {block: carafe, kernel: 3}", {"kernel": 3, "hidden": 64}),
        ("up: pixel_shuffle", {}),
    ],
)
def test_learned_upsampling_is_a_block_that_doubles_the_map(text, options):
    up = style(text).resampling.up
    assert isinstance(up, Block)
    assert (dict(up.options), up.levels, up.width) == (options, -1, None)


@pytest.mark.parametrize("sharing", ["per_edge", "per_source", "per_source_level"])
def test_adapters_are_shared_as_the_spec_says(sharing):
    assert style(f"adapters: {{sharing: {sharing}}}").adapting.sharing == sharing
    assert style("").adapting.sharing == "per_edge"


def test_gate_is_completed_by_the_settings_of_all_gates():
    found = style("fusion: {kind: gate, by: first}", "gate: {by: last, pool: avg}").fusion
    assert dict(found.options) == {"by": "first", "pool": "avg"}


def test_no_op_hides_those_of_later_places():
    assert style("op: none", "", "", "op: {kernel: 5}").steps == ()


def test_own_op_wins_over_no_op_of_later_places():
    assert conv(style("op: {kernel: 5}", "", "op: none")).kernel == 5


def test_own_op_completes_a_short_one_of_later_places():
    found = conv(style("op: {kernel: 5}", "", "op: conv1x1"))
    assert (found.kind, found.kernel, found.order) == ("full", 5, ("conv",))


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
    assert conv(style(text)).bias is bias


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
    assert conv(found).norm == found.adapting.norm == Norm(1e-5, 0.1)
