"""Declarations: which places a key means, and which of several wins at one place."""

import itertools

import pytest

from fpncompiler.spec.declarations import Declaration, Index, parse_declaration, wins
from tests.passes.graphs import layer, sources

HEAD = "fpnc: 1\nname: mine\nlevels: 3..7\n"
LAYERED = HEAD + "depth: 4\nk: 1..depth\noutputs: f\nnodes:\n"


def parsed(text: str) -> Declaration:
    found = parse_declaration(text)
    assert isinstance(found, Declaration)
    return found


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("td(l)", [3, 4, 5, 6, 7]),
        ("td( l )", [3, 4, 5, 6, 7]),
        ("td (4)", [4]),
        ("td(4..6)", [4, 5, 6]),
        ("td(4 .. 6)", [4, 5, 6]),
        ("td(5..5)", [5]),
        ("td(..4)", [3, 4]),
        ("td(6..)", [6, 7]),
    ],
)
def test_levels_of_a_declaration(text, levels):
    found = parsed(text)
    assert found.level
    assert (found.name, found.layer) == ("td", None)
    assert [*found.level.among(range(3, 8))] == levels


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("f(l, k)", [1, 2, 3, 4, 5]),
        ("f(l,k)", [1, 2, 3, 4, 5]),
        ("f(l, 2)", [2]),
        ("f(l, 2..)", [2, 3, 4, 5]),
        ("f(l, ..2)", [1, 2]),
        ("f(l, 2..4)", [2, 3, 4]),
        ("f(l, k even)", [2, 4]),
        ("f(4..5, k odd)", [1, 3, 5]),
    ],
)
def test_layers_of_a_declaration(text, layers):
    found = parsed(text)
    assert found.layer
    assert [*found.layer.among(range(1, 6))] == layers


def test_name_alone_has_no_indices():
    assert parsed("gp") == Declaration("gp", None, None)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("td(k)", "k"),
        ("td()", ""),
        ("td(..)", ".."),
        ("td(6..4)", "6..4"),
        ("td(l even)", "l even"),
        ("td(100)", "100"),
        ("f(l, l)", "l"),
        ("f(l, k-1)", "k-1"),
        ("f(l, last)", "last"),
        ("td[l]", "td[l]"),
        ("f(l, k, 1)", "f(l, k, 1)"),
        ("td(l)(l)", "td(l)(l)"),
        ("", ""),
    ],
)
def test_what_declares_nothing_is_named(text, index):
    assert parse_declaration(text) == index


ORDER = ["td(l)", "td(3..5)", "td(4)"]


@pytest.mark.parametrize("left", ORDER)
@pytest.mark.parametrize("right", ORDER)
def test_more_special_level_wins(left, right):
    distance = ORDER.index(left) - ORDER.index(right)
    expected = None if distance == 0 else distance > 0
    assert wins(parsed(left), parsed(right)) is expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("f(l, 1)", "f(l, k)", True),
        ("f(l, k odd)", "f(l, k)", True),
        ("f(l, 1)", "f(l, k odd)", True),
        ("f(4, 1)", "f(l, 1)", True),
        ("f(4, 1)", "f(3..5, 1..2)", True),
        ("f(l, k)", "f(4, k)", False),
        ("f(4, k)", "f(l, 1)", None),
        ("f(3..5, k)", "f(l, k even)", None),
        ("f(l, 1..2)", "f(l, k even)", None),
    ],
)
def test_winner_is_no_less_special_in_either_index(left, right, expected):
    assert wins(parsed(left), parsed(right)) is expected
    opposite = expected if expected is None else not expected
    assert wins(parsed(right), parsed(left)) is opposite


@pytest.mark.parametrize(
    ("text", "beyond"),
    [("1", None), ("3", None), ("4", 4), ("0", 0), ("2..", None), ("4..", None), ("..4", 4)],
)
def test_layer_beyond_is_one_that_is_named(text, beyond):
    found = parsed(f"f(l, {text})")
    assert found.layer
    assert found.layer.beyond(1, 3) == beyond


def test_parity_and_variable_name_no_layer():
    assert [Index(0).beyond(1, 3), parsed("f(l, k even)").layer.beyond(1, 1)] == [None, None]


def test_special_declarations_replace_general_ones_in_any_order():
    nodes = ["  td(l): [in(l)]", "  td(4..6): [in(l), in(l-1)]", "  td(5): [in(5), in(7)]"]
    expected = {
        "p3_td": ["p3_in"],
        "p4_td": ["p4_in", "p3_in"],
        "p5_td": ["p5_in", "p7_in"],
        "p6_td": ["p6_in", "p5_in"],
        "p7_td": ["p7_in"],
    }
    for order in (nodes, nodes[::-1], [nodes[1], nodes[2], nodes[0]]):
        found = layer(f"{HEAD}outputs: td\nnodes:\n" + "\n".join(order) + "\n")
        assert sources(found) == expected
        assert found.outputs == {level: f"p{level}_td" for level in range(3, 8)}


