"""What is on a drawing: boxes, arrows, frames and states, before they have places."""

import pytest

from fpncompiler.drawing.columns import columns
from fpncompiler.drawing.layers import layer_picture
from fpncompiler.drawing.networks import network_picture
from fpncompiler.drawing.picture import Picture
from fpncompiler.drawing.stages import stage_panels
from fpncompiler.ir.ops import Input
from fpncompiler.pipeline import Options, check_spec
from tests.drawing.specs import HARD, SPECS, checked

NAMES = [*SPECS, *HARD]


def edges(picture: Picture, state: str) -> set[str]:
    label = {box.id: box.label for box in picture.boxes}
    return {f"{label[a.source]} {label[a.target]}" for a in picture.arrows if a.state == state}


def boxes(picture: Picture, state: str) -> set[str]:
    return {box.label for box in picture.boxes if box.state == state}


def column_names(picture: Picture) -> list[list[str]]:
    placed = columns(picture)
    rows = sorted(picture.boxes, key=lambda box: -box.level)
    found = [[] for _ in range(1 + max(placed.values()))]
    for box in rows:
        found[placed[box.id]].append(box.label)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_has_a_box_a_node_and_an_arrow_an_edge(name):
    graph = checked(name).layer
    picture = layer_picture(graph)
    shown = [box for box in picture.boxes if box.role != "output"]
    assert sorted(box.label for box in shown) == sorted(graph.nodes())
    assert {box.label for box in shown if box.role == "input"} == {
        node for node in graph.nodes() if isinstance(graph.op(node), Input)
    }
    assert len(picture.arrows) == graph.edge_count() + len(graph.outputs)
    levels = {box.id: box.level for box in picture.boxes}
    for arrow in picture.arrows:
        down = levels[arrow.source] - levels[arrow.target]
        assert arrow.flow == ("finer" if down > 0 else "coarser" if down < 0 else "same")


@pytest.mark.parametrize("name", NAMES)
def test_arrows_go_to_the_right_or_within_a_column(name):
    network = checked(name).network
    for picture in (network_picture(network), network_picture(network, layers=3, adapters=True)):
        placed = columns(picture)
        frame_of = {box.id: box.frame for box in picture.boxes}
        assert all(placed[a.source] <= placed[a.target] for a in picture.arrows)
        places = {(placed[box.id], box.level) for box in picture.boxes}
        assert len(places) == len(picture.boxes)
        last = max(placed.values())
        assert all(placed[b.id] == last for b in picture.boxes if b.role == "output")
        for frame in set(frame_of.values()):
            before = [placed[box] for box, of in frame_of.items() if of < frame]
            assert all(
                placed[b] > max(before, default=-1) for b in frame_of if frame_of[b] == frame
            )


def test_families_are_columns():
    assert column_names(layer_picture(checked("panet").layer)) == [
        [f"p{level}_in" for level in (7, 6, 5, 4, 3)],
        [f"p{level}_td" for level in (7, 6, 5, 4, 3)],
        [f"p{level}_out" for level in (7, 6, 5, 4, 3)],
        [f"P{level}" for level in (7, 6, 5, 4, 3)],
    ]


def test_boxes_without_families_stand_as_those_with():
    by_family = column_names(layer_picture(checked("bifpn").layer))
    by_name = column_names(layer_picture(checked("bifpn_explicit").layer))
    assert [len(column) for column in by_family] == [len(column) for column in by_name]


def test_families_in_a_circle_go_up_and_down_as_they_resample():
    assert column_names(layer_picture(checked("yolov8_pan").layer)) == [
        ["p5_in", "p4_in", "p3_in"],
        ["p4_td", "p3_out"],
        ["p4_down"],
        ["p5_down", "p4_out"],
        ["p5_out"],
        ["P5", "P4", "P3"],
    ]


def test_coarser_levels_stand_above_the_backbone():
    assert column_names(network_picture(checked("bifpn").network))[0] == [
        "p7",
        "p6",
        "C5",
        "C4",
        "C3",
    ]


def test_stages_tell_what_each_pass_removed_and_added():
    declared, pruned, skipped = stage_panels(checked("bifpn").stages)
    assert [declared.caption, pruned.caption, skipped.caption] == [
        "as declared",
        "after prune_single_input",
        "after add_same_level_skip",
    ]
    assert declared.note == "10 nodes, 18 edges"
    assert boxes(declared.picture, "kept") == {box.label for box in declared.picture.boxes}
    assert pruned.note == "2 nodes and 5 edges removed, 3 edges added"
    assert boxes(pruned.picture, "removed") == {"p7_td", "p3_out"}
    assert edges(pruned.picture, "removed") == {
        "p7_in p7_td",
        "p7_td p6_td",
        "p7_td p7_out",
        "p3_td p3_out",
        "p3_out p4_out",
        "p3_out P3",
    }
    assert edges(pruned.picture, "added") == {
        "p7_in p6_td",
        "p7_in p7_out",
        "p3_td p4_out",
        "p3_td P3",
    }
    assert skipped.note == "3 edges added"
    assert boxes(skipped.picture, "removed") == set()
    assert edges(skipped.picture, "added") == {f"p{n}_in p{n}_out" for n in (4, 5, 6)}


