"""The reference of the language is kept: examples compile, and their nodes are what it shows."""

import re

import pytest

from fpncompiler.builtin_kinds import BLOCKS
from fpncompiler.diagnostics import SpecError
from fpncompiler.fit import MAX_MAP_WIDTH
from fpncompiler.ir.network import BRANCH_LETTERS
from fpncompiler.ir.text import print_graph
from fpncompiler.pipeline import Options, compile_spec
from fpncompiler.plugins import fusion_kinds
from fpncompiler.request import MAX_STAGES
from fpncompiler.spec.budget import MAX_PARTS
from fpncompiler.spec.loading import MAX_EXTENDS
from fpncompiler.spec.model import HEAD_KEYS, MODEL_KEYS
from fpncompiler.spec.names import MAX_NAME, MAX_NODE_NAME
from fpncompiler.spec.nodes import MAX_NODES, NODE_KEYS
from fpncompiler.spec.reading import MAX_LEVEL
from fpncompiler.spec.steps import MAX_KERNEL, MAX_STEPS, MAX_STRIDE, MAX_WIDTH
from fpncompiler.spec.style import MAX_FAN_IN, fusion_words
from fpncompiler.spec.topology import MAX_DEPTH, TOPOLOGY_KEYS
from tests.conftest import ROOT

PAGE = (ROOT / "docs/language.md").read_text()
EXAMPLE = re.compile(
    r"^```yaml\n(.*?)^```(?:\n\n```text ?(\w*)\n(.*?)^```)?", re.MULTILINE | re.DOTALL
)
EXAMPLES = [match.groups() for match in EXAMPLE.finditer(PAGE)]
MODEL = re.compile(r"# models/(\w+)\.yaml\n")
MODELS = [text for text, _, _ in EXAMPLES if MODEL.match(text)]
SPECS = [example for example in EXAMPLES if not MODEL.match(example[0])]
FRAGMENT = re.compile(r"# fragment(?:, --(phi|model|variant) (\w+))?\n")
KEY = re.compile(r"^(\w+):", re.MULTILINE)
DECLARATION = re.compile(r"^  (\w+)(?:\(.*\))?:", re.MULTILINE)
# A claim of the page in its words, a spec, and a node with what its line has, or an error.
CLAIM = re.compile(r"^claim: ([^\n]*)\n(.*?)^=> (\w+) ([^\n]*)$", re.MULTILINE | re.DOTALL)
CLAIMS = CLAIM.findall((ROOT / "tests/docs/claims.txt").read_text())
ADDED = {"name": "example", "levels": "3..7", "depth": "1"}


def completed(text: str) -> str:
    """A fragment as a whole spec."""
    keys = set(KEY.findall(text))
    added = {key: value for key, value in ADDED.items() if key not in keys}
    if "extends" in keys:
        del added["levels"]
    if not keys & {"nodes", "extends", "parallel"}:
        raise AssertionError("a fragment declares nodes")
    if not keys & {"outputs", "extends", "parallel"}:
        added["outputs"] = DECLARATION.findall(text.partition("\nnodes:")[2])[-1]
    return "".join(["fpnc: 1\n", *(f"{k}: {v}\n" for k, v in added.items()), text])


def read(text: str) -> tuple[str, Options]:
    """An example as a spec, and how to compile it."""
    if not (found := FRAGMENT.match(text)):
        assert "fpnc: 1\n" in text or "fpnc: 1 " in text, "neither a spec nor a fragment"
        return text, Options(backbone="resnet18")
    key, value = found.groups()
    chosen = {key: int(value) if key == "phi" else value} if key else {}
    return completed(text), Options(backbone="resnet18", **chosen)


def computed(text: str) -> list[str]:
    """The lines of a printed graph that are nodes, but none that the layer is given."""
    lines = [line.strip() for line in text.splitlines()[1:-1]]
    return [line for line in lines if not re.match(r"with |\w+ = (input|backbone) ", line)]


def agrees(shown: list[str], printed: list[str]) -> bool:
    """Whether lines are what is printed, where `...` stands for any number of them."""
    pattern = "".join(r"(.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in shown)
    return bool(re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)))


