"""Published networks as rewrites of each other: the ground truth that the passes must reach.

Figures and node lists: google/automl `bifpn_config` and `qufpn_config`, effdet `fpn_config`, and
the EfficientDet paper (arXiv 1911.09070, section 3.2).
"""

import ast
from collections import Counter

import pytest

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Adapt, Input
from fpncompiler.passes import REWRITES
from fpncompiler.passes.add_same_level_skip import add_same_level_skip
from fpncompiler.passes.prune_single_input import prune_single_input
from fpncompiler.pipeline import Options, compile_spec
from fpncompiler.spec.reading import Levels
from fpncompiler.spec.topology import PASSES
from tests.passes.graphs import (
    REVERSED_PANET,
    compiled,
    counts,
    fuse,
    graph,
    isomorphic,
    layer,
    published,
    sources,
    unary,
)

BIFPN = {
    "p6_td": ["p6_in", "p7_in"],
    "p5_td": ["p5_in", "p6_td"],
    "p4_td": ["p4_in", "p5_td"],
    "p3_td": ["p3_in", "p4_td"],
    "p4_out": ["p4_in", "p4_td", "p3_td"],
    "p5_out": ["p5_in", "p5_td", "p4_out"],
    "p6_out": ["p6_in", "p6_td", "p5_out"],
    "p7_out": ["p7_in", "p6_out"],
}

# levels -> nodes and edges of PANet, simplified PANet, BiFPN; levels that get a skip
RANGES = {
    (3, 7): ((10, 18), (8, 16), (8, 19), [4, 5, 6]),
    (2, 7): ((12, 22), (10, 20), (10, 24), [3, 4, 5, 6]),
    (3, 8): ((12, 22), (10, 20), (10, 24), [4, 5, 6, 7]),
    (3, 5): ((6, 10), (4, 8), (4, 9), [4]),
    (3, 4): ((4, 6), (2, 4), (2, 4), []),
}


def panet(**options):
    return layer("panet", **options)


def skips(before: Graph, after: Graph) -> list[int]:
    """The levels whose output gained its own input."""
    gained = (n for n in after.computed() if len(after.inputs(n)) > len(before.inputs(n)))
    return sorted(after.op(node).level for node in gained)


@pytest.mark.parametrize("levels", RANGES, ids=lambda r: f"P{r[0]}-P{r[1]}")
def test_each_stage_has_the_published_numbers_of_nodes_and_edges(levels):
    before, pruned, skipped, skip_levels = RANGES[levels]
    stages = dict(compiled("bifpn", levels=Levels(*levels)).stages)
    assert [*stages] == ["build", "prune_single_input", "add_same_level_skip"]
    assert counts(stages["build"]) == before == counts(panet(levels=Levels(*levels)))
    assert counts(stages["prune_single_input"]) == pruned
    assert counts(stages["add_same_level_skip"]) == skipped
    assert skips(stages["prune_single_input"], stages["add_same_level_skip"]) == skip_levels


def test_panet_has_two_nodes_with_one_input():
    found = sources(panet())
    assert {node: inputs for node, inputs in found.items() if len(inputs) != 2} == {
        "p7_td": ["p7_in"],
        "p3_out": ["p3_td"],
    }
    assert found["p6_td"] == ["p6_in", "p7_td"]
    assert found["p4_out"] == ["p4_td", "p3_out"]
    assert found["p7_out"] == ["p7_td", "p6_out"]


def test_bifpn_reads_its_inputs_in_the_order_of_automl():
    bifpn = layer("bifpn")
    assert sources(bifpn) == BIFPN
    assert bifpn.outputs == {3: "p3_td", 4: "p4_out", 5: "p5_out", 6: "p6_out", 7: "p7_out"}


@pytest.mark.parametrize(
    ("spec", "levels", "name"),
    [
        ("fpn", (3, 7), "fpn_efficientdet"),
        ("panet", (3, 7), "panet_efficientdet"),
        ("simplified_panet", (3, 7), "simplified_panet"),
        ("bifpn", (3, 7), "bifpn"),
        ("bifpn", (2, 7), "bifpn_dyn_P2_P7"),
        ("bifpn", (3, 8), "bifpn_P3_P8"),
        ("bifpn", (3, 5), "bifpn_P3_P5"),
    ],
)
def test_layer_is_the_published_one_but_for_names(spec, levels, name):
    assert isomorphic(layer(spec, levels=Levels(*levels)), published(name))


def test_isomorphism_tells_the_order_of_inputs_apart():
    changed = published("bifpn")
    changed.set_inputs("P4_out", changed.inputs("P4_out")[::-1])
    assert not isomorphic(changed, published("bifpn"))


