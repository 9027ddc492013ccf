"""`extends`, and where specs and models are looked for."""

import pytest

from fpncompiler.diagnostics import Sink, SpecError
from fpncompiler.ir.text import step_text
from fpncompiler.pipeline import Options, compile_spec
from fpncompiler.spec.loading import SpecNotFoundError, load_topology
from fpncompiler.spec.merging import merge, without
from fpncompiler.spec.tree import Mapping, Node, Scalar, Sequence, parse_tree


def tree(text: str) -> Mapping:
    return parse_tree(text.encode(), "s.yaml", Sink())


def plain(node: Node) -> object:
    match node:
        case Scalar():
            return node.text
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(entry.value) for key, entry in node.entries.items()}


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        ("a: 1\nb: 2", "b: 3\nc: 4", {"a": "1", "b": "3", "c": "4"}),
        ("a: {x: 1, y: 2}", "a: {y: 3}", {"a": {"x": "1", "y": "3"}}),
        ("a: {x: {p: 1, q: 2}}", "a: {x: {q: 3}}", {"a": {"x": {"p": "1", "q": "3"}}}),
        ("a: [1, 2]", "a: [3]", {"a": ["3"]}),
        ("a: {x: 1}", "a: word", {"a": "word"}),
        ("a: word", "a: {x: 1}", {"a": {"x": "1"}}),
        ("a: {formula: 1, published: [2]}", "a: {formula: 3}", {"a": {"formula": "3"}}),
        ("a: {x: 1}", "a: {published: [2]}", {"a": {"published": ["2"]}}),
        ("a: {formula: 1}", "a: {x: 2}", {"a": {"x": "2"}}),
        ("a: {x: 1}", "a: {}", {"a": {}}),
        # one input is replaced, and not completed
        ("inputs: {from: a, via: relu}", "inputs: {from: b}", {"inputs": {"from": "b"}}),
        # a node may be called as a setting is
        (
            "nodes: {inputs: {level: 4, width: 8}, op: {level: 4, up: carafe}}",
            "nodes: {inputs: {level: 5}, op: {down: conv3x3}}",
            {
                "nodes": {
                    "inputs": {"level": "5", "width": "8"},
                    "op": {"level": "4", "up": "carafe", "down": "conv3x3"},
                }
            },
        ),
    ],
)
def test_later_tree_wins_key_by_key_and_scaled_values_whole(base, over, expected):
    assert plain(merge(tree(base), tree(over))) == expected


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        # of a fusion of another kind stays what the new one has too
        ("fusion: {kind: spatial_softmax, hidden: 8}", "{kind: softmax}", {"kind": "softmax"}),
        (
            "fusion: {kind: softmax, granularity: channel}",
            "{kind: weighted}",
            {"kind": "weighted", "granularity": "channel"},
        ),
        ("fusion: {kind: softmax, granularity: channel}", "{kind: sum}", {"kind": "sum"}),
        (
            "fusion: {kind: softmax}",
            "{granularity: pixel}",
            {"kind": "softmax", "granularity": "pixel"},
        ),
        # a step of another sort is another step
        ("op: {block: c2f, depth: 2}", "{conv: full}", {"conv": "full"}),
        ("op: {conv: full, kernel: 3}", "{block: c2f}", {"block": "c2f"}),
        ("op: {kernel: 1}", "{conv: full}", {"kernel": "1", "conv": "full"}),
        ("op: {block: c2f, depth: 2}", "{depth: 3}", {"block": "c2f", "depth": "3"}),
        ("op: {pool: max, kernel: 5}", "{pool: avg}", {"pool": "avg", "kernel": "5"}),
        ("up: {block: carafe, kernel: 5}", "{block: deconv}", {"block": "deconv"}),
    ],
)
def test_a_setting_of_another_sort_takes_what_fits(base, over, expected):
    key = base.partition(":")[0]
    assert plain(merge(tree(base), tree(f"{key}: {over}"))) == {key: expected}


def test_merged_values_keep_their_places():
    merged = merge(tree("a: {x: 1}\n"), tree("\na: {y: 2}\n"))
    inner = merged.get("a")
    assert isinstance(inner, Mapping)
    assert [e.value.span.line for e in inner.entries.values()] == [1, 2]
    assert without(merged, "a", "b").entries == {}


