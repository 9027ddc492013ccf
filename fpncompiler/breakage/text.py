"""What breaks, for people and for programs."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from math import prod

from fpncompiler.breakage.compare import Breakage
from fpncompiler.breakage.findings import CATEGORIES, Category, Change, Finding

SHOWN = 12  # groups of a finding
SHOWN_KEYS = 3  # of a node
_NUMBERS = re.compile(r"\d+")


def as_json(found: Breakage, categories: Iterable[Category], old: str, new: str) -> str:
    """The findings of some categories, with every key."""
    findings = [
        {"code": each.code, "category": each.category, "message": each.message}
        | {"changes": [asdict(change) for change in each.changes]}
        for each in found.of(*categories)
    ]
    document = {
        "version": 1,
        "old": old,
        "new": new,
        "numerics_compared": found.numerics_compared,
        "names_alone_changed": bool(found.key_map),
        "findings": findings,
    }
    return json.dumps(document, indent=2)


def finding_lines(finding: Finding) -> Iterator[str]:
    """A finding and its keys, alike ones in one line: `network.layers.{0..2}.p{4..6}_out`."""
    yield f"{finding.category.upper()} {finding.code}: {finding.message}"
    changes = _by_node(finding.changes) if finding.code in ("B811", "B812") else finding.changes
    groups = [*_grouped(changes)]
    for key, before, after, _ in groups[:SHOWN]:
        values = f"{before} -> {after}" if before and after else before or after
        yield f"    {key}  {values}".rstrip()
    if len(groups) > SHOWN:
        count = sum(group[3] for group in groups[SHOWN:])
        yield f"    ... and {count} more; --json lists all"


def _by_node(changes: Iterable[Change]) -> Iterator[Change]:
    """Keys that are there on one side alone: a node, and in place of a shape what it holds."""
    nodes: dict[str, list[str]] = {}
    for change in changes:
        parts = change.key.split(".")
        depth = 4 if parts[:2] == ["network", "layers"] else 2
        within = f"{'.'.join(parts[depth:])} {change.before}{change.after}"
        nodes.setdefault(".".join(parts[:depth]), []).append(within.strip())
    for node, held in nodes.items():
        more = f" and {len(held) - SHOWN_KEYS} more" if len(held) > SHOWN_KEYS else ""
        yield Change(node, before=", ".join(held[:SHOWN_KEYS]) + more)


def _grouped(changes: Iterable[Change]) -> Iterator[tuple[str, str, str, int]]:
    """Keys that differ by numbers alone as one, before, after, how many keys there are."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        pattern = _NUMBERS.sub("#", change.key)
        groups.setdefault((pattern, change.before, change.after), []).append(change.key)
    for (_, before, after), keys in groups.items():
        yield _pattern_of(keys), before, after, len(keys)


def _pattern_of(keys: list[str]) -> str:
    """Each number that differs by its range, if all combinations of them are there."""
    columns = [
        sorted({int(number) for number in column})
        for column in zip(*(_NUMBERS.findall(key) for key in keys), strict=True)
    ]
    if prod(map(len, columns)) != len(keys):
        return f"{keys[0]} and {len(keys) - 1} like it"
    texts = iter([_range(column) for column in columns])
    return _NUMBERS.sub(lambda _: next(texts), keys[0])


def _range(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return str(numbers[0])
    if numbers == [*range(numbers[0], numbers[-1] + 1)]:
        return f"{{{numbers[0]}..{numbers[-1]}}}"
    return f"{{{','.join(map(str, numbers))}}}"


def verdict(found: Breakage, categories: Iterable[Category]) -> Iterator[str]:
    """What it comes to, category by category."""
    asked = [*categories]
    for category in CATEGORIES[:3]:
        if category not in asked:
            continue
        findings = found.of(category)
        yield f"{category:<9} {_said(category, found, findings)}"
    if not found.findings:
        yield "the files are equal"


def _said(category: Category, found: Breakage, findings: tuple[Finding, ...]) -> str:
    match category:
        case "weights" if found.key_map:
            return "only names changed: a renamed checkpoint loads, see --key-map"
        case "weights":
            return "the checkpoint does not load" if findings else "the checkpoint loads"
        case "api":
            return "code may break" if findings else "code works as before"
        case "numerics" if findings:
            return "outputs differ, or may differ"
        case "numerics" if not found.numerics_compared:
            return "not compared: the weights do not fit"
        case _:
            return "the same function"
