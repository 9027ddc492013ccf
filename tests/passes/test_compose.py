"""Networks of several layers: one upside down, side by side, one after another."""

import re

import pytest

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Activate, Convolution, Downsample, Input, Norm, Upsample
from fpncompiler.ir.verify import verify
from fpncompiler.passes.compose import mirror, mirror_fault, side_by_side
from fpncompiler.pipeline import Compiled, Options, compile_spec
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
)

STRIDED = Convolution("full", 3, ("conv",), "relu", True, Norm(1e-3, 0.01), stride=2)
QUFPN = "fpnc: 1\nname: mine\nlevels: 3..7\nparallel: [bifpn, {mirror: bifpn}]\n"


def test_mirror_turns_levels_and_keeps_the_order_of_inputs():
    found = mirror(layer("fpn"), 3, 7)
    assert sources(found) == {
        "p3_td": ["p3_in"],
        "p4_td": ["p4_in", "p3_td"],
        "p5_td": ["p5_in", "p4_td"],
        "p6_td": ["p6_in", "p5_td"],
        "p7_td": ["p7_in", "p6_td"],
    }
    assert found.outputs == {level: f"p{level}_td" for level in range(3, 8)}
    verify(found, "mirror")


def test_mirrored_bifpn_is_that_of_the_reversed_panet():
    assert isomorphic(mirror(layer("bifpn"), 3, 7), layer(REVERSED_PANET))


@pytest.mark.parametrize("spec", ["fpn", "panet", "bifpn"])
def test_mirror_of_the_mirror_is_the_layer(spec):
    before = layer(spec)
    expected = sources(before), dict(before.outputs)
    again = mirror(mirror(before, 3, 7), 3, 7)
    assert (sources(again), again.outputs) == expected == (sources(before), before.outputs)


def test_nodes_by_name_keep_it_in_the_mirror():
    made = graph({"p3_in": (Input(3, 64),), "gp": (fuse(3), "p3_in")}, {3: "gp"})
    found = mirror(made, 3, 5)
    assert (sources(found), found.outputs) == ({"gp": ["p5_in"]}, {5: "gp"})


def with_edge(*via) -> Graph:
    made = graph({"i": (Input(3, 64),), "a": (fuse(3), "i", "i")}, {3: "a"})
    made.set_inputs("a", (Edge("i", tuple(via)), Edge("i")))
    return made


@pytest.mark.parametrize(
    "via",
    [(STRIDED,), (Upsample("nearest", 1),), (Activate("relu"), Downsample("max_pool", 1, "same"))],
)
def test_steps_that_change_the_level_have_no_mirror(via):
    assert mirror_fault(with_edge(*via)) == "the steps of `a` change the level"


def test_backbone_has_no_mirror():
    made = graph({"i": (Input(3, 64, "backbone"),), "a": (fuse(3), "i")}, {3: "a"})
    assert mirror_fault(made) == "it reads level 3 of the backbone"


def test_other_steps_have_a_mirror():
    assert mirror_fault(with_edge(Activate("relu"))) == ""
    assert mirror_fault(layer("bifpn")) == ""


def test_branches_share_inputs_and_have_names_of_their_own():
    merging = {level: fuse(level) for level in range(3, 8)}
    found = side_by_side("two", [layer("fpn"), layer("panet")], merging)
    verify(found, "side_by_side")
    assert sources(found)["p6_a_td"] == ["p6_in", "p7_a_td"]
    assert sources(found)["p6_b_out"] == ["p6_b_td", "p5_b_out"]
    assert sources(found)["p6_out"] == ["p6_a_td", "p6_b_out"]
    assert found.outputs == {level: f"p{level}_out" for level in range(3, 8)}
    inputs = [node for node in found.nodes() if isinstance(found.op(node), Input)]
    assert inputs == [f"p{level}_in" for level in range(3, 8)]


def test_node_by_name_is_renamed_in_its_branch():
    made = graph({"p3_in": (Input(3, 64),), "gp": (fuse(3), "p3_in")}, {3: "gp"})
    found = side_by_side("two", [made, made], {3: fuse(3)})
    assert sources(found) == {"a_gp": ["p3_in"], "b_gp": ["p3_in"], "p3_out": ["a_gp", "b_gp"]}


def test_branch_may_return_an_input():
    made = graph({"p3_in": (Input(3, 64),)}, {3: "p3_in"})
    other = graph({"p3_in": (Input(3, 64),), "p3_a": (fuse(3), "p3_in", "p3_in")}, {3: "p3_a"})
    found = side_by_side("two", [made, other], {3: fuse(3)})
    assert sources(found)["p3_out"] == ["p3_in", "p3_b_a"]


def test_bifpn_beside_its_mirror_is_qufpn():
    found = layer(QUFPN)
    assert counts(found) == (21, 48)
    assert isomorphic(found, published("qufpn"))


