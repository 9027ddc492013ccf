"""`fpnc plot`: cost curves of topologies over phi."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.options import add_format, add_options_of_several, options_of_several
from fpncompiler.cli.report import HELP, Report
from fpncompiler.cli.several import check_several

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands

DEFAULT_OUTPUT = "build/curves.svg"
ALL_PHIS = (0, 1, 2, 3, 4, 5, 6)


def add_plot(commands: "Commands") -> None:
    """`fpnc plot SPEC...`."""
    command = commands.add_parser(
        "plot",
        help="plot the costs of topologies over phi",
        description="Draw curves of parameters, multiply-accumulates and memory over phi. Needs"
        " matplotlib: pip install 'fpnc[plot]'.",
        epilog="example: fpnc plot fpn panet bifpn --phi 0..6 -o curves.svg",
    )
    command.lists_files = True
    command.add_argument(
        "specs", nargs="+", metavar="SPEC", help="topologies: paths, folders, or names that ship"
    )
    command.add_argument(
        "-o",
        "--output",
        default=DEFAULT_OUTPUT,
        metavar="FILE",
        help=f"ends in .svg or .png (default: {DEFAULT_OUTPUT})",
    )
    command.add_argument(
        "--metric",
        action="append",
        metavar="KEY",
        help="a panel, may be given often: a cost of `fpnc compare --json` (default: parameters,"
        " MACs and memory of the network)",
    )
    add_options_of_several(command)
    add_format(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.codegen.files import check_target, put_file
    from fpncompiler.comparison.comparison import Comparison
    from fpncompiler.comparison.curves import DEFAULT_CURVES, NoMatplotlibError, curves_of
    from fpncompiler.comparison.figures import row_of

    _check_usage(parsed)
    output = Path(parsed.output)
    check_target(output)
    if parsed.phi is None and parsed.variant is None:
        parsed.phi = ALL_PHIS
    several = check_several(parsed.specs, options_of_several(parsed), report)
    if not several.good:
        return
    rows = tuple(row_of(each.checked, each.name, each.spec) for each in several.good)
    comparison = Comparison(rows, rows[0].topology)
    keys = parsed.metric or DEFAULT_CURVES
    try:
        data = curves_of(comparison, [*dict.fromkeys(keys)], output.suffix.lower()[1:])
    except NoMatplotlibError as error:
        report.trouble(f"{error}{HELP}{error.help}")
        return
    put_file(output, data, replace=True)
    report.say(f"wrote {output.as_posix()}")


def _check_usage(parsed: argparse.Namespace) -> None:
    from fpncompiler.comparison.curves import CURVES, FORMATS
    from fpncompiler.diagnostics import suggest

    if Path(parsed.output).suffix.lower()[1:] not in FORMATS:
        parsed.usage_error(f"-o {parsed.output}: name a file that ends in .svg or .png")
    for key in parsed.metric or ():
        if key not in CURVES:
            parsed.usage_error(f"--metric {key}: no such cost{HELP}{suggest(key, CURVES)}")
