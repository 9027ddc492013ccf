"""The language as JSON Schema (draft 2020-12), for completion and hints in editors.

Made from the tables that the readers use, so that it knows what they know. It sees the form of a
spec: keys, words, bounds, the syntax of references. What a name refers to, it cannot see.

An editor splits `[f(l, k-1)]` at the comma, as YAML has it: two halves of a reference are allowed.
"""

from fpncompiler.ir import ops
from fpncompiler.ir.detector import HEAD_KINDS
from fpncompiler.plugins import block_kinds, fusion_kinds
from fpncompiler.spec import schema_steps as steps
from fpncompiler.spec import schema_values as v
from fpncompiler.spec.model import MAX_CLASSES, MAX_RESOLUTION, MODEL_KEYS, OVERRIDE_KEYS
from fpncompiler.spec.names import MAX_NODE_NAME, RESERVED
from fpncompiler.spec.nodes import NODE_KEYS
from fpncompiler.spec.reading import MAX_LEVEL
from fpncompiler.spec.schema_values import Schema
from fpncompiler.spec.steps import MAX_WIDTH
from fpncompiler.spec.style import STYLE_KEYS
from fpncompiler.spec.topology import MAX_BRANCHES, MAX_DEPTH, PASSES, TOPOLOGY_KEYS

_WORD = r"[A-Za-z_]\w*"
_NODE = rf"(?=\w{{1,{MAX_NODE_NAME}}}\s*(\(|$))[a-z](_?[a-z0-9])*"
_LEVEL = r"(0?\d|1[0-2])"
_LEVEL_INDEX = r"(\*|\d{1,2}|l\s*([+-]\s*\d{1,2})?(\s*\.\.\s*l\s*([+-]\s*\d{1,2})?)?)"
_OFFSET = r"k\s*([+-]\s*\d{1,2})?"
_LAYER_INDEX = rf"(\*|all|last|\d{{1,2}}|1\s*\.\.\s*{_OFFSET}|{_OFFSET}(\s*\.\.\s*{_OFFSET})?)"
REFERENCE_PATTERN = (
    rf"^{_WORD}(\s*\(\s*{_LEVEL_INDEX}\s*(,\s*{_LAYER_INDEX}\s*)?\))?$"
    rf"|^{_WORD}\s*\(\s*{_LEVEL_INDEX}$|^{_LAYER_INDEX}\s*\)$"
)
OUTPUT_PATTERN = (
    rf"^{_WORD}(\s*\(\s*(\*|\d{{1,2}})\s*(,\s*(\*|all|last|\d{{1,2}})\s*)?\))?$"
    rf"|^{_WORD}\s*\(\s*(\*|\d{{1,2}})$|^(all|last|\d{{1,2}})\s*\)$"
)
_RANGE = rf"({_LEVEL}|{_LEVEL}\s*\.\.\s*({_LEVEL})?|\.\.\s*{_LEVEL})"
_LAYERS = r"(\d{1,2}|\d{1,2}\s*\.\.\s*(\d{1,2})?|\.\.\s*\d{1,2})"
DECLARATION_PATTERN = (
    rf"^{_NODE}(\s*\(\s*(l|{_RANGE})\s*(,\s*(k(\s+(even|odd))?|{_LAYERS})\s*)?\))?$"
)
_LEVELS = rf"^\s*{_LEVEL}\s*\.\.\s*{_LEVEL}\s*$"


def topology_schema() -> Schema:
    """The schema of a topology, `specs/NAME.yaml`."""
    properties = {**_topology_properties(), **_style_properties()}
    return _document(
        "A topology of fpnc: how feature maps of different scales are mixed.",
        v.mapping(properties, TOPOLOGY_KEYS, required=("fpnc", "name")),
        allOf=[
            {
                "if": {"not": {"required": ["extends"]}},
                "then": {"anyOf": [{"required": ["nodes", "outputs"]}, {"required": ["parallel"]}]},
            },
            {
                "if": {"required": ["parallel"]},
                "then": {"not": {"anyOf": [{"required": ["nodes"]}, {"required": ["outputs"]}]}},
            },
            {"not": {"required": ["after", "prologue"]}},
            {
                "if": {"not": {"anyOf": [{"required": ["extends"]}, {"required": ["model"]}]}},
                "then": {"required": ["levels"]},
            },
        ],
    )


def model_schema() -> Schema:
    """The schema of a model, `specs/models/NAME.yaml`."""
    properties = {**_model_properties(), **_style_properties()}
    row = {k: v for k, v in properties.items() if k not in ("fpnc", "variants", "model")}
    variants = {
        "type": "object",
        "propertyNames": v.name(),
        "additionalProperties": v.mapping(row, row),
    }
    return _document(
        "A model of fpnc: backbone, scaling, heads and anchors of a detector.",
        v.mapping({**properties, "variants": variants}, MODEL_KEYS, required=("fpnc", "model")),
        anyOf=[{"required": ["extends"]}, {"required": ["backbone"]}],
    )