def test_skip_before_prune_is_another_network():
    swapped = prune_single_input(add_same_level_skip(panet()))
    assert counts(swapped) == (9, 21)
    assert "p3_out" in swapped
    assert "p7_td" not in swapped
    assert sources(swapped)["p7_out"] == ["p7_in", "p6_out"]  # not p7_in twice


def test_skip_doubles_no_edge():
    found = sources(layer("bifpn"))
    assert found["p3_td"].count("p3_in") == found["p7_out"].count("p7_in") == 1
    assert all(len(set(inputs)) == len(inputs) for inputs in found.values())


@pytest.mark.parametrize("rewrite", [prune_single_input, add_same_level_skip])
@pytest.mark.parametrize("levels", RANGES, ids=lambda r: f"P{r[0]}-P{r[1]}")
def test_rewrite_changes_nothing_the_second_time(rewrite, levels):
    bifpn = layer("bifpn", levels=Levels(*levels))
    again = rewrite(bifpn)
    assert again is not bifpn
    assert (sources(again), again.outputs) == (sources(bifpn), bifpn.outputs)


def test_rewrites_leave_the_graph_that_they_are_given_alone():
    before = panet()
    expected = sources(before), dict(before.outputs)
    add_same_level_skip(prune_single_input(before))
    assert (sources(before), before.outputs) == expected


def test_node_with_one_input_from_another_level_stays():
    pools = {"p5_in": (Input(5, 64),), "p6": (fuse(6), "p5_in"), "p7": (fuse(7), "p6")}
    pyramid = graph(pools, {6: "p6", 7: "p7"})
    assert sources(prune_single_input(pyramid)) == {"p6": ["p5_in"], "p7": ["p6"]}


def test_unary_nodes_stay_where_a_fusing_node_with_one_input_goes():
    lin = """\
fpnc: 1
name: lin
levels: 3..5
nodes:
  lateral(l): [in(l)]
  m(l): [lateral(l), m(l+1)]
  out(l): [m(l)]
outputs: out
"""
    found = sources(prune_single_input(layer(lin)))
    assert "p5_m" not in found
    assert found["p5_out"] == ["p5_lateral"]
    assert sum(len(inputs) == 1 for inputs in found.values()) == 6


def test_keep_exempts_a_node_from_pruning():
    keeping = REVERSED_PANET.replace(
        "bu(l): [in(l), bu(l-1)]", "bu(l): {inputs: [in(l), bu(l-1)], keep: true}"
    )
    assert sources(layer(keeping))["p3_bu"] == ["p3_in"]
    assert "p7_out" not in layer(keeping)


def test_prune_on_the_top_down_network_returns_a_raw_input():
    pruned = prune_single_input(layer("fpn"))
    assert pruned.outputs[7] == "p7_in"
    assert "p7_td" not in pruned


def test_prune_reaches_a_fixpoint_through_a_chain():
    chain = {"p4_in": (Input(4, 64),), "a": (fuse(4), "p4_in"), "b": (fuse(4), "a")}
    chain |= {"c": (fuse(4), "a", "b"), "d": (fuse(4), "c")}
    pruned = prune_single_input(graph(chain, {4: "d"}))
    assert sources(pruned) == {}
    assert pruned.outputs == {4: "p4_in"}


def test_rewrites_see_one_layer_and_repeat_sees_their_result():
    network = compiled("bifpn").network
    assert [stage.repeats for stage in network.layers] == [1, 2]
    for part in network.layers:
        assert sources(part.graph) == BIFPN
        own = {n for n in part.graph.nodes() if isinstance(part.graph.op(n), Input)}
        assert own == {f"p{level}_in" for level in range(3, 8)}


def test_pruned_output_is_returned_first_by_every_layer():
    tree = ast.parse(compiled("bifpn").source)
    layers = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name.endswith("Layer")]
    returned = {
        node.name: ast.unparse(statement.value)
        for node in layers
        for statement in ast.walk(node)
        if isinstance(statement, ast.Return) and statement.value
    }
    expected = "[p3_td, p4_out, p5_out, p6_out, p7_out]"
    assert returned == {"FirstLayer": expected, "RepeatedLayer": expected}


