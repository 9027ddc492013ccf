"""A small YAML file as plain text, lists and mappings: no tags, no aliases, bounded.

It is for YOLO's `data.yaml`. Scalars stay text: what they mean is for whoever reads them.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from fpncompiler.datasets.findings import DataError
from fpncompiler.datasets.raw import read_bytes

MAX_BYTES = 4 << 20
MAX_DEPTH = 16
MAX_VALUES = 200_000
_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Value = str | list["Value"] | dict[str, "Value"]


def read_settings(path: Path) -> dict[str, Value]:
    """The mapping of a YAML file.

    Raises:
        DataError: it cannot be read, is no YAML, no mapping, or more than plain YAML.
    """
    place = path.as_posix()
    try:
        text = read_bytes(path, MAX_BYTES).decode("utf-8-sig")
        events = yaml.parse(text, Loader=_Parser)
        value = _document(_counted(events, place), place)
    except UnicodeDecodeError as error:
        raise DataError(f"{place} is not UTF-8 text") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataError(f"{place}:{line}: no YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise DataError(f"{place}: no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(value, dict):
        raise DataError(f"{place} is no mapping of `key: value` lines")
    return value


def _counted(events: Iterator[yaml.Event], place: str) -> Iterator[yaml.Event]:
    """The events, up to a limit of their number and depth; no aliases."""
    depth = 0
    for count, event in enumerate(events):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise DataError(f"{place}:{line}: an alias, which fpnc does not read")
        if depth > MAX_DEPTH:
            raise DataError(f"{place}:{line}: nested more than {MAX_DEPTH} deep")
        if count > MAX_VALUES:
            raise DataError(f"{place} has more than {MAX_VALUES} values")
        yield event


def _document(events: Iterator[yaml.Event], place: str) -> Value:
    found: Value = ""
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if isinstance(event, yaml.NodeEvent):
            found = _value(event, events, place)
    if documents > 1:
        raise DataError(f"{place} has {documents} documents")
    return found


def _value(event: yaml.Event, events: Iterator[yaml.Event], place: str) -> Value:
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Value] = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_value(inner, events, place))
        return items
    found: dict[str, Value] = {}
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        key = _value(inner, events, place)
        line = inner.start_mark.line + 1 if inner.start_mark else 1
        if not isinstance(key, str):
            raise DataError(f"{place}:{line}: a key must be a word")
        if key in found:
            raise DataError(f"{place}:{line}: `{key[:60]}` is given twice")
        found[key] = _value(next(events), events, place)
    return found
