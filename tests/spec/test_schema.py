"""The JSON Schema accepts what the compiler accepts, and rejects what is wrong in form."""

import re

import pytest
import yaml
from jsonschema import Draft202012Validator

from fpncompiler.authoring import schema_text
from fpncompiler.diagnostics import SpecError
from fpncompiler.pipeline import Options, compile_spec
from fpncompiler.spec.schema import model_schema, topology_schema
from fpncompiler.spec.schema_texts import TEXTS
from tests.docs.test_cookbook import STEPS
from tests.docs.test_language import EXAMPLES, completed
from tests.helpers import ROOT
from tests.spec import test_bad_specs as bad

SCHEMAS = {"topology": topology_schema(), "model": model_schema()}
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors read it."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern in {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
}.items():
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), None)


def read(text: str):
    """A document as a schema sees it: every key is a string."""
    return _with_string_keys(yaml.load(text, Loader))


def _with_string_keys(value):
    if isinstance(value, dict):
        return {str(key): _with_string_keys(item) for key, item in value.items()}
    return [_with_string_keys(item) for item in value] if isinstance(value, list) else value


def faults(kind: str, text: str) -> list[str]:
    return [f"{[*e.path]}: {e.message[:200]}" for e in VALIDATORS[kind].iter_errors(read(text))]


SPECS = sorted(ROOT.glob("specs/*.yaml")) + sorted(ROOT.glob("tests/data/specs/*.yaml"))
MODELS = sorted(ROOT.glob("specs/models/*.yaml")) + sorted(
    ROOT.glob("tests/data/specs/models/*.yaml")
)


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_a_schema(name):
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_it_accepts_every_topology(path):
    assert faults("topology", path.read_text()) == []


@pytest.mark.parametrize("text", [text for text, *_ in EXAMPLES], ids=range(len(EXAMPLES)))
def test_it_accepts_every_example_of_the_documentation(text):
    kind = "model" if text.startswith("# models/") else "topology"
    assert faults(kind, text if "fpnc: 1" in text else completed(text)) == []


WHOLE_SPEC = re.compile(r"^```yaml\n(.*?^fpnc: 1\n.*?)^```", re.MULTILINE | re.DOTALL)
OF_README = WHOLE_SPEC.findall((ROOT / "README.md").read_text())
OF_COOKBOOK = [spec for _, spec, _, _ in STEPS]


@pytest.mark.parametrize("text", OF_README + OF_COOKBOOK)
def test_it_accepts_the_specs_of_the_other_pages(text):
    assert faults("topology", text) == []


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_it_accepts_every_model(path):
    assert faults("model", path.read_text()) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_file_is_current(name):
    folder = ROOT / "specs" / ("models" if name == "model" else "")
    text = (folder / f"{name}.schema.json").read_text()
    assert text == schema_text(name), f"run `fpnc schema {name} -o {folder.relative_to(ROOT)}`"


# Codes whose causes have a form: unknown keys, missing keys, values of a wrong kind or size, names,
# references, words, versions.
FORM = {"F201", "F202", "F203", "F205", "F206", "F207", "F209"}


def formal_cases(cases, pick):
    """Cases of which every fault has such a code: their names and texts."""
    for case in cases:
        text = pick(case)
        codes = {fault.code for fault in bad.expected_in(text)}
        if codes and codes <= FORM:
            yield case.id, text


TOPOLOGY_CASES = dict(formal_cases(bad.TOPOLOGY_CASES, lambda case: case.values[0]))
MODEL_CASES = dict(formal_cases(bad.MODEL_CASES, lambda case: case.values[0]))


# What has the right form, and is wrong beside something else.
UNSEEN = {
    # it might be inherited: `extends` completes nodes key by key
    *("node_without_level", "node_with_settings_alone"),
    # numbers in order
    *("levels_backwards", "inputs_of_the_network_backwards", "declared_levels_backwards"),
    *("layers_backwards", "range_backwards"),
    # the value of a formula
    *("width_not_whole_by_formula", "width_by_level_too_small", "k_to_0", "k_too_deep"),
    # a key against the settings of its node, or against another part of the spec
    *("level_twice", "granularity_of_nothing"),
    *("layer_index_without_k", "layer_index_of_the_prologue"),
    # what another family is
    *("family_without_level", "family_with_layers", "family_without_layers"),
    *("relative_to_no_layer", "earlier_than_no_layer", "relative_to_no_layer_by_name"),
    "index_of_a_node_by_name",
}


@pytest.mark.parametrize("name", TOPOLOGY_CASES)
def test_it_rejects_a_topology_that_is_wrong_in_form(name):
    found = faults("topology", TOPOLOGY_CASES[name])
    assert bool(found) is (name not in UNSEEN), found


@pytest.mark.parametrize("name", MODEL_CASES)
def test_it_rejects_a_model_that_is_wrong_in_form(name):
    found = faults("model", MODEL_CASES[name])
    assert bool(found) is (name not in UNSEEN), found


def test_unseen_cases_are_cases():
    assert {*TOPOLOGY_CASES, *MODEL_CASES} >= UNSEEN


DOCUMENT = "fpnc: 1\nname: mine\nlevels: 3..7\noutputs: f\n"


@pytest.mark.parametrize(
    "text",
    [
        "k: 1..depth\nnodes:\n  f(l, k): [in(l), f(l+1, k), f(l, 1..k-1)]",
        "k: 1..3\nnodes:\n  f(l, k): [{from: f(l, k-1), via: {pool: max, kernel: 3}}, in(l)]",
        "nodes:\n  f(l): {inputs: in(l), width: max(32, 64)}",
        "let: {a: {formula: max(1, 2), published: [1]}}\nnodes:\n  f(l): in(l)",
        "nodes:\n  f(l): {inputs: in(l), width: min(64, max(16, 8 * l)), op: none}",
    ],
)
def test_it_stands_what_yaml_splits_at_a_comma(text):
    assert faults("topology", f"{DOCUMENT}{text}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "nodes:\n  round_to(l): in(l)",
        "nodes:\n  a_to_b(l): in(l)",
        f"nodes:\n  {'a' * 25}(l): in(l)",
        "nodes:\n  shared_path(l): in(l)",
        "nodes:\n  f(l): in(l)\ng(l):",
        "nodes:\n  f(l): {inputs: in(l), g(l): }",
    ],
)
def test_it_rejects_names_that_nodes_cannot_have(text):
    assert faults("topology", f"{DOCUMENT}{text}\n")
    with pytest.raises(SpecError):
        compile_spec(f"{DOCUMENT}{text}\n", Options())


def test_every_key_is_described():
    texts = set(SCHEMAS["topology"]["properties"]) | set(SCHEMAS["model"]["properties"])
    assert texts <= set(TEXTS)
    for schema in SCHEMAS.values():
        assert all(
            "description" in part or "$ref" in part for part in schema["properties"].values()
        )