@pytest.mark.parametrize(("text", "stage", "shown"), SPECS, ids=range(len(SPECS)))
def test_an_example_compiles_to_what_is_shown(text, stage, shown):
    spec, options = read(text)
    if shown and shown.startswith("error["):
        with pytest.raises(SpecError) as caught:
            compile_spec(spec, options)
        assert str(caught.value).startswith(shown)
        return
    compiled = compile_spec(spec, options)
    network = compiled.network
    graphs = {"": compiled.layer, "lowered": network.layers[0].graph, "prologue": network.extra}
    if shown:
        printed = computed(print_graph(graphs[stage or ""]))
        assert agrees(shown.splitlines(), printed), "\n".join(printed)


@pytest.mark.parametrize("text", MODELS)
def test_a_model_compiles_in_every_row_that_it_names(text, tmp_path):
    (tmp_path / "models").mkdir()
    (name,) = MODEL.match(text).groups()
    (tmp_path / f"models/{name}.yaml").write_text(text)
    spec = tmp_path / "example.yaml"
    spec.write_text("fpnc: 1\nname: example\nextends: bifpn\n")
    variants = set(re.findall(r"--variant (\w+)|, (\w+\d)$", text, re.MULTILINE))
    names = sorted("".join(pair) for pair in variants)
    assert names
    for choice in [{"phi": 0}, {"phi": 2}, *({"variant": variant} for variant in names)]:
        model = compile_spec(spec, Options(model=name, **choice)).model
        assert model.name == name
        assert model.heads.width == 96


@pytest.mark.parametrize(("claim", "text", "node", "expected"), CLAIMS, ids=range(len(CLAIMS)))
def test_what_the_page_says_holds(claim, text, node, expected):
    assert claim in " ".join(PAGE.split())
    spec, options = read(text)
    if node == "error":
        with pytest.raises(SpecError, match=rf"^error\[{expected}\]"):
            compile_spec(spec, options)
        return
    lines = computed(print_graph(compile_spec(spec, options).layer))
    assert [line for line in lines if line.startswith(f"{node} = ") and expected in line]


def test_heads_work_at_the_narrowest_width():
    spec = "fpnc: 1\nname: example\nextends: panet\nwidth: 16 * l\n"
    compiled = compile_spec(spec, Options(backbone="resnet18"))
    outputs = compiled.network.layers[-1].graph
    widths = [outputs.op(node).width for node in outputs.outputs.values()]
    assert compiled.model.heads.common_width(widths) == 48


def test_formulas_win_where_the_command_says_so():
    spec = "fpnc: 1\nname: example\nextends: fpn\nwidth: {formula: 40, published: [96]}\n"
    chosen = Options(backbone="resnet18", formula_scaling=True)
    assert compile_spec(spec, chosen).topology.width == 40
    assert compile_spec(spec, Options(backbone="resnet18")).topology.width == 96


def test_every_key_and_word_is_on_the_page():
    words = {*TOPOLOGY_KEYS, *NODE_KEYS, *MODEL_KEYS, *HEAD_KEYS, *fusion_words()}
    assert {word for word in words if f"`{word}" not in PAGE} == set()


def test_links_lead_to_headings():
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors


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
    hidden = fusion_kinds()["spatial_softmax"].options["hidden"].default
    assert f"`hidden: {hidden}` channels" in PAGE


def test_the_limits_are_the_compilers():
    limits = PAGE.split("## Limits")[1].split("\n## ")[0]
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\b", limits)}
    assert numbers >= {MAX_NODES, MAX_PARTS, MAX_FAN_IN, MAX_DEPTH, MAX_LEVEL, MAX_STEPS}
    assert numbers >= {MAX_WIDTH, MAX_KERNEL, MAX_STRIDE, MAX_NAME, MAX_NODE_NAME}
    assert numbers >= {len(BRANCH_LETTERS), MAX_STAGES, MAX_EXTENDS, MAX_MAP_WIDTH}


def test_every_block_is_in_the_table_with_its_options():
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)$", PAGE.split("### Blocks")[1], re.MULTILINE))
    for kind in BLOCKS:
        options, source, _ = rows[kind.name].split("|")
        given = dict(re.findall(r"`(\w+)`: ([\w.]+)", options))
        defaults = {name: str(option.default).lower() for name, option in kind.options.items()}
        assert given == defaults, kind.name
        assert ("doubles" in source) is bool(kind.levels)
        assert ("keeps the width" in source) is kind.keeps_width