def _document(title: str, schema: Schema, **further: object) -> Schema:
    return v.with_shared_parts(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": title,
            **schema,
            **further,
            "$defs": {
                "name": v.name_definition(),
                **{f"style_{key}": schema for key, schema in _style_definitions().items()},
                **{f"block_{name}": steps.block_definition(name) for name in block_kinds()},
                "steps": steps.steps(on_edge=False),
                "edge_steps": steps.steps(on_edge=True),
                "inputs": _inputs(),
                "input": _input(),
                "nodes": _nodes(("in", "backbone")),
                "prologue_nodes": _nodes(("backbone",)),
            },
        }
    )


def _topology_properties() -> dict[str, Schema]:
    output = {"type": "string", "pattern": OUTPUT_PATTERN}
    return {
        **_common_properties(),
        "name": v.name(),
        "after": v.name(),
        "inputs": v.scaled({"type": "string", "pattern": _LEVELS}),
        "k": {"type": "string", "pattern": r"^\s*1\s*\.\.\s*(depth|[0-9a-z_ .+*/(),-]+)\s*$"},
        "let": {
            "type": "object",
            "propertyNames": {**v.name(), "not": {"enum": ["phi", "l", "k", "depth"]}},
            "additionalProperties": v.number(),
        },
        "nodes": {"$ref": "#/$defs/nodes"},
        "outputs": {
            "anyOf": [output, {"type": "array", "items": output, "minItems": 1}],
        },
        "parallel": {
            "type": "array",
            "minItems": 2,
            "maxItems": MAX_BRANCHES,
            "items": {
                "anyOf": [v.name(), v.mapping({"mirror": v.name()}, ("mirror",), ("mirror",))]
            },
        },
        "passes": {"anyOf": [v.words(PASSES), {"type": "array", "items": v.words(PASSES)}]},
        "prologue": {"anyOf": [{"const": "none"}, {"$ref": "#/$defs/prologue_nodes"}]},
    }


def _model_properties() -> dict[str, Schema]:
    side = v.number(0.01, 100)
    sides = {"type": "array", "items": side, "minItems": 2, "maxItems": 2}
    return {
        **_common_properties(),
        "anchors": v.mapping(
            {
                "aspect_ratios": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"anyOf": [side, sides]},
                },
                "octaves": v.integer(1, 16),
                "scale": v.scaled({"anyOf": [v.real(0.1, 1000), {"type": "array", "minItems": 1}]}),
            },
            ("aspect_ratios", "octaves", "scale"),
        ),
        "backbone": {"anyOf": [v.timm_name(), _backbone()]},
        "heads": _heads(),
        "image": v.mapping({"mean": v.triple(0), "std": v.triple(1e-3)}, ("mean", "std")),
        "override": v.mapping(
            {**_style_properties(), "levels": _common_properties()["levels"]}, OVERRIDE_KEYS
        ),
        "phi": {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 99},
                {"type": "string", "pattern": r"^\d{1,2}\s*\.\.\s*\d{1,2}$"},
            ]
        },
        "phi_prefix": v.name(),
        "resolution": v.scaled(
            {
                "anyOf": [
                    v.whole(16, MAX_RESOLUTION),
                    v.formula(),
                    {
                        "type": "array",
                        "items": v.integer(16, MAX_RESOLUTION),
                        "minItems": 2,
                        "maxItems": 2,
                    },
                ]
            }
        ),
        "variants": {"type": "object"},
    }


def _common_properties() -> dict[str, Schema]:
    return {
        "fpnc": {"const": 1},
        "depth": v.integer(1, MAX_DEPTH),
        "extends": v.name(),
        "levels": v.scaled({"type": "string", "pattern": _LEVELS}),
        "model": v.name(),
        "source": v.text(),
        "title": v.text(),
        "width": v.width(),
    }


def _heads() -> Schema:
    properties = {
        "activation": v.scaled(v.words(ops.ACTIVATIONS)),
        "classes": v.integer(1, MAX_CLASSES),
        "conv": v.scaled(v.words(ops.CONV_KINDS)),
        "depth": v.integer(0, 64),
        "kind": v.scaled(v.words(HEAD_KINDS)),
        "levels": v.scaled(
            {"anyOf": [v.whole(0, MAX_LEVEL), {"type": "string", "pattern": _LEVELS}]}
        ),
        "prior": v.number(1e-6, 0.999999),
        "width": v.integer(1, MAX_WIDTH),
    }
    return v.mapping(properties, properties)


