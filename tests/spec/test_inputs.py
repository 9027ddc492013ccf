"""What a node reads: edges with steps of their own, fusions within a fusion."""

import pytest

from fpncompiler.ir.graph import Graph
from fpncompiler.ir.ops import Fuse, Unary
from fpncompiler.ir.text import print_graph, step_text
from tests.passes.graphs import compiled, layer, sources

HEAD = "fpnc: 1\nname: mine\nlevels: 3..7\noutputs: td\nop: none\nnodes:\n"


def built(node: str, head: str = HEAD) -> Graph:
    """The layer of a spec whose node at level 4 is as given."""
    return layer(f"{head}  td(l): [in(l), in(l)]\n  td(4): {node}\n")


def fuse(graph: Graph, node: str) -> Fuse:
    op = graph.op(node)
    assert isinstance(op, Fuse)
    return op


def via(graph: Graph, node: str = "p4_td") -> list[list[str]]:
    return [[step_text(step) for step in edge.via] for edge in graph.inputs(node)]


@pytest.mark.parametrize(
    "node",
    [
        "[{from: in(5), via: relu}]",
        "[{from: in(5), via: [relu]}]",
        "{inputs: [{from: in(5), via: relu}]}",
        "{inputs: {from: in(5), via: relu}}",
        "{from: in(5), via: relu}",
        "\n    from: in(5)\n    via: relu",
    ],
)
def test_edge_with_steps_is_written_in_many_ways(node):
    found = built(node)
    assert sources(found)["p4_td"] == ["p5_in"]
    assert via(found) == [["relu"]]
    assert isinstance(found.op("p4_td"), Unary)


@pytest.mark.parametrize("steps", ["", ", via: none", ", via: []"])
def test_edge_without_steps_is_a_reference(steps):
    assert via(built(f"[in(4), {{from: in(5){steps}}}]")) == [[], []]


def test_steps_of_a_reference_to_several_stand_on_each_edge():
    found = built("[{from: in(*), via: [conv1x1, relu]}]")
    assert via(found) == [["full1*64", "relu"]] * 5


def test_convolution_on_an_edge_leads_to_the_width_of_its_reader():
    found = built("{inputs: [in(4), {from: in(5), via: conv1x1}], width: 48}")
    assert via(found) == [[], ["full1*48"]]


def test_convolution_into_a_concatenation_keeps_its_width():
    found = built("{inputs: [in(4), {from: in(5), via: conv1x1}], fusion: concat, width: 48}")
    assert via(found) == [[], ["full1"]]


def test_convolution_on_an_edge_takes_what_it_does_not_say_from_the_network():
    head = HEAD.replace("op: none", "op: {conv: full, kernel: 5, order: [conv, norm]}")
    found = built("[in(4), {from: in(5), via: {kernel: 1}}]", head)
    assert via(found)[1] == ["full1*64-norm"]


def test_step_of_an_edge_may_change_the_level():
    found = built("[in(4), {from: in(3), via: {conv: full, stride: 2, order: [conv]}}]")
    assert via(found) == [[], ["full3/2*64"]]
    assert "p3_in *64" not in print_graph(found)
    network = compiled(
        f"{HEAD}  td(l): [in(l), in(l)]\n"
        "  td(4): [in(4), {from: in(3), via: {conv: full, stride: 2, order: [conv]}}]\n"
    ).network
    first = network.layers[0].graph
    assert via(first) == [["*64"], ["full3/2*64"]]  # no resampling behind it


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("[relu, sigmoid]", ["*64", "relu", "sigmoid", "^1"]),
        ("[relu, resample, sigmoid]", ["*64", "relu", "^1", "sigmoid"]),
        ("[resample, relu]", ["*64", "^1", "relu"]),
        ("[resample]", ["*64", "^1"]),
    ],
)
def test_resampling_stands_where_the_edge_says(steps, expected):
    text = (
        f"{HEAD}  td(l): [in(l), in(l)]\n  td(4): [in(4), {{from: in(5), via: {steps}}}]\n"
        "  td(7): {inputs: [in(7), {from: in(7), via: [resample, relu]}]}\n"
    )
    first = compiled(text).network.layers[0].graph
    assert via(first)[1] == expected
    assert via(first, "p7_td")[1] == ["relu"]  # no level to change


def test_nested_fusion_is_a_node_of_its_own():
    found = built("[{softmax: [in(4), in(5)], granularity: channel}, in(3)]")
    assert sources(found)["p4_td"] == ["p4_td_softmax", "p3_in"]
    assert sources(found)["p4_td_softmax"] == ["p4_in", "p5_in"]
    inner = fuse(found, "p4_td_softmax")
    assert (inner.fusion.kind, inner.fusion.granularity) == ("softmax", "channel")
    assert (inner.nested, inner.steps, inner.fuse_width, inner.level) == (True, (), 64, 4)


