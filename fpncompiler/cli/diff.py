"""`fpnc diff`: what differs between two specs, or two versions of one."""

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from fpncompiler.cli.options import add_format, add_options, options_of
from fpncompiler.cli.report import FINDINGS, Colour, Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.difference.text import Mark

WHAT = "a path, the name of a spec that ships, or a git revision such as main:specs/bifpn.yaml"


def add_diff(commands: "Commands") -> None:
    """`fpnc diff A B`."""
    command = commands.add_parser(
        "diff",
        help="what differs between two specs",
        description="List what differs between two specs as they are compiled: settings, nodes,"
        f" inputs, fusions, steps, cost. A spec is {WHAT}.",
        epilog="example: fpnc diff main:specs/bifpn.yaml specs/bifpn.yaml --phi 3. Exit codes: 0"
        " they are equal, 1 they differ, 2 trouble, faults of a spec among it",
    )
    command.add_argument("old", metavar="A", help="a spec")
    command.add_argument("new", metavar="B", help="another one, or another version")
    command.add_argument("--json", action="store_true", help="everything as JSON")
    add_options(command)
    add_format(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.diagnostics import SpecError
    from fpncompiler.difference.detectors import difference
    from fpncompiler.difference.text import as_json, as_lines
    from fpncompiler.pipeline import Checked, check_spec
    from fpncompiler.revisions import RevisionError, is_code, version

    for name in (parsed.old, parsed.new):
        if is_code(name):
            parsed.usage_error(f"{name} is no spec; `fpnc breaking` compares generated files")
    options = options_of(parsed)
    checked: list[Checked] = []
    with ExitStack() as stack:
        for name in (parsed.old, parsed.new):
            try:
                found = stack.enter_context(version(name))
            except RevisionError as error:
                report.trouble(f"{name}: {error}", "F607")
                return
            try:
                checked.append(check_spec(found.path, options))
            except SpecError as error:
                report.faults(found.shown(error))
                report.trouble(f"{name} has faults: there is nothing to compare")
                return
    compared = difference(*checked)
    report.code = 0 if compared.is_empty else FINDINGS
    if parsed.json:
        report.say(as_json(compared, parsed.old, parsed.new))
        return
    if compared.is_empty:
        report.say("no difference")
    for mark, line in as_lines(compared):
        report.say(line, _COLOURS[mark])


_COLOURS: "Mapping[Mark, Colour]" = {
    "head": "bold",
    "gone": "red",
    "new": "green",
    "changed": "yellow",
    "plain": "plain",
}
