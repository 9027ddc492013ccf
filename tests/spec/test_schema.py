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
from tests.diagnostics.corpus import cases, single_cases
from tests.docs.test_cookbook import STEPS
from tests.docs.test_language import EXAMPLES, completed
from tests.helpers import ROOT

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


def is_formal(case) -> bool:
    """Whether all its faults are in its form."""
    return {fault.code for fault in case.expected} <= FORM


def in_one_model(case) -> bool:
    """Whether all its faults are in the model beside it."""
    return {fault.place and fault.place[0] for fault in case.expected} == {"models/lab.yaml"}


TOPOLOGY_CASES = {case.id: case.main.read_text() for case in single_cases() if is_formal(case)}
MODEL_CASES = {
    case.id: (case.main.parent / "models" / "lab.yaml").read_text()
    for case in cases()
    if is_formal(case) and in_one_model(case)
}


# What has the right form, and is wrong beside something else.
UNSEEN = {
    # it might be inherited: `extends` completes nodes key by key
    *("F202/node_without_level", "F202/node_with_settings_alone"),
    *("F202/node_by_its_id", "F202/level_in_the_name"),
    # numbers in order
    *(
        "F203/levels_backwards",
        "F203/inputs_of_the_network_backwards",
        "F206/declared_levels_backwards",
    ),
    *("F206/layers_backwards", "F206/range_backwards"),
    # the value of a formula
    *(
        "F203/width_not_whole_by_formula",
        "F203/width_by_level_too_small",
        "F203/k_to_0",
        "F203/k_too_deep",
    ),
    # a key against the settings of its node, or against another part of the spec
    *("F203/level_twice", "F203/granularity_of_nothing"),
    *("F202/layer_index_without_k", "F202/layer_index_of_the_prologue"),
    # what another family is
    *("F206/family_without_level", "F206/family_with_layers", "F206/family_without_layers"),
    *(
        "F206/relative_to_no_layer",
        "F206/earlier_than_no_layer",
        "F206/relative_to_no_layer_by_name",
    ),
    "F206/index_of_a_node_by_name",
    # another spelling of what YAML knows
    *("F203/bias_as_python_writes_it", "F209/version_with_a_point"),
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
