"""The reference of the language is kept: examples compile, and their nodes are what it shows."""

import re

import pytest

from fpncompiler.builtin_kinds import BLOCKS
from fpncompiler.pipeline import Options, compile_spec
from fpncompiler.plugins import fusion_kinds
from fpncompiler.spec.names import MAX_NAME, MAX_NODE_NAME
from fpncompiler.spec.nodes import MAX_EDGES, MAX_NODES, NODE_KEYS
from fpncompiler.spec.reading import MAX_LEVEL
from fpncompiler.spec.steps import MAX_KERNEL, MAX_STEPS, MAX_STRIDE, MAX_WIDTH
from fpncompiler.spec.style import MAX_FAN_IN, fusion_words
from fpncompiler.spec.topology import MAX_DEPTH, TOPOLOGY_KEYS
from tests.conftest import ROOT

PAGE = (ROOT / "docs/language.md").read_text()
EXAMPLE = re.compile(r"^```yaml\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
EXAMPLES = [match.groups() for match in EXAMPLE.finditer(PAGE)]
MISSING = {"name": "name: example", "levels": "levels: 3..7", "depth": "depth: 1"}
NODES = "nodes:\n  out(l): in(l)\noutputs: out\n"


def completed(text: str) -> str:
    """A fragment as a whole spec."""
    if "fpnc: 1" in text:
        return text
    keys = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    lines = ["fpnc: 1", *(line for key, line in MISSING.items() if key not in keys)]
    if "extends" in keys:
        lines.remove(MISSING["levels"])
    if not keys & {"nodes", "extends", "parallel"}:
        text += NODES
    return "\n".join([*lines, text])


@pytest.mark.parametrize(("text", "nodes"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_compiles_to_the_nodes_that_are_shown(text, nodes, tmp_path):
    if found := re.match(r"# models/(\w+).yaml", text):
        (tmp_path / "models").mkdir()
        (tmp_path / f"models/{found[1]}.yaml").write_text(text)
        spec = tmp_path / "example.yaml"
        spec.write_text("fpnc: 1\nname: example\nextends: bifpn\n")
        assert compile_spec(spec, Options(model=found[1])).model.name == found[1]
        return
    layer = compile_spec(completed(text), Options(backbone="resnet18")).layer
    printed = [
        f"{node} [{', '.join(edge.source for edge in layer.inputs(node))}]"
        for node in layer.computed()
    ]
    if nodes is None:
        return
    shown = nodes.splitlines()
    assert set(shown) - {"..."} <= set(printed)
    assert "..." in shown or shown == printed


def test_every_key_and_word_is_on_the_page():
    words = {*TOPOLOGY_KEYS, *NODE_KEYS, *fusion_words()}
    assert {word for word in words if f"`{word}" not in PAGE} == set()


def test_the_defaults_are_those_of_the_model():
    rows = dict(re.findall(r"^\| `(.*)` \| `([^`]*)`", PAGE, re.MULTILINE))
    model = (ROOT / "specs/models/efficientdet.yaml").read_text()
    keys = ("op", "activation", "norm", "redundant_bias", "adapters")
    for key in keys:
        assert f"\n{key}: {rows[key]}" in model, key
    assert "| `up`, `down`, `padding` | `nearest`, `max_pool`, `same` |" in PAGE
    for setting in ("up: nearest", "down: max_pool", "padding: same"):
        assert f"\n{setting}" in model, setting
    by, pool = (fusion_kinds()["gate"].options[name].default for name in ("by", "pool"))
    assert rows["gate"] == f"{{by: {by}, pool: {pool}}}"


def test_the_limits_are_the_compilers():
    limits = PAGE.split("## Limits")[1]
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\b", limits)}
    assert numbers >= {MAX_NODES, MAX_EDGES, MAX_FAN_IN, MAX_DEPTH, MAX_LEVEL, MAX_STEPS}
    assert numbers >= {MAX_WIDTH, MAX_KERNEL, MAX_STRIDE, MAX_NAME, MAX_NODE_NAME}


def test_every_block_is_in_the_table_with_its_options():
    rows = dict(re.findall(r"^\| `(\w+)` \|([^|]*)\|", PAGE, re.MULTILINE))
    for kind in BLOCKS:
        assert re.findall(r"`(\w+)`", rows[kind.name]) == [*kind.options], kind.name
        assert ("doubles" in PAGE.split(f"| `{kind.name}` |")[1].splitlines()[0]) is bool(
            kind.levels
        )
