"""Diagnostics for programs: JSON, and the annotations of GitHub's workflows."""

import json
from collections.abc import Iterable

from fpncompiler.diagnostics.model import Diagnostic, Edit, Fix, Label, Span
from fpncompiler.diagnostics.text import in_order, printable

JSON_VERSION = 1
Json = dict[str, object]


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """One JSON document: `{"version": 1, "diagnostics": [...]}`, in ASCII.

    Lines and columns count from 1, in characters; `end_column` is exclusive. A diagnostic that
    has no place in a file has a `span` of null.
    """
    listed = [_diagnostic(d) for d in in_order(diagnostics)]
    document = json.dumps({"version": JSON_VERSION, "diagnostics": listed}, indent=2)
    return document.replace("##[", "#\\u0023[")  # which is a command in a GitHub log


def as_github(diagnostics: Iterable[Diagnostic]) -> str:
    """One workflow command a line; GitHub shows ten a step, so faults come before warnings."""
    ordered = sorted(in_order(diagnostics), key=lambda d: d.severity != "error")
    return "\n".join(_annotation(d) for d in ordered)


def _diagnostic(diagnostic: Diagnostic) -> Json:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "span": _span(diagnostic.span) if diagnostic.span else None,
        "label": diagnostic.label,
        "labels": [_label(label) for label in diagnostic.labels],
        "help": diagnostic.help,
        "fix": _fix(diagnostic.fix) if diagnostic.fix else None,
    }


def _span(span: Span) -> Json:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_column": span.end_column,
    }


def _label(label: Label) -> Json:
    return {"span": _span(label.span), "text": label.text}


def _fix(fix: Fix) -> Json:
    return {"safe": fix.safe, "edits": [_edit(edit) for edit in fix.edits]}


def _edit(edit: Edit) -> Json:
    return {"span": _span(edit.span), "old": edit.old, "new": edit.new}


def _annotation(diagnostic: Diagnostic) -> str:
    properties = {"title": diagnostic.code} if diagnostic.code else {}
    if span := diagnostic.span:
        properties = {
            "file": span.file,
            "line": str(span.line),
            "col": str(span.column),
            "endColumn": str(span.end_column),
            **properties,
        }
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    said = [diagnostic.message, diagnostic.help and f"help: {diagnostic.help}"]
    text = "\n".join(printable(line) for line in said if line)
    return f"::{diagnostic.severity}{' ' * bool(listed)}{listed}::{_data(text)}"


def _data(text: str) -> str:
    """Text after `::`, where a raw `%`, CR or LF could begin another command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
