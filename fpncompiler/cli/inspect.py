"""`fpnc inspect`: what every node is and costs."""

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.options import add_format, add_options, options_of
from fpncompiler.cli.report import HELP, Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands


def add_inspect(commands: "Commands") -> None:
    """`fpnc inspect SPEC`."""
    command = commands.add_parser(
        "inspect",
        help="what every node of a topology is and costs",
        description="List every node with its level, stride, inputs, channels, size, parameters,"
        " multiply-accumulates and activation memory, and what backbone, network and heads come to."
        " With `--scaling formula`, also what the model's formulas give beside what is published.",
        epilog="example: fpnc inspect specs/bifpn.yaml --phi 3",
    )
    command.add_argument("spec", metavar="SPEC", help="a topology")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="all figures as JSON")
    form.add_argument("--csv", action="store_true", help="one line a node as CSV")
    command.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    command.add_argument(
        "--image-size", type=_size, metavar="HxW", help="in pixels (default: the model's)"
    )
    add_options(command)
    add_format(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.pipeline import check_spec
    from fpncompiler.report.inspection import inspect, scaling_of, size_rule
    from fpncompiler.report.inspection_text import as_csv, as_json, as_table
    from fpncompiler.spec.finding import found_spec

    checked = check_spec(found_spec(parsed.spec), options_of(parsed))
    report.findings(checked.diagnostics, checked.texts)
    if parsed.image_size and (rule := size_rule(parsed.image_size, checked)):
        height, width = parsed.image_size
        message = f"--image-size {height}x{width} is none that this network takes"
        report.trouble(f"{message}{HELP}{rule}")
        return
    found = inspect(checked, parsed.image_size)
    if parsed.scaling == "formula":
        found = replace(found, scaling=scaling_of(checked))
    text = (as_json if parsed.json else as_csv if parsed.csv else as_table)(found)
    if parsed.output is None:
        report.say(text)
        return
    Path(parsed.output).write_text(text + "\n", encoding="utf-8")
    report.say(f"wrote {parsed.output}")


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write HEIGHTxWIDTH, as 512x640")
    return int(found[1]), int(found[2])
