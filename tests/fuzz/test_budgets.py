"""What a spec may ask for: each limit from below and from above."""

import itertools
import re

import pytest

from fpncompiler.diagnostics import SpecError
from fpncompiler.pipeline import Options, check_spec
from fpncompiler.spec.nodes import MAX_NODES
from fpncompiler.spec.style import MAX_FAN_IN
from fpncompiler.spec.topology import MAX_CONSTANTS, MAX_OUTPUTS, MAX_PASSES
from fpncompiler.spec.tree import MAX_BYTES, MAX_ITEMS, MAX_LENGTH, MAX_REFERENCE

HEAD = "fpnc: 1\nname: large\nlevels: 3..7\n"


def refusal(text: str) -> tuple[str, str]:
    """The code and the message of the one fault, or nothing."""
    try:
        check_spec(text, Options())
    except SpecError as error:
        (fault,) = [d for d in error.diagnostics if d.severity == "error"]
        return fault.code, fault.message
    return "", ""


def listed(item: str, count: int) -> str:
    return f"[{', '.join([item] * count)}]"


def constants(count: int) -> str:
    names = [f"c{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(count)]
    return "".join(f"  {name}: 1\n" for name in names)


def comments(size: int) -> str:
    text = f"{HEAD}depth: 1\noutputs: n\nnodes: {{n(l): in(l)}}\n#"
    return text + "x" * (size - len(text))


def values(count: int) -> str:
    """A spec of so many values, most of them rows of a table."""
    text = f"{HEAD}depth: 1\noutputs: n\nnodes: {{n(l): in(l)}}\nwidth: {{published: "
    rows, rest = divmod(count - 20, 1_000)
    return text + f"[64, {', '.join([listed('64', 999)] * rows + ['64'] * rest)}]" + "}\n"


def entries(count: int) -> str:
    """A spec whose longest list has so many items."""
    text = f"{HEAD}depth: 1\noutputs: n\nnodes: {{n(l): in(l)}}\nwidth: {{published: "
    return text + listed("64", count) + "}\n"


@pytest.mark.parametrize(
    ("make", "most", "code"),
    [
        (lambda n: f"{HEAD}depth: 1\noutputs: n\nnodes:\n  n(l): {listed('in(l)', n)}\n",
         MAX_FAN_IN, "F505"),
        (lambda n: f"{HEAD}depth: 1\npasses: {listed('prune_single_input', n)}\noutputs: n\n"
         "nodes: {n(l): in(l)}\n", MAX_PASSES, "F505"),
        (lambda n: f"{HEAD}depth: 1\nlet:\n{constants(n)}outputs: n\nnodes: {{n(l): in(l)}}\n",
         MAX_CONSTANTS, "F505"),
        (values, MAX_ITEMS, "F105"),
        (entries, MAX_LENGTH, "F105"),
    ],
    ids=["fan-in", "passes", "constants", "values", "entries"],
)  # fmt: skip
def test_a_limit_can_be_reached_and_not_be_passed(make, most, code):
    assert refusal(make(most)) == ("", "")
    found, message = refusal(make(most + 1))
    assert found == code
    assert re.search(r"allowed|at most|more than|bytes", message)


def test_a_file_beyond_the_limit_is_not_read():
    assert refusal(comments(MAX_BYTES - 20_000)) == ("", "")  # its model is a file, too
    code, message = refusal(comments(MAX_BYTES + 1))
    assert (code, "bytes" in message) == ("F105", True)


def test_outputs_beyond_the_limit_are_not_looked_at():
    text = f"{HEAD}nodes: {{n(l): in(l)}}\noutputs: {listed('n', MAX_OUTPUTS + 1)}\n"
    assert refusal(text) == ("F505", "`outputs` has 201 items; 200 are allowed")


def test_all_nodes_of_all_families_and_layers_count():
    families = MAX_NODES // (5 * 64) + 1
    nodes = "".join(f"  n{i}(l, k): in(l)\n" for i in range(families))
    code, message = refusal(f"{HEAD}k: 1..64\noutputs: n0\nnodes:\n{nodes}")
    assert (code, message) == ("F505", f"the spec declares more than {MAX_NODES} nodes")


@pytest.mark.parametrize(
    "node",
    [
        f"n(l, k): {listed('{sum: [in(l), in(l)]}', 66)}",
        f"n(l, k): {listed('{from: in(l), via: [relu, relu]}', 99)}",
        f"n(l, k): {{inputs: in(l), op: {listed('relu', 16)}, title: {'x' * 9000}}}",
        "n(l, k): in(*)\n  m(l, k): n(*, 1..k-1)",
    ],
    ids=["nested fusions", "steps on edges", "settings", "maps"],
)
def test_what_is_read_at_every_layer_counts_at_every_layer(node):
    text = f"{HEAD}k: 1..64\noutputs: n\nnodes:\n  {node}\n"
    with pytest.raises(SpecError) as caught:
        check_spec(text, Options())
    assert "F505" in {d.code for d in caught.value.diagnostics}


def test_layers_that_are_alike_count_once():
    nodes = "".join(f"  n{i}(l): [in(l), in(l+1)]\n" for i in range(1000))
    assert refusal(f"{HEAD}depth: 64\noutputs: n0\nnodes:\n{nodes}") == ("", "")
    turned = "  o(3): {inputs: in(7), op: none, width: same}\n"
    turned += "  o(4..): {inputs: in(l-1), op: none, width: same}\n"
    nodes = "".join(f"  n{i}(l): [o(l), o(l+1)]\n" for i in range(100))
    final = "  p(l): {inputs: o(l), op: none, width: same}\n"
    text = f"{HEAD}depth: 64\noutputs: p\nnodes:\n{turned}{nodes}{final}"
    assert refusal(text)[0] in ("", "F505")


def test_branches_of_branches_share_one_budget(tmp_path):
    names = [f"b{chr(97 + i)}" for i in range(6)]
    for name, inner in itertools.pairwise(names):
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"{HEAD}parallel: {listed(inner, 8)}\n".replace("large", name))
    leaf = f"{HEAD}depth: 1\noutputs: n\nnodes: {{n(l): in(l)}}\n".replace("large", names[-1])
    (tmp_path / f"{names[-1]}.yaml").write_text(leaf)
    with pytest.raises(SpecError) as caught:
        check_spec(tmp_path / "ba.yaml", Options())  # 8**5 leaves
    assert [d.code for d in caught.value.diagnostics] == ["F505"]


def test_all_files_share_one_limit_of_characters(tmp_path):
    for name, base in (("mine", "base"), ("base", "last"), ("last", "")):
        text = comments(MAX_BYTES // 2).replace("name: large", f"name: {name}")
        text = text.replace("depth: 1\n", f"depth: 1\nextends: {base}\n") if base else text
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(SpecError) as caught:
        check_spec(tmp_path / "mine.yaml", Options())
    (fault,) = caught.value.diagnostics
    assert (fault.code, "more than 1048576 characters" in fault.message) == ("F105", True)


def test_the_budget_is_one_spec_s_alone():
    nodes = "".join(f"  n{i}(l): [in(l), in(l)]\n" for i in range(1500))
    text = f"{HEAD}depth: 1\noutputs: n0\nnodes:\n{nodes}"
    assert [refusal(text) for _ in range(3)] == [("", "")] * 3


def test_a_reference_that_is_longer_than_any_is_none():
    text = f"{HEAD}depth: 1\noutputs: n\nnodes:\n  n(l): 'in(l{' ' * 2 * MAX_REFERENCE})'\n"
    assert refusal(text)[0] == "F206"
