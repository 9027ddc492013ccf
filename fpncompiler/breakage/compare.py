"""Two generated files, compared: weights, then interface, then what they compute, then the text.

Nothing is run. Keys and shapes of the state dict are exact, but for backbones and parts of unknown
classes, which are equal where they are made by the same arguments. Equal numerics are proven by
numbering what both compute; unequal ones are what could not be proven equal.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from fpncompiler.breakage.api import api
from fpncompiler.breakage.findings import MESSAGES, Category, Change, Finding
from fpncompiler.breakage.numerics import Pair, constants, numerics, training
from fpncompiler.breakage.weights import renamed_modules, weights
from fpncompiler.reading.file import GeneratedFile, read_file
from fpncompiler.reading.values import NotUnderstoodError

Changes = Iterator[tuple[str, Change]]


@dataclass(frozen=True, slots=True)
class Breakage:
    """What stands between two files, by code.

    `key_map` is what `rename_keys` takes to make the old checkpoint load in the new model; empty
    where it loads as it is, and where no such map exists. Without `numerics_compared` the weights
    fit neither way, and what is computed with them was not compared.
    """

    findings: tuple[Finding, ...]
    key_map: dict[str, str]
    numerics_compared: bool

    def of(self, *categories: Category) -> tuple[Finding, ...]:
        """The findings of some categories."""
        return tuple(each for each in self.findings if each.category in categories)


def breaking(old: str, new: str) -> Breakage:
    """What breaks for checkpoints and code of the old generated file with the new one.

    Raises:
        NotUnderstoodError: a text is no generated file.
    """
    before, after = _read(old, "OLD"), _read(new, "NEW")
    found = [*weights(before, after)]
    key_map = renamed_modules(before, after) if found else {}
    compared = bool(key_map) or not found
    found += [*api(before, after), *constants(before, after)]
    if compared:
        pair = Pair(before, after, key_map)
        found += numerics(pair)
        found += training(pair)
    if not found:
        found += _text(old, new)
    by_code = (
        Finding(code, tuple(change for each, change in found if each == code)) for code in MESSAGES
    )
    findings = tuple(finding for finding in by_code if finding.changes)
    return Breakage(findings, key_map, compared)


def _read(text: str, which: str) -> GeneratedFile:
    """A version; where it is not understood, the error says which, and the line."""
    try:
        return read_file(text)
    except NotUnderstoodError as error:
        line = f", line {error.line}" if error.line else ""
        raise NotUnderstoodError(f"{which}{line}: {error.what}", error.line) from error


def _text(old: str, new: str) -> Changes:
    """The parts of the file whose text differs, though nothing that it does."""
    before, after = _parts(old), _parts(new)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            words = ["" if name in parts else "none" for parts in (before, after)]
            yield "B841", Change(name, *words)


def _parts(text: str) -> dict[str, str]:
    """Part of the file -> its text; the header, which says where it comes from, left out."""
    tree = ast.parse(text)
    lines = text.split("\n")
    first = tree.body[0].lineno - 1
    lines[:first] = [""] * first
    found: dict[str, str] = {}
    for node in tree.body:
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        name = "imports and constants"
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            name = node.name
        elif node is tree.body[0] and isinstance(node, ast.Expr):
            name = "docstring of the file"
        found[name] = found.get(name, "") + "\n".join(lines[first:last]) + "\n"
        lines[first:last] = [""] * (last - first)
    found["comments"] = "\n".join(line for line in lines if line)
    return found
