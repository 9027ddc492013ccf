"""`fpnc check` and `fpnc explain`: what is wrong with specs, and what that means."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.options import add_format, add_options, options_of
from fpncompiler.cli.report import FINDINGS, Report, counted

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.diagnostics import Diagnostic
    from fpncompiler.options import Options


def add_check(commands: "Commands") -> None:
    """`fpnc check SPEC...`."""
    command = commands.add_parser(
        "check",
        help="look for faults in specs, and mend them",
        description="Look at specs without writing code: list their faults and warnings.",
        epilog="example: fpnc check specs/*.yaml --fix",
    )
    command.lists_files = True
    command.add_argument("specs", nargs="+", metavar="SPEC", help="topologies")
    add_options(command)
    command.add_argument("--fix", action="store_true", help="mend what is safe to mend, in place")
    command.add_argument(
        "--unsafe-fixes", action="store_true", help="mend what is likely meant as well, in place"
    )
    command.add_argument("--strict", action="store_true", help="warnings count as findings")
    add_format(command)
    command.set_defaults(run=_run_check, usage_error=command.error)


def add_explain(commands: "Commands") -> None:
    """`fpnc explain CODE`."""
    command = commands.add_parser(
        "explain",
        help="explain the code of a diagnostic",
        description="Explain a code such as F204, with a spec that has the fault and one without.",
        epilog="example: fpnc explain F204",
    )
    command.add_argument("code", nargs="?", metavar="CODE", help="without it, list all codes")
    command.set_defaults(run=_run_explain)


def _run_check(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.spec.finding import found_here
    from fpncompiler.spec.loading import SpecNotFoundError

    found = []
    faulty = 0
    specs: dict[str, str] = {}
    for word in parsed.specs:
        try:
            spec = str(found_here(word))
        except SpecNotFoundError as error:
            report.trouble(str(error), error.code)
            continue
        specs.setdefault(_file(spec), spec)
    for spec in specs.values():
        diagnostics = _check(spec, parsed, report)
        found += diagnostics or []
        faulty += diagnostics is None or any(d.severity == "error" for d in diagnostics)
    if found:
        where = f"; faulty specs: {faulty} of {len(specs)}" if len(specs) > 1 and faulty else ""
        report.aside(f"{counted(found)}{where}")
    if found and parsed.strict:
        report.code = max(report.code, FINDINGS)


def _file(spec: str) -> str:
    """The file behind a path, the same for all paths to it."""
    try:
        return os.path.realpath(spec)
    except ValueError:  # what no file can be called is told when it is read
        return spec


def _check(spec: str, parsed: argparse.Namespace, report: Report) -> "list[Diagnostic] | None":
    """What is wrong with a spec, printed; None if it cannot be read."""
    from fpncompiler.codegen.files import WriteRefusedError
    from fpncompiler.diagnostics import SpecError
    from fpncompiler.pipeline import check_spec
    from fpncompiler.report.summary import summary
    from fpncompiler.spec.loading import SpecNotFoundError

    options = options_of(parsed)
    try:
        if parsed.fix or parsed.unsafe_fixes:
            _mend(spec, options, parsed.unsafe_fixes, report)
    except WriteRefusedError as error:
        report.trouble(str(error), error.code)
        if not os.path.isfile(spec):
            return None  # a pipe, which can be read once
    except SpecNotFoundError:
        pass  # which is told below
    try:
        checked = check_spec(Path(spec), options)
    except SpecError as error:
        report.faults(error)
        return list(error.diagnostics)
    except SpecNotFoundError as error:
        report.trouble(str(error), error.code)
        return None
    what, _, *notes = summary(checked)
    report.say("\n  ".join([f"{spec}: {what}", *notes]))
    report.findings(checked.diagnostics, checked.texts)
    return list(checked.diagnostics)


def _mend(spec: str, options: "Options", unsafe: bool, report: Report) -> None:
    from fpncompiler.mending import mend

    count = mend(Path(spec), options, unsafe=unsafe)
    if count:
        report.say(f"{spec}: mended {count} fault{'s' * (count > 1)}")


def _run_explain(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.explain import UnknownCodeError, explain, titles

    if parsed.code is None:
        for code, title in titles().items():
            report.say(f"{code}  {title}")
        return
    try:
        report.say(explain(parsed.code).rstrip("\n"))
    except UnknownCodeError as error:
        report.trouble(str(error))