@pytest.mark.parametrize(
    ("spec", "levels", "expected"),
    [
        ("panet", (3, 5), {"p3_in": 1, "p4_in": 1, "p5_in": 1}),
        ("simplified_panet", (3, 5), {"p3_in": 1, "p4_in": 1, "p5_in": 2}),
        ("panet", (3, 7), {"p3_in": 1, "p4_in": 1, "p5_in": 1}),
        ("simplified_panet", (3, 7), {"p3_in": 1, "p4_in": 1, "p5_in": 1}),
        ("bifpn", (3, 7), {"p3_in": 1, "p4_in": 2, "p5_in": 2}),
    ],
)
def test_adapters_stand_on_each_edge_that_leaves_a_raw_feature(spec, levels, expected):
    network = compiled(spec, levels=Levels(*levels)).network
    first, *rest = network.layers
    assert adapters(first.graph) == expected
    assert all(adapters(part.graph) == {} for part in rest)
    assert adapters(network.extra) == ({"c5": 1} if levels == (3, 7) else {})


def adapters(part: Graph) -> dict[str, int]:
    edges = (edge for node in part.computed() for edge in part.inputs(node))
    return dict(Counter(e.source for e in edges if any(isinstance(s, Adapt) for s in e.via)))


def test_nodes_that_no_head_reads_go_from_the_last_layer_alone(tmp_path):
    (tmp_path / "models").mkdir()
    model = (
        "fpnc: 1\nmodel: segmentation\nbackbone: tf_efficientnet_b4\nwidth: 128\ndepth: 3\n"
        "heads: {levels: 2..2}\n"
    )
    (tmp_path / "models/segmentation.yaml").write_text(model)
    (tmp_path / "models/detection.yaml").write_text(
        model.replace("{levels: 2..2}", "{levels: 2..7}").replace("segmentation", "detection")
    )
    spec = tmp_path / "p2.yaml"
    spec.write_text("fpnc: 1\nname: p2\nextends: bifpn\nlevels: 2..7\n")
    lean = compile_spec(spec, Options(model="segmentation"))
    full = compile_spec(spec, Options(model="detection"))
    assert full.cost.network.parameters == 772_168
    assert full.cost.network.parameters - lean.cost.network.parameters == 89_614
    first, middle, last = (part.graph for part in lean.network.layers)
    assert counts(first)[0] == counts(middle)[0] == 10
    assert [*last.computed()] == ["p6_td", "p5_td", "p4_td", "p3_td", "p2_td"]
    assert lean.network.outputs == (2,)


def test_reversed_panet_becomes_the_other_half_of_qufpn():
    reversed_bifpn = layer(REVERSED_PANET)
    assert counts(reversed_bifpn) == (8, 19)
    assert "p3_bu" not in reversed_bifpn
    assert "p7_out" not in reversed_bifpn
    assert reversed_bifpn.outputs[7] == "p7_bu"


def test_two_bifpns_in_parallel_and_a_merge_are_qufpn():
    merged = Graph("qufpn")
    halves = [("a", layer("bifpn")), ("b", layer(REVERSED_PANET))]
    for prefix, half in halves:
        _add_half(merged, half, prefix)
    for level in halves[0][1].outputs:
        node = f"p{level}_merged"
        ends = tuple(Edge(_renamed(half, half.outputs[level], prefix)) for prefix, half in halves)
        merged.add_node(node, fuse(level))
        merged.set_inputs(node, ends)
        merged.outputs[level] = node
    assert counts(merged) == (21, 48)
    assert isomorphic(merged, published("qufpn"))


def _renamed(half: Graph, node: str, prefix: str) -> str:
    return node if isinstance(half.op(node), Input) else f"{prefix}_{node}"


def _add_half(merged: Graph, half: Graph, prefix: str) -> None:
    for node in half.order():
        name = _renamed(half, node, prefix)
        if name not in merged:
            merged.add_node(name, half.op(node))
        ends = (Edge(_renamed(half, edge.source, prefix)) for edge in half.inputs(node))
        merged.set_inputs(name, tuple(ends))


def test_nas_fpn_is_changed_by_skips_and_not_by_pruning():
    nas_fpn = published("nas_fpn")
    pruned = prune_single_input(nas_fpn)
    assert (sources(pruned), pruned.outputs) == (sources(nas_fpn), nas_fpn.outputs)
    assert counts(nas_fpn) == (7, 16)
    assert skips(nas_fpn, add_same_level_skip(nas_fpn)) == [4, 6]


def test_skip_passes_over_unary_outputs_and_levels_without_input():
    nodes = {"p4_in": (Input(4, 64),), "td": (fuse(4), "p4_in"), "out": (unary(4), "td")}
    nodes |= {"up": (fuse(3), "td", "out")}
    assert add_same_level_skip(graph(nodes, {3: "up", 4: "out"})).edge_count() == 4


def test_a_spec_can_name_every_rewrite_and_no_other():
    assert set(PASSES) == set(REWRITES)