def write(folder, **specs: str):
    for name, text in specs.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def test_spec_builds_on_its_parent_and_grandparent(tmp_path):
    write(
        tmp_path,
        base="fpnc: 1\nname: base\nlevels: 3..5\nfusion: {kind: softmax, granularity: channel}\n",
        middle="extends: base\nname: middle\nnodes:\n  td(l): [in(l), td(l+1)]\n",
        top="extends: middle\nname: top\nfusion: {granularity: pixel}\noutputs: td\n",
    )
    loaded = load_topology(tmp_path / "top.yaml", Sink()).tree
    assert plain(loaded) == {
        "fpnc": "1",
        "name": "top",
        "levels": "3..5",
        "fusion": {"kind": "softmax", "granularity": "pixel"},
        "nodes": {"td(l)": {"inputs": ["in(l)", "td(l+1)"]}},
        "extends": "middle",
        "outputs": "td",
    }


def test_child_replaces_a_family_and_adds_another(tmp_path):
    text = (
        "extends: panet\nname: mine\nnodes:\n  out(l): [td(l), out(l-1), in(l)]\n  x(4): [td(4)]\n"
    )
    path = write(tmp_path, mine=text) / "mine.yaml"
    graph = compile_spec(path, Options()).layer
    assert [edge.source for edge in graph.inputs("p4_out")] == ["p4_td", "p3_out", "p4_in"]
    assert "p4_x" in graph


def test_child_says_more_of_a_node_and_of_the_prologue(tmp_path):
    write(
        tmp_path,
        base="fpnc: 1\nname: base\nlevels: 3..6\nprologue:\n  in(6): backbone(5)\n"
        "nodes:\n  f(l, k): [in(l), f(l, k-1)]\nk: 1..2\noutputs: f\n",
        mine="extends: base\nname: mine\nprologue:\n  in(6): {op: conv1x1}\n"
        "nodes:\n  f(l,k): {op: none}\n",
    )
    network = compile_spec(tmp_path / "mine.yaml", Options()).network
    assert [step_text(step) for step in network.extra.op("p6").steps] == ["full1*64"]
    assert network.layers[0].graph.op("p4_f2").steps == ()


def test_parent_beside_the_spec_comes_before_the_shipped_one(tmp_path):
    own = "fpnc: 1\nname: panet\nlevels: 3..4\nnodes:\n  td(l): [in(l), td(l+1)]\noutputs: td\n"
    path = write(tmp_path, panet=own, mine="extends: panet\nname: mine\n") / "mine.yaml"
    assert len(compile_spec(path, Options()).layer) == 4


def test_text_extends_shipped_specs():
    assert len(compile_spec("fpnc: 1\nextends: bifpn\nname: mine\n", Options()).layer) == 13


def test_model_beside_the_spec_is_found_by_its_name(tmp_path):
    write(
        tmp_path,
        mine="fpnc: 1\nname: mine\nextends: panet\nmodel: lab\n",
        models__lab="fpnc: 1\nmodel: lab\nbackbone: resnet50\nwidth: 40\n",
    )
    model = compile_spec(tmp_path / "mine.yaml", Options()).model
    assert (model.name, model.backbone.name) == ("lab", "resnet50")


@pytest.mark.parametrize("length", [1, 2, 5])
def test_circle_of_extends_is_a_fault(tmp_path, length):
    names = [f"s{i}" for i in range(length)]
    for name, parent in zip(names, [*names[1:], names[0]], strict=True):
        write(tmp_path, **{name: f"fpnc: 1\nextends: {parent}\n"})
    with pytest.raises(SpecError) as caught:
        load_topology(tmp_path / "s0.yaml", Sink())
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.line, found.span.column) == ("F210", 2, 10)
    assert "extends itself" in found.message


def test_chain_of_extends_is_bounded(tmp_path):
    write(tmp_path, **{f"s{i}": f"extends: s{i + 1}\n" for i in range(12)})
    with pytest.raises(SpecError) as caught:
        load_topology(tmp_path / "s0.yaml", Sink())
    assert [d.code for d in caught.value.diagnostics] == ["F210"]


@pytest.mark.parametrize(
    "name", ["../panet", "/etc/passwd", "panet.yaml", "models/efficientdet", ""]
)
def test_parent_is_a_name_and_no_path(name):
    with pytest.raises(SpecError) as caught:
        load_topology(f"fpnc: 1\nextends: '{name}'\n", Sink())
    assert [d.code for d in caught.value.diagnostics] == ["F210"]


@pytest.mark.parametrize("path", ["missing.yaml", "."])
def test_file_that_cannot_be_read_is_no_fault_of_a_spec(tmp_path, path):
    with pytest.raises(SpecNotFoundError, match="cannot read"):
        load_topology(tmp_path / path, Sink())
