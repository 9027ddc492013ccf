"""`fpnc breaking`: whether checkpoints and code of an old version work with a new one."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.diff import WHAT
from fpncompiler.cli.options import add_format, add_options, are_given, options_of
from fpncompiler.cli.report import FINDINGS, HELP, Report

if TYPE_CHECKING:
    from fpncompiler.breakage.findings import Category
    from fpncompiler.cli.options import Commands

CATEGORIES = ("weights", "api", "numerics", "source")
BREAKING = CATEGORIES[:3]


def add_breaking(commands: "Commands") -> None:
    """`fpnc breaking OLD NEW`."""
    command = commands.add_parser(
        "breaking",
        help="whether old checkpoints and code work with a new version",
        description="Compare two versions of a model without running either: will a checkpoint of"
        " the old one load in the new one, does code written against it work, are outputs the same?"
        f" A version is {WHAT}, or a generated file, main:generated/bifpn_d0.py.",
        epilog="example: fpnc breaking main:specs/bifpn.yaml specs/bifpn.yaml --phi 0. Exit codes:"
        " 0 nothing breaks, 1 something does, 2 trouble",
    )
    command.add_argument("old", metavar="OLD", help="what the checkpoint was trained with")
    command.add_argument("new", metavar="NEW", help="what it is to load in")
    command.add_argument(
        "--category",
        type=_categories,
        default=BREAKING,
        metavar="LIST",
        help=f"among {', '.join(CATEGORIES)} (default: the first three)",
    )
    command.add_argument("--json", action="store_true", help="every finding and key as JSON")
    command.add_argument(
        "--key-map",
        metavar="FILE",
        help="where names alone changed, write old module paths -> new ones as JSON, for"
        " fpncompiler.detection.weights.rename_keys",
    )
    add_options(command)
    add_format(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _categories(text: str) -> tuple[str, ...]:
    words = [word.strip().lower() for word in text.split(",")]
    for word in words:
        if word not in CATEGORIES:
            message = f"{word!r} is no category: choose among {', '.join(CATEGORIES)}"
            raise argparse.ArgumentTypeError(message)
    return tuple(each for each in CATEGORIES if each in words)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.breakage.compare import breaking
    from fpncompiler.breakage.text import as_json, finding_lines, verdict
    from fpncompiler.reading.values import NotUnderstoodError
    from fpncompiler.revisions import is_code

    if is_code(parsed.old) and is_code(parsed.new) and are_given(parsed):
        parsed.usage_error("generated files have their options: give none")
    sources = [_source(name, parsed, report) for name in (parsed.old, parsed.new)]
    if None in sources:
        return
    try:
        found = breaking(*(source for source in sources if source is not None))
    except NotUnderstoodError as error:
        report.trouble(f"{error}{HELP}give specs, or files that `fpnc compile` wrote")
        return
    categories: tuple[Category, ...] = parsed.category
    shown = (*categories, "source") if categories == BREAKING else categories
    if any(each.category != "source" for each in found.of(*categories)):
        report.code = FINDINGS
    if parsed.json:
        report.say(as_json(found, shown, parsed.old, parsed.new))
    else:
        for finding in found.of(*shown):
            first, *rest = finding_lines(finding)
            report.say(first, "bold")
            for line in rest:
                report.say(line)
        for line in verdict(found, categories):
            report.say(line, "bold")
    if parsed.key_map:
        _write_key_map(found.key_map, bool(found.of("weights")), parsed.key_map, report)


def _source(name: str, parsed: argparse.Namespace, report: Report) -> str | None:
    """The generated file that a name stands for; None, and why is said."""
    from fpncompiler.codegen.files import text_of
    from fpncompiler.diagnostics import SpecError
    from fpncompiler.pipeline import compile_spec
    from fpncompiler.revisions import RevisionError, is_code, version

    try:
        with version(name) as found:
            if not is_code(name):
                try:
                    return compile_spec(found.path, options_of(parsed)).source
                except SpecError as error:
                    report.faults(found.shown(error))
                    report.trouble(f"{name} has faults: there is nothing to compare")
                    return None
            text = text_of(found.path)
    except RevisionError as error:
        report.trouble(f"{name}: {error}", "F607")
        return None
    if text is None:
        report.trouble(f"cannot read {name}", "F607")
    return text


def _write_key_map(key_map: dict[str, str], is_needed: bool, path: str, report: Report) -> None:
    if not key_map:
        why = "more than names changed" if is_needed else "the checkpoint loads as it is"
        report.aside(f"no key map is written: {why}")
        return
    Path(path).write_text(json.dumps(key_map, indent=2) + "\n", encoding="utf-8")
    report.aside(f"wrote {path}")
