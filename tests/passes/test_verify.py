"""What the verifier refuses; a violation is a fault of a pass, so it names the pass."""

import re

import pytest

from fpncompiler.ir.graph import Edge
from fpncompiler.ir.ops import Adapt, Downsample, Input, Upsample
from fpncompiler.ir.verify import VerifyError, verify
from tests.passes.graphs import compiled, fuse, graph, layer, unary

IN4 = (Input(4, 64),)
IN5 = (Input(5, 64),)


def faults(broken, **stage) -> list[str]:
    with pytest.raises(VerifyError) as caught:
        verify(broken, "some_pass", **stage)
    text = str(caught.value)
    assert text.startswith("after some_pass:")
    return re.findall(r"^  - (.*)$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("nodes", "outputs", "fault"),
    [
        ({"a": IN4, "b": (Input(4, 64), "a")}, {4: "a"}, "b: an input reads something"),
        ({"a": (fuse(4),)}, {4: "a"}, "a: fuses nothing"),
        ({"a": (unary(4),)}, {4: "a"}, "a: a unary node with 0 inputs"),
        ({"i": IN4, "a": (unary(4), "i", "i")}, {4: "a"}, "a: a unary node with 2 inputs"),
        ({"a": IN4}, {}, "there are no outputs"),
        ({"a": IN4}, {4: "gone"}, "output 4 is gone, which is not a node"),
        ({"a": IN4}, {5: "a"}, "output 5 is a, which is at level 4"),
    ],
)
def test_violation_is_reported(nodes, outputs, fault):
    assert faults(graph(nodes, outputs)) == [fault]


def test_cycle_is_reported_by_its_nodes():
    circle = graph({"i": IN4, "a": (fuse(4), "i", "b"), "b": (fuse(4), "a")}, {4: "a"})
    with pytest.raises(VerifyError, match=r"^after some_pass: a cycle through (a, b|b, a)$"):
        verify(circle, "some_pass")


def test_edges_between_levels_are_wrong_once_resampled():
    mixed = graph({"i": IN5, "a": (fuse(4), "i")}, {4: "a"})
    verify(mixed, "some_pass")
    assert faults(mixed, resampled=True) == ["a: input 0 arrives at level 5, not 4"]
    mixed.set_inputs("a", (Edge("i", (Upsample("nearest", 1),)),))
    verify(mixed, "some_pass", resampled=True)
    mixed.set_inputs("a", (Edge("i", (Downsample("max_pool", 2, "same"),)),))
    assert faults(mixed, resampled=True) == ["a: input 0 arrives at level 7, not 4"]


def test_edges_between_widths_are_wrong_once_adapted():
    mixed = graph({"i": (Input(4, 40),), "a": (fuse(4), "i", "i")}, {4: "a"})
    verify(mixed, "some_pass", resampled=True)
    assert faults(mixed, resampled=True, adapted=True) == [
        "a: input 0 arrives 40 wide, not 64",
        "a: input 1 arrives 40 wide, not 64",
    ]
    mixed.set_inputs("a", (Edge("i", (Adapt(64, None, True),)),))
    verify(mixed, "some_pass", resampled=True, adapted=True)


def test_all_violations_are_reported_at_once_with_the_graph():
    nodes = {"i": IN4, "a": (fuse(4),), "b": (unary(5), "i", "i")}
    broken = graph(nodes, {5: "a", 6: "gone"})
    assert faults(broken, resampled=True) == [
        "a: fuses nothing",
        "b: a unary node with 2 inputs",
        "b: input 0 arrives at level 4, not 5",
        "b: input 1 arrives at level 4, not 5",
        "output 5 is a, which is at level 4",
        "output 6 is gone, which is not a node",
    ]
    with pytest.raises(VerifyError, match="graph made\n"):
        verify(broken, "some_pass")


@pytest.mark.parametrize("spec", ["fpn", "panet", "simplified_panet", "bifpn"])
def test_shipped_layers_are_valid(spec):
    verify(layer(spec), "build")
    for part in compiled(spec).network.layers:
        verify(part.graph, "lowering", resampled=True, adapted=True)


def test_graph_refuses_a_second_node_and_an_unknown_source():
    made = graph({"a": IN4}, {4: "a"})
    with pytest.raises(ValueError, match="a is there already"):
        made.add_node("a", Input(4, 64))
    with pytest.raises(ValueError, match="a reads b, which is not a node"):
        made.set_inputs("a", (Edge("b"),))
