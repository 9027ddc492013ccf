"""The schemas of single values: names, numbers, formulas, words, mappings with known keys."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fpncompiler.spec.expression import MAX_LENGTH
from fpncompiler.spec.names import MAX_NAME, RESERVED
from fpncompiler.spec.schema_texts import TEXTS
from fpncompiler.spec.steps import MAX_WIDTH, STRIDES

Schema = dict[str, Any]
SMALL = 100  # characters that a reference would not be shorter than

NAME_PATTERN = r"^[a-z](_?[a-z0-9])*$"
_FORMULA = r"^[0-9a-z_ .+*/(),eE-]+$"
# The rest of a formula or reference that YAML splits at its commas, as keys without a value; a
# whole call, `td(l)`, is no rest.
_REST = {r"^(?!\w+\s*\([^()]*\)$).*\)$|^\w+\([^()]+$": {"type": "null"}}


def mapping(
    properties: Mapping[str, Schema], keys: Iterable[str], required: tuple[str, ...] = ()
) -> Schema:
    """A mapping with these keys alone; `keys` are what the compiler knows, all of them described.

    Raises:
        KeyError: the compiler knows a key that has no schema.
    """
    wanted = [*keys] or [*properties]
    described = {key: _described(key, properties[key]) for key in sorted(wanted)}
    schema: Schema = {
        "type": "object",
        "properties": described,
        "patternProperties": _REST,
        "additionalProperties": False,
    }
    return schema | ({"required": [*required]} if required else {})


def _described(key: str, schema: Schema) -> Schema:
    text = TEXTS.get(key)
    return {"description": text, **schema} if text else schema


def name() -> Schema:
    """A name of the closed grammar."""
    return {"$ref": "#/$defs/name"}


def name_definition() -> Schema:
    """What a name is; nothing that Python or PyTorch means already."""
    taken = sorted(name for name in RESERVED if len(name) > 1)
    return {
        "type": "string",
        "pattern": NAME_PATTERN,
        "maxLength": MAX_NAME,
        "not": {"anyOf": [{"enum": taken}, {"pattern": "(^|_)to(_|$)|^shared_"}]},
    }


def timm_name() -> Schema:
    """The name of a timm model."""
    return {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"}


def text() -> Schema:
    """Free text."""
    return scaled({"type": ["string", "number", "boolean", "null"], "maxLength": 400})


def words(words: Iterable[str]) -> Schema:
    """One of a closed set of words."""
    return {"enum": [*words]}


def flag() -> Schema:
    """`true` or `false`."""
    return scaled({"type": "boolean"})


def formula() -> Schema:
    """A formula of phi, or the half of one that YAML splits at its comma."""
    return {"type": "string", "pattern": _FORMULA, "maxLength": MAX_LENGTH}


def whole(low: int, high: int) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": low, "maximum": high}


def real(low: float, high: float) -> Schema:
    """A number."""
    return {"type": "number", "minimum": low, "maximum": high}


def integer(low: int, high: int) -> Schema:
    """A whole number or a formula."""
    return scaled({"anyOf": [whole(low, high), formula()]})


def number(low: float = -(2.0**31), high: float = 2.0**31) -> Schema:
    """A number or a formula."""
    return scaled({"anyOf": [real(low, high), formula()]})


def width() -> Schema:
    """Channels; `same` has the form of a formula."""
    return integer(1, MAX_WIDTH)


def stride() -> Schema:
    """A power of two."""
    return scaled({"anyOf": [{"enum": [*STRIDES]}, formula()]})


def triple(low: float) -> Schema:
    """Red, green, blue."""
    return {"type": "array", "items": number(low, 1), "minItems": 3, "maxItems": 3}


def scaled(schema: Schema) -> Schema:
    """A value, or one that scales with phi."""
    table = {
        "anyOf": [
            {"type": "array", "items": schema},
            {"type": "object", "patternProperties": {r"^\d{1,2}$": schema}},
        ]
    }
    scaled = {
        "type": "object",
        "properties": {"formula": schema, "published": table},
        "patternProperties": _REST,
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {"anyOf": [schema, scaled]}


def with_shared_parts(document: Schema) -> Schema:
    """The document with each larger part that it holds more than once as a definition."""
    counts: Counter[str] = Counter()
    for part in _parts(document):
        counts[json.dumps(part, sort_keys=True)] += 1
    repeated = [text for text, count in counts.items() if count > 1 and len(text) > SMALL]
    names = {text: f"part{i}" for i, text in enumerate(repeated, 1)}

    def shared(part: Any, *, whole: bool = False) -> Any:
        if isinstance(part, list):
            return [shared(item) for item in part]
        if not isinstance(part, dict):
            return part
        text = json.dumps(part, sort_keys=True)
        if text in names and not whole:
            return {"$ref": f"#/$defs/{names[text]}"}
        return {key: shared(value) for key, value in part.items()}

    rest = shared(document)
    rest["$defs"] |= {name: shared(json.loads(text), whole=True) for text, name in names.items()}
    return dict(rest)


def _parts(part: Any) -> Iterator[Schema]:
    """Every schema within a document."""
    if isinstance(part, dict):
        if {"type", "anyOf", "enum", "const"} & set(part):
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from _parts(item)
