"""The sizes of maps, and which map an upsampled one takes its size from."""

from math import ceil

import pytest

from fpncompiler.analysis.sizes import References, map_size, sizes
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import (
    Activate,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Input,
    Norm,
    Pool,
    Step,
    Upsample,
)
from tests.passes.graphs import compiled, fuse, graph

NORM = Norm(1e-3, 0.01)
UP = Upsample("nearest", 1)
DOUBLING = Block("deconv", None, (), None, levels=-1)


def conv(kernel: int = 3, stride: int = 1, *, valid: bool = False) -> Convolution:
    return Convolution("full", kernel, ("conv",), "relu", True, NORM, stride=stride, valid=valid)


def along(step: Step, source: int, reader: int) -> Graph:
    """A node at one level that reads a map of another by one step."""
    made = graph({"i": (Input(source, 64),), "a": (fuse(reader), "i")}, {reader: "a"})
    made.set_inputs("a", (Edge("i", (step,)),))
    return made


@pytest.mark.parametrize(
    ("level", "image", "expected"),
    [
        (0, (7, 9), (7, 9)),
        (3, (512, 640), (64, 80)),
        (3, (513, 1), (65, 1)),
        (7, (100, 200), (1, 2)),
    ],
)
def test_map_of_a_level_is_rounded_up(level, image, expected):
    assert map_size(level, image) == expected


@pytest.mark.parametrize(
    ("step", "reader", "expected"),
    [
        (conv(), 3, (13, 25)),
        (conv(stride=2), 4, (7, 13)),
        (conv(stride=4), 5, (4, 7)),
        (conv(valid=True), 4, (11, 23)),
        (conv(7, valid=True), 4, (7, 19)),
        (Pool("max", 3, 1), 3, (13, 25)),
        (Pool("avg", 2, 2), 4, (7, 13)),
        (Downsample("max_pool", 2, "same"), 5, (4, 7)),
        (Activate("relu"), 3, (13, 25)),
        (Adapt(32, None, bias=True), 3, (13, 25)),
        (Block("c2f", 64, (), None), 3, (13, 25)),
    ],
)
def test_size_after_a_step(step, reader, expected):
    found = sizes(along(step, 3, reader), (100, 200))
    assert found.nodes["a"] == expected
    assert found.arriving["a"] == (expected,)


@pytest.mark.parametrize("step", [UP, DOUBLING])
def test_upsampled_map_has_the_size_of_its_level_or_is_doubled(step):
    lone = along(step, 4, 3)
    assert sizes(lone, (100, 200)).nodes["a"] == (14, 26)
    beside = along(step, 4, 3)
    beside.add_node("p3_in", Input(3, 64))
    assert sizes(beside, (100, 200)).nodes["a"] == (13, 25)


def test_upsampling_by_two_levels_without_a_reference_quadruples():
    assert sizes(along(Upsample("bilinear", 2), 5, 3), (100, 200)).nodes["a"] == (16, 28)


def test_steps_of_a_node_change_its_size_behind_the_fusion():
    text = (
        "fpnc: 1\nname: mine\nlevels: 3..7\ninputs: 3..5\nop: none\ndepth: 1\n"
        "outputs: [a(6), b(7)]\nnodes:\n  a(6): {inputs: [in(5)], op: {conv: full, stride: 2}}\n"
        "  b(7): {inputs: [a(6)], op: {conv: full, padding: none}}\n"
    )
    found = sizes(compiled(text).network.layers[0].graph, (500, 520))
    assert found.nodes["p6_a"] == (8, 9)
    assert found.nodes["p7_b"] == (6, 7)
    assert found.arriving["p7_b"] == ((8, 9),)


@pytest.mark.parametrize("spec", ["fpn", "panet", "bifpn"])
@pytest.mark.parametrize("image", [(512, 512), (500, 333), (129, 1)])
def test_maps_of_shipped_networks_have_the_size_of_their_level(spec, image):
    for part in compiled(spec).network.layers:
        found = sizes(part.graph, image)
        for node in part.graph.nodes():
            side = 2 ** part.graph.op(node).level
            expected = ceil(image[0] / side), ceil(image[1] / side)
            assert found.nodes[node] == expected
            assert set(found.arriving.get(node, (expected,))) == {expected}


def test_own_input_gives_the_size_before_the_backbones_and_before_computed_maps():
    nodes = {
        "b4": (Input(4, 64, "backbone"),),
        "p3_in": (Input(3, 64),),
        "b3": (Input(3, 64, "backbone"),),
        "first": (fuse(5), "p3_in"),
        "second": (fuse(5), "first"),
        "late": (fuse(3), "second"),
    }
    found = References(graph(nodes, {3: "late"}))
    assert found.at(3, "late") == "p3_in"
    assert found.at(4, "late") == "b4"
    assert found.at(5, "second") == "first"
    assert found.at(5, "first") is None  # not yet there
    assert found.at(6, "late") is None
