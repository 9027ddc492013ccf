"""What breaks, for people and for programs."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby

from fpncompiler.breakage.compare import Breakage
from fpncompiler.breakage.findings import CATEGORIES, Category, Change, Finding

SHOWN = 12  # groups of a finding
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
    """A finding and its keys, alike ones in one line: `network.layers.{0..2}.p6_td.weight`."""
    yield f"{finding.category.upper()} {finding.code}: {finding.message}"
    groups = [*_grouped(finding.changes)]
    for key, count, before, after in groups[:SHOWN]:
        times = f"  ({count} times)" if count > 1 else ""
        values = f"{before} -> {after}" if before and after else before or after
        yield f"    {key}  {values}{times}".rstrip()
    if len(groups) > SHOWN:
        yield f"    ... and {sum(g[1] for g in groups[SHOWN:])} more; --json lists all"


def _grouped(changes: Iterable[Change]) -> Iterator[tuple[str, int, str, str]]:
    """Pattern of keys, how many there are, before, after."""

    def pattern(change: Change) -> tuple[str, str, str]:
        return _NUMBERS.sub("#", change.key), change.before, change.after

    for (_, before, after), group in groupby(sorted(changes, key=pattern), key=pattern):
        keys = [change.key for change in group]
        yield _pattern_of(keys), len(keys), before, after


def _pattern_of(keys: list[str]) -> str:
    """Keys that differ by numbers alone, as one: each number that differs by its range."""
    columns = [
        sorted({int(number) for number in column})
        for column in zip(*(_NUMBERS.findall(key) for key in keys), strict=True)
    ]
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
