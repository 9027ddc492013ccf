"""`fpnc opt`: passes on the textual IR."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.options import add_format
from fpncompiler.cli.report import FINDINGS, Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands

STANDARD_INPUT = "-"


def add_opt(commands: "Commands") -> None:
    """`fpnc opt FILE`."""
    command = commands.add_parser(
        "opt",
        help="run passes on the textual IR",
        description="Read graphs in the textual form that `fpnc compile --print-ir-after` prints,"
        " run passes on them in the order that is given, and print them. The text is verified, and"
        " what each pass makes of it.",
        epilog="example: fpnc opt layer.ir --pass prune_single_input --pass add_same_level_skip",
    )
    command.add_argument("file", metavar="FILE", help="a text; - is standard input")
    command.add_argument(
        "--pass", dest="passes", action="append", default=[], metavar="NAME", help="may be repeated"
    )
    command.add_argument("-o", "--output", metavar="OUT", help="default: standard output")
    command.add_argument("--verify-only", action="store_true", help="print nothing")
    add_format(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.opt import VerifyError, optimize

    _check_names(parsed)
    name, data = _read(parsed.file)
    try:
        text = optimize(data, name, parsed.passes).rstrip("\n")
    except VerifyError as error:
        report.trouble(f"a pass leaves no graph behind: {error}")
        report.code = FINDINGS
        return
    if parsed.verify_only:
        return
    if parsed.output is None:
        report.say(text)
        return
    Path(parsed.output).write_text(text + "\n", encoding="utf-8")
    report.say(f"wrote {parsed.output}")


def _read(file: str) -> tuple[str, bytes]:
    """What diagnostics call a text, and as much of it as is read: a device may have no end."""
    from fpncompiler.opt import MAX_BYTES

    if file == STANDARD_INPUT:
        return "<standard input>", sys.stdin.buffer.read(MAX_BYTES + 1)
    with Path(file).open("rb") as stream:
        return file, stream.read(MAX_BYTES + 1)


def _check_names(parsed: argparse.Namespace) -> None:
    """End with a usage error where a pass is unknown."""
    from fpncompiler.diagnostics import suggest
    from fpncompiler.opt import PASSES

    for name in parsed.passes:
        if name not in PASSES:
            parsed.usage_error(f"--pass {name}: no such pass; {suggest(name, PASSES)}")