def test_a_pass_that_changes_nothing_says_so():
    stages = checked("panet").stages
    again = stage_panels([*stages, ("nothing", stages[-1][1])])
    assert again[-1].note == "nothing changed"
    assert boxes(again[-1].picture, "kept") == boxes(again[0].picture, "kept")


def test_boxes_keep_their_places_from_stage_to_stage():
    panels = stage_panels(checked("bifpn").stages)
    assert len({panel.plan for panel in panels}) == 1
    known = {box.id for box in panels[0].plan.boxes}
    assert all({box.id for box in panel.picture.boxes} <= known for panel in panels)


@pytest.mark.parametrize(
    ("layers", "captions"),
    [
        (1, ("bifpn \u00d7 4",)),
        (2, ("bifpn layer 1", "bifpn layer 2 \u00d7 3")),
        (3, ("bifpn layer 1", "bifpn layer 2", "bifpn layer 3 \u00d7 2")),
        (4, tuple(f"bifpn layer {n}" for n in (1, 2, 3, 4))),
        (9, tuple(f"bifpn layer {n}" for n in (1, 2, 3, 4))),
    ],
)
def test_layers_are_drawn_one_by_one_if_asked(layers, captions):
    network = checked("bifpn", phi=1).network
    assert network_picture(network, layers=layers).frames == captions


def test_layers_that_differ_are_always_drawn():
    assert network_picture(checked("asff").network).frames == ("yolov3_neck", "asff")
    assert network_picture(checked("semantic_fpn").network).frames == (
        "fpn_lin2017",
        "semantic_fpn",
    )
    assert network_picture(checked("gfpn_log2n").network).frames == ()


def test_adapters_set_the_first_layer_apart_if_shown():
    network = checked("bifpn").network
    without, shown = network_picture(network), network_picture(network, adapters=True)
    assert not any(arrow.marks for arrow in without.arrows)
    assert shown.frames == ("bifpn layer 1", "bifpn layer 2 \u00d7 2")
    marked = {a.about for a in shown.arrows if a.marks == ("adapter",)}
    assert len(marked) == 6
    assert "C5 to p5_out: 1x1 adapter to 64" in marked
    assert not any("adapter" in arrow.about for arrow in without.arrows)


def test_shared_adapters_are_boxes_if_shown():
    network = checked("dense").network
    assert "adapter" not in {box.role for box in network_picture(network).boxes}
    shown = network_picture(network, adapters=True)
    found = [box.label for box in shown.boxes if box.role == "adapter"]
    assert "p5_in_to_64" in found


def test_steps_of_an_edge_are_marked():
    picture = network_picture(checked("asff").network)
    marked = [arrow.about for arrow in picture.arrows if arrow.marks == ("step",)]
    assert len(marked) == 6
    assert "p3_out to p5_out: maxpool3/2, full3/2*512-norm-leaky_relu" in marked


@pytest.mark.parametrize(
    ("name", "fusions"),
    [
        ("bifpn", {("fast_normalized", "n")}),
        ("bifpn_softmax", {("softmax", "s")}),
        ("mixed_norms", {("fast_normalized", "n"), ("softmax/channel", "s")}),
        ("nas_fpn", {("gate", "g"), ("sum", "+")}),
        ("asff", {("concat", "c"), ("spatial_softmax", "x")}),
    ],
)
def test_boxes_have_the_letter_of_their_fusion(name, fusions):
    picture = network_picture(checked(name).network)
    assert {(box.fusion, box.symbol) for box in picture.boxes if box.fusion} == fusions


def test_parallel_branches_are_told_apart_by_their_names():
    picture = layer_picture(checked("qufpn").layer)
    branches = {box.label: box.branch for box in picture.boxes}
    assert branches["p5_a_td"] == "a_"
    assert branches["p5_b_out"] == "b_"
    assert branches["p5_out"] == ""


def test_a_family_that_is_called_like_a_branch_is_none():
    text = (SPECS["panet"]).read_text().replace("td(", "a_td(")
    layer = check_spec(text, Options()).layer
    assert {box.branch for box in layer_picture(layer).boxes} == {""}
