"""`fpnc compile --print-ir-after` and `--time-passes`: what a compilation goes through."""

import argparse
from typing import TYPE_CHECKING

from fpncompiler.cli.report import Report

if TYPE_CHECKING:
    from fpncompiler.passes.trace import Trace

ALL = "all"


def add_tracing(command: argparse.ArgumentParser) -> None:
    """The options that look into a compilation."""
    command.add_argument(
        "--print-ir-after",
        action="append",
        default=[],
        metavar="PASS",
        help="write no file; print the graphs that a pass leaves, or `all` passes, as text that"
        " `fpnc opt` reads; may be repeated",
    )
    command.add_argument(
        "--time-passes",
        action="store_true",
        help="a table of the time that each part of the compilation took, on standard error",
    )


def check_tracing(parsed: argparse.Namespace) -> None:
    """End with a usage error where a pass is unknown, or no one compilation is looked into."""
    from fpncompiler.diagnostics import suggest
    from fpncompiler.passes import TRACED

    if (parsed.print_ir_after or parsed.time_passes) and parsed.all:
        parsed.usage_error("--print-ir-after and --time-passes look into one compilation: no --all")
    if parsed.print_ir_after and parsed.check:
        parsed.usage_error("--print-ir-after has no file to --check")
    for name in parsed.print_ir_after:
        if name not in (*TRACED, ALL):
            help = suggest(name, (*TRACED, ALL))
            parsed.usage_error(f"--print-ir-after {name}: no such pass; {help}")


def print_ir(trace: "Trace", wanted: list[str], report: Report) -> None:
    """What the wanted passes left, in the order in which they ran."""
    from fpncompiler.ir.text import print_item

    found = [(name, item) for name, item in trace.left if {name, ALL} & {*wanted}]
    for index, (name, item) in enumerate(found):
        report.say(f"{chr(10) * bool(index)}# after {name}\n{print_item(item).rstrip()}")
    ran = dict.fromkeys(name for name, _ in trace.left)
    for name in wanted:
        if name not in ran and name != ALL:
            report.trouble(f"{name} did not run here; these passes did: {', '.join(ran)}")


def print_times(trace: "Trace", report: Report) -> None:
    """Each part of a compilation with how often it ran and how long it took."""
    whole = sum(spent.seconds for spent in trace.spent.values())
    width = max((len(name) for name in trace.spent), default=0)
    report.aside(f"{'part':<{width}}  runs        ms     %")
    for name, spent in trace.spent.items():
        share = 100 * spent.seconds / whole
        report.aside(f"{name:<{width}}  {spent.runs:4}  {1000 * spent.seconds:8.1f}  {share:4.0f}")
    report.aside(f"{'all':<{width}}        {1000 * whole:8.1f}  {100:4}")
