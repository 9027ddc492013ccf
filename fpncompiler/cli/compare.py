"""`fpnc compare`: topologies beside each other, at several phis."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.baking import add_baking, check_baking, with_training
from fpncompiler.cli.measuring import add_measuring, check_measuring, with_times
from fpncompiler.cli.options import add_format, add_options_of_several, options_of_several
from fpncompiler.cli.report import HELP, Report
from fpncompiler.cli.several import Named, Several, check_several

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.comparison.comparison import Comparison
    from fpncompiler.comparison.page import Picture
    from fpncompiler.comparison.published import Published


def add_compare(commands: "Commands") -> None:
    """`fpnc compare SPEC...`."""
    command = commands.add_parser(
        "compare",
        help="compare what topologies cost",
        description="One row for each topology and phi: its graph, its cost, and ratios to a"
        " baseline. Nothing is compiled, and torch is not imported, unless --measure is given.",
        epilog="example: fpnc compare fpn panet bifpn specs/mine.yaml --phi 0..3 --html page.html",
    )
    command.lists_files = True
    command.add_argument(
        "specs", nargs="+", metavar="SPEC", help="topologies: paths, folders, or names that ship"
    )
    command.add_argument(
        "--baseline", metavar="NAME", help="the topology of ratio 1 (default: the first)"
    )
    command.add_argument(
        "--against",
        metavar="FILE",
        help="show published figures beside ours: a YAML file, or a name that ships: table_5",
    )
    command.add_argument(
        "--sort", metavar="KEY", help="sort each phi by a column of --json, such as network_macs"
    )
    command.add_argument("--descending", action="store_true", help="the largest first")
    form = command.add_mutually_exclusive_group()
    for name, what in (
        ("json", "all figures as JSON"),
        ("csv", "all figures as CSV"),
        ("markdown", "tables for a document"),
    ):
        form.add_argument(
            f"--{name}", dest="form", action="store_const", const=name, default="text", help=what
        )
    command.add_argument(
        "--html", metavar="FILE", help="write a page with tables, drawings and a chart as well"
    )
    command.add_argument("-o", "--output", metavar="FILE", help="write there what is printed")
    add_options_of_several(command)
    add_measuring(command)
    add_baking(command)
    add_format(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.codegen.files import check_target

    _check_usage(parsed)
    for output in (parsed.html, parsed.output):
        if output:
            check_target(Path(output))
    published = _published(parsed.against)
    several = check_several(parsed.specs, options_of_several(parsed), report)
    if not several.good:
        return
    comparison = _comparison(parsed, several, published, report)
    if comparison is not None:
        if parsed.train:
            trained = with_training(comparison, several, parsed, report)
            if trained is None:
                return
            comparison = _sorted(trained, parsed)
        if parsed.measure:
            comparison = with_times(comparison, several, parsed, report)
            comparison = _sorted(comparison, parsed)
        _tell(comparison, several, parsed, report)


def _check_usage(parsed: argparse.Namespace) -> None:
    from fpncompiler.comparison.comparison import SORT_KEYS
    from fpncompiler.diagnostics import suggest

    check_measuring(parsed)
    check_baking(parsed)
    if parsed.sort is not None and parsed.sort not in SORT_KEYS:
        help = suggest(parsed.sort, SORT_KEYS) or f"columns: {', '.join(SORT_KEYS)}"
        parsed.usage_error(f"--sort {parsed.sort}: no such column{HELP}{help}")
    if parsed.html and parsed.output and Path(parsed.html) == Path(parsed.output):
        parsed.usage_error(f"--html and -o name one file: {parsed.output}")
    if parsed.descending and parsed.sort is None:
        parsed.usage_error("--descending is for --sort")
    if parsed.output_format != "text" and parsed.form != "text" and not parsed.output:
        message = "give -o FILE: standard output is for the findings"
        parsed.usage_error(f"--output-format {parsed.output_format}: {message}")


def _comparison(
    parsed: argparse.Namespace, several: Several, published: "Published | None", report: Report
) -> "Comparison | None":
    """The rows in order; None if there is no such baseline."""
    from fpncompiler.comparison.comparison import Comparison
    from fpncompiler.comparison.figures import row_of

    named = published.baseline if published else None
    if named and parsed.baseline not in (None, named):
        report.aside(f"the published ratios are to `{named}`, those here to `{parsed.baseline}`")
    baseline = _baseline(parsed.baseline or named, several, report)
    if baseline is None:
        return None
    rows = [row_of(each.checked, each.name, each.spec) for each in several.good]
    rows.sort(key=lambda row: row.phi)
    return _sorted(Comparison(tuple(rows), baseline, published=published), parsed)


def _sorted(comparison: "Comparison", parsed: argparse.Namespace) -> "Comparison":
    """With the rows of each phi sorted as asked."""
    from fpncompiler.comparison.comparison import sorted_rows

    if parsed.sort is None:
        return comparison
    sort, descending = parsed.sort, parsed.descending
    groups = (sorted_rows(rows, sort, descending=descending) for rows in comparison.groups())
    return replace(comparison, rows=tuple(row for rows in groups for row in rows))


def _published(word: str | None) -> "Published | None":
    from fpncompiler.comparison.comparison import RATIO_KEYS, SORT_KEYS
    from fpncompiler.comparison.published import load_published

    return load_published(word, (*SORT_KEYS[1:], *RATIO_KEYS)) if word else None


def _baseline(asked: str | None, several: Several, report: Report) -> str | None:
    """The topology that ratios are taken to, by its name or its spec; None if it is unknown."""
    from fpncompiler.diagnostics import suggest

    if asked is None:
        return several.good[0].name
    for each in several.good:
        if asked in (each.name, each.spec, Path(each.spec).stem):
            return each.name
    if any(asked in (spec, Path(spec).stem) for spec in several.failed):
        report.aside(f"no ratios: the baseline `{asked}` has faults")
        return asked
    help = suggest(asked, {each.name for each in several.good}) or "name one of those compared"
    report.trouble(f"the baseline `{asked}` is not compared{HELP}{help}")
    return None


def _tell(
    comparison: "Comparison", several: Several, parsed: argparse.Namespace, report: Report
) -> None:
    from fpncompiler.comparison.forms import as_csv, as_json, as_markdown
    from fpncompiler.comparison.terminal import terminal_lines

    match parsed.form:
        case "json":
            text = as_json(comparison, several.failed)
        case "csv":
            text = as_csv(comparison)
        case "markdown":
            text = as_markdown(comparison)
        case _:
            text = "\n".join(terminal_lines(comparison))
    if parsed.html:
        _write_page(comparison, several, Path(parsed.html), report)
    if parsed.output:
        from fpncompiler.codegen.files import put_file

        put_file(Path(parsed.output), f"{text}\n".encode(), replace=True)
        report.say(f"wrote {parsed.output}")
    else:
        report.say(text)


def _write_page(comparison: "Comparison", several: Several, path: Path, report: Report) -> None:
    from fpncompiler.codegen.files import put_file
    from fpncompiler.comparison.page import page_of

    page = page_of(comparison, _pictures(several), several.failed)
    put_file(path, page.encode(), replace=True)
    report.aside(f"wrote {path.as_posix()}")


def _pictures(several: Several) -> "list[Picture]":
    """The drawing of each topology, as its smallest model has it."""
    from fpncompiler.comparison.page import Picture
    from fpncompiler.drawing.drawings import TooLargeError, network_svg

    smallest: dict[str, Named] = {}
    for each in several.good:
        known = smallest.setdefault(each.name, each)
        if each.checked.model.phi < known.checked.model.phi:
            smallest[each.name] = each
    pictures = []
    for name, each in smallest.items():
        topology = each.checked.topology
        svg, why = "", ""
        try:
            svg = network_svg(each.checked.network, title=f"{name} ({each.checked.model.variant})")
        except TooLargeError as error:
            why = f"{error}"
        pictures.append(Picture(name, topology.title, topology.source, svg, why))
    return pictures