def test_branches_take_what_they_leave_open_from_the_spec_that_merges_them_but_its_fusion():
    found = layer(QUFPN + "fusion: softmax\nop: {kernel: 5}\nwidth: 24\n")
    merged, branch = found.op("p4_out"), found.op("p4_a_out")
    assert (merged.fusion.kind, branch.fusion.kind) == ("softmax", "fast_normalized")
    assert [merged.steps[0].kernel, branch.steps[0].kernel] == [5, 5]
    assert [merged.width, branch.width] == [24, 24]


def test_a_branch_keeps_what_it_says_itself(tmp_path):
    found = specs(
        tmp_path,
        mine="parallel: [a, b]\nop: conv1x1\nlet: {wide: 8}\nwidth: 2 * wide\nfusion: max\n",
        a="op: conv3x3\nwidth: 40\n" + TD,
        b="let: {wide: 12}\n" + BU,
    ).layer
    ops = {node: found.op(node) for node in ("p4_out", "p4_a_td", "p4_b_bu")}
    assert [op.steps[0].kernel for op in ops.values()] == [1, 3, 1]
    assert [op.width for op in ops.values()] == [16, 40, 24]
    assert [op.fusion.kind for op in ops.values()] == ["max", "sum", "sum"]


def specs(folder, **texts: str) -> Compiled:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(f"fpnc: 1\nname: {name}\nlevels: 3..5\n{text}")
    return compile_spec(folder / "mine.yaml", Options())


TD = "nodes:\n  td(l): [in(l), td(l+1)]\noutputs: td\n"
BU = "nodes:\n  bu(l): [in(l), bu(l-1)]\noutputs: bu\n"


def test_branches_are_rewritten_before_they_stand_side_by_side(tmp_path):
    found = specs(
        tmp_path, mine="parallel: [a, b]\n", a=TD + "passes: [prune_single_input]\n", b=TD
    ).layer
    assert sources(found)["p5_out"] == ["p5_in", "p5_b_td"]


def test_branch_may_have_branches(tmp_path):
    found = specs(tmp_path, mine="parallel: [a, b]\n", a="parallel: [b, c]\n", b=TD, c=BU).layer
    assert sources(found)["p4_out"] == ["p4_a_out", "p4_b_td"]
    assert sources(found)["p4_a_out"] == ["p4_a_a_td", "p4_a_b_bu"]


def test_branches_run_at_the_levels_of_the_spec_that_names_them(tmp_path):
    found = specs(tmp_path, mine="parallel: [a, bifpn]\n", a=TD)
    assert found.layer.outputs == {level: f"p{level}_out" for level in range(3, 6)}


def test_layer_takes_every_input_though_no_branch_reads_it(tmp_path):
    nodes = "inputs: 3..4\nnodes:\n  td(l): [in(*), td(l+1)]\noutputs: td\n"
    found = specs(tmp_path, mine="parallel: [a, b]\n", a=nodes, b=nodes)
    assert "p3_in, p4_in, _p5_in = features" in found.source


def test_network_after_another_reads_what_that_one_returns(tmp_path):
    found = specs(tmp_path, mine=TD + "after: a\ndepth: 2\n", a=BU + "depth: 1\nwidth: 32\n")
    graphs = [part.graph for part in found.network.layers]
    assert [part.repeats for part in found.network.layers] == [1, 1, 1]
    assert ["p3_bu" in part for part in graphs] == [True, False, False]
    assert [part.op("p3_in").width for part in graphs] == [40, 32, 64]
    assert found.network.depth == 3


def test_backbone_is_read_by_the_first_of_several_networks(tmp_path):
    found = specs(
        tmp_path,
        mine=TD.replace("in(l)", "in(l), backbone(l)") + "after: a\ndepth: 1\n",
        a=BU + "depth: 1\n",
    )
    last = found.network.layers[-1].graph
    assert [last.op(f"p{level}_backbone").width for level in (3, 4, 5)] == [40, 112, 320]


def test_network_may_read_fewer_levels_than_the_one_before_returns(tmp_path):
    found = specs(tmp_path, mine=TD + "after: bifpn\ninputs: 3..5\ndepth: 1\n")
    assert found.network.levels == (3, 4, 5, 6, 7)
    first, *_, last = found.network.layers
    assert sorted(first.graph.outputs) == [3, 4, 5, 6, 7]
    assert sorted(last.graph.outputs) == [3, 4, 5]


def test_stages_are_those_of_the_last_network():
    found = compiled("fpnc: 1\nname: mine\nlevels: 3..7\nafter: bifpn\n" + TD)
    assert [name for name, _ in found.stages] == ["build"]
    assert "p4_td" in found.layer


def test_layers_of_growing_width_are_classes_of_their_own():
    nodes = "nodes:\n  td(l): {inputs: [in(l), in(l)], fusion: concat, op: none}\noutputs: td\n"
    found = compiled("fpnc: 1\nname: mine\nlevels: 3..5\ndepth: 4\n" + nodes)
    names = re.findall(r"^class (\w*Layer\d*)\(", found.source, re.MULTILINE)
    assert names == ["FirstLayer", "RepeatedLayer", "RepeatedLayer2", "LastLayer"]
    widths = [part.graph.op("p3_td").width for part in found.network.layers]
    assert widths == [80, 160, 320, 640]
