"""`fpnc draw`: topologies as papers draw them."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.options import add_format, add_options, options_of
from fpncompiler.cli.report import HELP, Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.drawing.drawings import Drawing
    from fpncompiler.drawing.palette import Theme
    from fpncompiler.pipeline import Checked

# the first suffix of a form is that of the file which is written if none is named
SUFFIXES = {
    "svg": (".svg",),
    "png": (".png",),
    "mermaid": (".mmd", ".mermaid"),
    "dot": (".dot", ".gv"),
}
PRINTED = ("mermaid", "dot")  # go to standard output if no file is named
STANDARD_OUTPUT = "-"
FOLDER = "build"
MAX_LAYERS = 1000


def add_draw(commands: "Commands") -> None:
    """`fpnc draw SPEC...`."""
    command = commands.add_parser(
        "draw",
        help="draw topologies as SVG, PNG, Mermaid or DOT",
        description="Draw a topology as papers do: levels are rows, the coarsest on top, and layers"
        " go from left to right. Several are drawn side by side.",
        epilog="example: fpnc draw specs/bifpn.yaml --phi 3 -o bifpn.svg",
    )
    command.lists_files = True
    command.add_argument("specs", nargs="+", metavar="SPEC", help="topologies")
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="its suffix says the format; - is standard output (default: SVG and PNG go to"
        f" {FOLDER}/, texts to standard output)",
    )
    command.add_argument(
        "--format", choices=tuple(SUFFIXES), help="by default that of FILE's suffix, or svg"
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--stages",
        action="store_true",
        help="one layer as declared and after each rewrite, with what it removed and added, and"
        " the network",
    )
    which.add_argument(
        "--layers",
        type=_count,
        default=1,
        metavar="N",
        help="draw N layers one by one; layers beyond that look alike are drawn once (default: 1)",
    )
    command.add_argument(
        "--adapters", action="store_true", help="mark the 1x1 convolutions to another width"
    )
    command.add_argument(
        "--theme",
        choices=("auto", "light", "dark"),
        default="auto",
        help="colours of SVG and PNG: as the reader has them (default; PNG is light), or fixed",
    )
    add_options(command)
    add_format(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.api import draw
    from fpncompiler.drawing.drawings import TooLargeError
    from fpncompiler.drawing.png import RenderError

    form = _form(parsed)
    if parsed.stages and len(parsed.specs) > 1:
        parsed.usage_error("--stages is for one SPEC")
    if parsed.stages and parsed.adapters:
        parsed.usage_error("--adapters is not for --stages: they come after the rewrites")
    checked = _checked(parsed, report)
    if checked is None:
        return
    try:
        drawing = draw(
            *checked, stages=parsed.stages, layers=parsed.layers, adapters=parsed.adapters
        )
        data = _data(drawing, form, parsed.theme)
    except TooLargeError as error:
        help = "draw one of several specs, fewer `--layers` or `--levels`"
        report.trouble(f"{error}{HELP}{help}")
        return
    except RenderError as error:
        report.trouble(f"{error}{HELP}{error.help}")
        return
    if _target(parsed, form) == STANDARD_OUTPUT:
        _print(data, report)
    else:
        _write(data, _path(checked, parsed, form), report)


def _form(parsed: argparse.Namespace) -> str:
    """What to write: what is asked for, or what the file's name says."""
    output = parsed.output
    of_suffix = {suffix: form for form, suffixes in SUFFIXES.items() for suffix in suffixes}
    named = None
    if output and output != STANDARD_OUTPUT:
        named = of_suffix.get(Path(output).suffix.lower())
        if named is None and not parsed.format:
            known = ", ".join(of_suffix)
            parsed.usage_error(f"-o {output}: name a file that ends in {known}, or give --format")
        if named and parsed.format and named != parsed.format:
            suffix = SUFFIXES[parsed.format][0]
            parsed.usage_error(f"-o {output}: a file for --format {parsed.format} ends in {suffix}")
    form: str = parsed.format or named or "svg"
    if _target(parsed, form) == STANDARD_OUTPUT:
        if parsed.output_format != "text":
            message = "give -o FILE: standard output is for the findings"
            parsed.usage_error(f"--output-format {parsed.output_format}: {message}")
        if form == "png" and sys.stdout.isatty():
            parsed.usage_error("-o -: a PNG is not for a terminal")
    return form


def _target(parsed: argparse.Namespace, form: str) -> str | None:
    """The file that is named, standard output, or None for a file of our choice."""
    output: str | None = parsed.output
    if output is None and form in PRINTED:
        return STANDARD_OUTPUT
    return output


def _checked(parsed: argparse.Namespace, report: Report) -> "list[Checked] | None":
    """All specs; None, once all faults are told, if one of them has any or cannot be read."""
    from fpncompiler.diagnostics import SpecError
    from fpncompiler.pipeline import check_spec
    from fpncompiler.spec.finding import found_spec
    from fpncompiler.spec.loading import SpecNotFoundError

    options = options_of(parsed)
    found = []
    for spec in parsed.specs:
        try:
            checked = check_spec(found_spec(spec), options)
        except SpecError as error:
            report.faults(error)
        except SpecNotFoundError as error:
            report.trouble(str(error), error.code)
        else:
            report.findings(checked.diagnostics, checked.texts)
            found.append(checked)
    return found if len(found) == len(parsed.specs) else None


def _data(drawing: "Drawing", form: str, theme: "Theme") -> bytes:
    from fpncompiler.drawing.drawings import told
    from fpncompiler.drawing.png import png_of

    match form:
        case "png":
            fixed: Theme = "dark" if theme == "dark" else "light"
            return png_of(told(drawing, "svg", fixed), fixed)
        case "mermaid" | "dot":
            return told(drawing, form).encode()
        case _:
            return told(drawing, "svg", theme).encode()


def _path(checked: "list[Checked]", parsed: argparse.Namespace, form: str) -> Path:
    """The file that is named, or one in the folder for what is made."""
    from fpncompiler.codegen.files import path_in
    from fpncompiler.pipeline import file_stem

    if parsed.output:
        return Path(parsed.output)
    last = checked[-1]
    others = "" if parsed.name else "".join(f"{each.topology.name}_" for each in checked[:-1])
    stem = others + file_stem(last.topology, last.model, last.options)
    stages = "_stages" if parsed.stages and not parsed.name else ""
    return path_in(Path(FOLDER), f"{stem}{stages}{SUFFIXES[form][0]}")


def _write(data: bytes, path: Path, report: Report) -> None:
    from fpncompiler.codegen.files import put_file

    put_file(path, data, replace=True)
    report.say(f"wrote {path.as_posix()}")


def _print(data: bytes, report: Report) -> None:
    """The drawing as it is, not as a line for people."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,3}", text) or int(text) > MAX_LAYERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of layers from 1 to {MAX_LAYERS}")
    return int(text)