def _backbone() -> Schema:
    by_level = {
        "type": "object",
        "minProperties": 1,
        "patternProperties": {r"^\d{1,2}$": v.integer(0, 65536)},
        "additionalProperties": False,
    }
    properties = {
        "name": v.scaled(v.timm_name()),
        "drop_path_rate": v.number(0, 0.99),
        "channels": v.scaled(by_level),
        "taps": v.scaled(by_level),
    }
    return {**v.mapping(properties, properties), "minProperties": 1}


def _style_properties() -> dict[str, Schema]:
    return {key: {"$ref": f"#/$defs/style_{key}"} for key in STYLE_KEYS}


def _style_definitions() -> dict[str, Schema]:
    gate = fusion_kinds()["gate"].options
    doubling = [name for name, kind in block_kinds().items() if kind.levels == -1]
    blocks = [steps.block(name) for name in doubling]
    return {
        "activation": v.scaled(v.words(ops.ACTIVATIONS)),
        "adapters": v.mapping(
            {
                "bias": v.flag(),
                "norm": v.flag(),
                "sharing": v.scaled(v.words(ops.SHARINGS)),
            },
            ("bias", "norm", "sharing"),
        ),
        "down": v.scaled(
            {"anyOf": [v.words((*ops.DOWN_MODES, "conv3x3")), steps.convolution(halving=True)]}
        ),
        "fusion": v.scaled({"anyOf": [v.words(_fusion_words()), *_fusion_mappings()]}),
        "gate": v.mapping(steps.options(gate), gate),
        "norm": v.mapping(
            {"eps": v.number(1e-12, 1), "momentum": v.number(0, 1)}, ("eps", "momentum")
        ),
        "op": v.scaled({"$ref": "#/$defs/steps"}),
        "padding": v.scaled(v.words(ops.PADDINGS)),
        "redundant_bias": v.flag(),
        "up": v.scaled({"anyOf": [v.words((*ops.UP_MODES, *doubling)), *blocks]}),
    }


def _fusion_words() -> tuple[str, ...]:
    return (*ops.PLAIN_FUSIONS, *ops.WEIGHTED_FUSIONS, *fusion_kinds())


def _fusion_mappings() -> list[Schema]:
    """One for each sort of fusion; the last, without a kind, completes another."""
    weights = {"granularity": v.scaled(v.words(ops.GRANULARITIES)), "eps": v.number(0, 1)}
    plain = v.mapping({"kind": v.words(ops.PLAIN_FUSIONS)}, ("kind",), ("kind",))
    weighted = {"kind": v.words(ops.WEIGHTED_FUSIONS), **weights}
    modules = [
        v.mapping({"kind": {"const": name}, **steps.options(kind.options)}, (), ("kind",))
        for name, kind in fusion_kinds().items()
    ]
    everything = dict(weights)
    for kind in fusion_kinds().values():
        everything |= steps.options(kind.options)
    return [plain, v.mapping(weighted, weighted, ("kind",)), *modules, v.mapping(everything, ())]


def _nodes(given: tuple[str, ...]) -> Schema:
    """Declarations; `given` are the input families that cannot be declared here."""
    taken = "|".join(sorted({*RESERVED, *given} - ({"in"} - {*given})))
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {
            "pattern": DECLARATION_PATTERN,
            "not": {"pattern": rf"^({taken})\s*(\(|$)|^in$|^(\w+_)?to(_|\s*\(|$)|^shared_"},
        },
        "additionalProperties": {
            "anyOf": [
                {"$ref": "#/$defs/inputs"},
                v.mapping(
                    {
                        **_style_properties(),
                        "inputs": {"$ref": "#/$defs/inputs"},
                        "keep": v.flag(),
                        "level": v.integer(0, MAX_LEVEL),
                        "share": v.name(),
                        "width": v.width(),
                    },
                    NODE_KEYS,
                ),
            ]
        },
    }


def _inputs() -> Schema:
    one = {"$ref": "#/$defs/input"}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _input() -> Schema:
    """A reference, an edge with steps of its own, or a fusion within a fusion."""
    many = {"type": "array", "items": {"$ref": "#/$defs/input"}, "minItems": 1}
    reference = {"type": "string", "pattern": REFERENCE_PATTERN}
    weights = {"granularity": v.scaled(v.words(ops.GRANULARITIES)), "eps": v.number(0, 1)}
    nested = [v.mapping({name: many}, (), (name,)) for name in ops.PLAIN_FUSIONS]
    nested += [v.mapping({name: many, **weights}, (), (name,)) for name in ops.WEIGHTED_FUSIONS]
    nested += [
        v.mapping({name: many, **steps.options(kind.options)}, (), (name,))
        for name, kind in fusion_kinds().items()
    ]
    edge = v.mapping({"from": reference, "via": {"$ref": "#/$defs/edge_steps"}}, (), ("from",))
    return {"anyOf": [reference, edge, *nested]}