def test_ranges_are_the_reach_of_neighbours():
    text = HEAD + "depth: 1\noutputs: up\nnodes:\n  up(..5): [in(l), up(l+1)]\n"
    found = sources(layer(text))
    assert found == {
        "p5_up": ["p5_in"],
        "p4_up": ["p4_in", "p5_up"],
        "p3_up": ["p3_in", "p4_up"],
    }


def test_range_and_single_levels_are_one_family():
    text = HEAD + "outputs: td\nnodes:\n  td(..6): [in(l), td(l+1)]\n  td(7): [in(7), in(6)]\n"
    found = sources(layer(text))
    assert found["p6_td"] == ["p6_in", "p7_td"]
    assert found["p7_td"] == ["p7_in", "p6_in"]


def test_layers_are_unrolled_and_only_the_last_is_returned():
    found = layer(LAYERED + "  f(l, k): [in(l), f(l, k-1), f(l+1, k)]\n")
    assert sources(found)["p7_f1"] == ["p7_in"]
    assert sources(found)["p6_f1"] == ["p6_in", "p7_f1"]
    assert sources(found)["p6_f4"] == ["p6_in", "p6_f3", "p7_f4"]
    assert found.outputs == {level: f"p{level}_f4" for level in range(3, 8)}


def test_first_layer_and_parities_have_declarations_of_their_own():
    text = LAYERED + (
        "  f(l, 1): [in(l)]\n  f(l, k): [f(l, k-1), in(l)]\n"
        "  f(l, k even): [f(l, k-1), f(l+1, k)]\n"
    )
    found = sources(layer(text))
    assert [found[f"p4_f{k}"] for k in (1, 2, 3, 4)] == [
        ["p4_in"],
        ["p4_f1", "p5_f2"],
        ["p4_f2", "p4_in"],
        ["p4_f3", "p5_f4"],
    ]


@pytest.mark.parametrize(
    ("reference", "read"),
    [
        ("f(l, 1..k-1)", ["p4_f1", "p4_f2"]),
        ("f(l, k-2..k-1)", ["p4_f1", "p4_f2"]),
        ("f(l-1..l+1, k-1)", ["p3_f2", "p4_f2", "p5_f2"]),
        ("f(*, k-1)", ["p3_f2", "p4_f2", "p5_f2", "p6_f2", "p7_f2"]),
        ("f(l, 1)", ["p4_f1"]),
        ("f(l+4, k-1)", []),
        ("f(l, k-3)", []),
    ],
)
def test_what_a_layer_reads_of_earlier_ones(reference, read):
    nodes = f"  f(l, k): [in(l)]\n  f(l, 3): [in(l), {reference}]\n"
    assert sources(layer(LAYERED + nodes))["p4_f3"] == ["p4_in", *read]


def test_nodes_behind_all_layers_read_the_last_or_each_of_them():
    nodes = "  f(l, k): [in(l)]\n  g(l): [f(l, last)]\n  h(l):\n  - f(l, *)\n"
    found = sources(layer(LAYERED.replace("outputs: f", "outputs: h") + nodes))
    assert found["p4_g"] == ["p4_f4"]
    assert found["p4_h"] == ["p4_f1", "p4_f2", "p4_f3", "p4_f4"]


def test_outputs_name_levels_of_the_last_layer_or_of_another():
    text = LAYERED.replace("outputs: f", "outputs: [f(3), f(4, 2), f(5, last)]\ninputs: 3..7")
    found = layer(text + "  f(l, k): [in(l), f(l, k-1)]\n")
    assert found.outputs == {3: "p3_f4", 4: "p4_f2", 5: "p5_f4"}


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_open_range_of_layers_may_be_empty(depth):
    text = LAYERED.replace("depth: 4", f"depth: {depth}")
    found = layer(text + "  f(l, 1): [in(l)]\n  f(l, 2..): [f(l, k-1), in(l)]\n")
    assert len([*found.computed()]) == 5 * depth


def test_name_that_ends_in_a_digit_is_kept_apart_from_its_layer():
    text = LAYERED.replace("outputs: f", "outputs: f2")
    found = sources(layer(text + "  f2(l, k): [in(l), f2(l, k-1)]\n"))
    assert found["p4_f2_2"] == ["p4_in", "p4_f2_1"]


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_a_third_declaration_settles_two_in_whatever_order(order):
    lines = ["  f(3, k): [in(3)]\n", "  f(l, 2): [in(l), in(l)]\n", "  f(3, 2): [in(4)]\n"]
    nodes = "".join(lines[i] for i in order) + "  f(l, k): [in(l), in(5)]\n"
    found = sources(layer(LAYERED + nodes))
    assert (found["p3_f2"], found["p3_f1"]) == (["p4_in"], ["p3_in"])
    assert (found["p4_f2"], found["p4_f1"]) == (["p4_in", "p4_in"], ["p4_in", "p5_in"])