@pytest.mark.parametrize(
    "node", ["{max: [in(4), in(5)]}", "[{max: [in(4), in(5)]}]", "{inputs: {max: [in(4), in(5)]}}"]
)
def test_nested_fusion_alone_is_one_input(node):
    found = built(node)
    assert sources(found)["p4_td"] == ["p4_td_max"]
    assert isinstance(found.op("p4_td"), Unary)


def test_gate_in_place_of_a_list_is_an_input_and_as_a_mapping_a_setting():
    read = built("{gate: [in(6), in(4)], by: first}")
    assert sources(read)["p4_td"] == ["p4_td_gate"]
    assert dict(fuse(read, "p4_td_gate").fusion.options) == {"by": "first", "pool": "max"}
    setting = built("{inputs: [in(6), in(4)], fusion: gate, gate: {pool: avg}}")
    assert dict(fuse(setting, "p4_td").fusion.options) == {"by": "last", "pool": "avg"}


def test_settings_of_all_gates_are_those_of_each_that_says_nothing_else():
    head = HEAD.replace("nodes:", "gate: {by: first, pool: avg}\nnodes:")
    found = built("[{gate: [in(6), in(4)]}, {gate: [in(5), in(4)], pool: max}]", head)
    options = [dict(fuse(found, name).fusion.options) for name in ("p4_td_gate", "p4_td_gate2")]
    assert options == [{"by": "first", "pool": "avg"}, {"by": "first", "pool": "max"}]


def test_fusions_nest_to_any_depth_and_have_names_of_their_own():
    found = built("[{sum: [{sum: [in(3), in(4)]}, in(5)]}, {sum: [in(6), in(7)]}]")
    assert sources(found)["p4_td"] == ["p4_td_sum", "p4_td_sum2"]
    assert sources(found)["p4_td_sum"] == ["p4_td_sum_sum", "p5_in"]
    assert sources(found)["p4_td_sum_sum"] == ["p3_in", "p4_in"]


def test_nested_fusion_is_named_apart_from_a_node_of_the_spec():
    found = layer(f"{HEAD}  td_sum(l): [in(l)]\n  td(l): [{{sum: [in(l), in(l+1)]}}, td_sum(l)]\n")
    assert sources(found)["p4_td"] == ["p4_td_sum2", "p4_td_sum"]
    assert sources(found)["p4_td_sum"] == ["p4_in"]


def test_edges_of_a_nested_fusion_have_steps_too():
    found = built("[{sum: [{from: in(5), via: conv3x3}, in(4)]}, in(3)]")
    assert via(found, "p4_td_sum") == [["full3*64"], []]


def test_nested_fusion_whose_inputs_all_drop_out_is_none():
    found = layer(f"{HEAD}  td(l): [{{sum: [in(l+1), in(l+2)]}}, in(l)]\n")
    assert sources(found)["p7_td"] == ["p7_in"]
    assert "p7_td_sum" not in found


def test_nested_fusion_stands_at_the_level_from_which_the_steps_start():
    node = "{inputs: [{sum: [in(3), in(4)]}, in(3)], op: {conv: full, stride: 2, order: [conv]}}"
    found = built(node)
    assert [fuse(found, name).level for name in ("p4_td", "p4_td_sum")] == [4, 3]


def test_nested_concatenation_keeps_the_width_of_what_comes():
    text = f"{HEAD}  td(l): [in(l), in(l)]\n  td(4): [{{concat: [in(4), in(5)]}}, in(4)]\n"
    first = compiled(text).network.layers[0].graph
    assert first.op("p4_td_concat").width == 112 + 320
    assert via(first) == [["*64"], ["*64"]]


def test_single_input_does_not_fuse_whatever_the_fusion():
    head = HEAD.replace("op: none", "op: none\nfusion: gate")
    found = built("[in(5)]", head)
    assert isinstance(found.op("p4_td"), Unary)


def test_extended_spec_may_replace_an_edge_with_steps():
    text = (
        "fpnc: 1\nname: mine\nextends: panet\nnodes:\n  td(l): {from: in(l), via: relu}\n"
        "  out(l): {max: [td(l), in(l)]}\n"
    )
    found = layer(text)
    assert sources(found)["p4_td"] == ["p4_in"]
    assert sources(found)["p4_out"] == ["p4_out_max"]
