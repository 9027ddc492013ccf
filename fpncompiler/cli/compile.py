"""`fpnc compile`: specs to Python files, or what stands in the way."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.options import add_format, add_options, are_given, options_of
from fpncompiler.cli.recorded import RecordedError, recorded
from fpncompiler.cli.report import Report
from fpncompiler.cli.tracing import add_tracing, check_tracing, print_ir, print_times

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.pipeline import Compiled

DEFAULT_OUTPUT = "generated"
MAX_DIFF = 60  # lines of a file that are shown


def add_compile(commands: "Commands") -> None:
    """`fpnc compile SPEC`."""
    command = commands.add_parser(
        "compile",
        help="compile a spec to a Python file",
        description="Compile a topology and its model to one readable Python file.",
        epilog="example: fpnc compile specs/bifpn.yaml --phi 3",
    )
    command.add_argument(
        "spec", nargs="?", metavar="SPEC", help="a topology such as specs/bifpn.yaml"
    )
    add_options(command)
    command.add_argument(
        "-o",
        "--output-dir",
        default=DEFAULT_OUTPUT,
        metavar="DIR",
        help=f"where the file goes (default: {DEFAULT_OUTPUT})",
    )
    command.add_argument(
        "--all", action="store_true", help="every file that fpnc made in the output folder"
    )
    command.add_argument(
        "--check", action="store_true", help="write nothing; say what is stale or edited"
    )
    command.add_argument(
        "--force", action="store_true", help="replace files that are not ours, keeping a copy"
    )
    add_tracing(command)
    add_format(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    if parsed.all == bool(parsed.spec):
        parsed.usage_error("give one SPEC, or --all")
    check_tracing(parsed)
    output = Path(parsed.output_dir)
    if not parsed.all:
        _compile_one(parsed, output, report)
        return
    if are_given(parsed):
        parsed.usage_error("--all takes each file's options from its header: give no others")
    _compile_all(output, parsed, report)


def _compile_one(parsed: argparse.Namespace, output: Path, report: Report) -> None:
    from fpncompiler.codegen.files import path_in
    from fpncompiler.report.summary import summary

    compiled = _traced(parsed, report)
    report.findings(compiled.diagnostics, compiled.texts)
    if parsed.print_ir_after:
        return
    path = path_in(output, compiled.file_name)
    if parsed.check:
        _check_file(path, compiled.source, report)
        return
    _write_file(path, compiled.source, parsed.force, report)
    for line in summary(compiled):
        report.say(f"  {line}")
    report.say(f"  next: {_import_line(path, compiled.class_name)}")


def _traced(parsed: argparse.Namespace, report: Report) -> "Compiled":
    """The compilation; what it went through is printed, where that is asked for, in any case."""
    from fpncompiler.passes.trace import Trace
    from fpncompiler.pipeline import compile_spec
    from fpncompiler.spec.finding import found_here

    trace = Trace()
    try:
        return compile_spec(found_here(parsed.spec), options_of(parsed), trace)
    finally:
        if parsed.print_ir_after:
            print_ir(trace, parsed.print_ir_after, report)
        if parsed.time_passes:
            print_times(trace, report)


def _compile_all(output: Path, flags: argparse.Namespace, report: Report) -> None:
    """Every file that fpnc made in a folder; a fault of one does not hide the others."""
    from fpncompiler.codegen.files import WriteRefusedError
    from fpncompiler.diagnostics import SpecError
    from fpncompiler.pipeline import compile_spec
    from fpncompiler.spec.loading import SpecNotFoundError

    if not output.is_dir():
        report.trouble(f"there is no folder {output.as_posix()}")
        return
    for path in sorted(output.glob("*.py")):
        try:
            request = recorded(path, output)
            if request is None:
                report.say(f"skipped {path.as_posix()}: fpnc did not make it from a spec file")
                continue
            source = compile_spec(Path(request.spec), options_of(request)).source
            if flags.check:
                _check_file(path, source, report)
            else:
                _write_file(path, source, flags.force, report)
        except SpecError as error:
            report.aside(f"{path.as_posix()}: its spec has faults")
            report.faults(error)
        except WriteRefusedError as error:
            report.trouble(str(error), error.code)
        except SpecNotFoundError as error:
            report.trouble(f"{path.as_posix()}: {error}", error.code)
        except RecordedError as error:
            report.trouble(f"{path.as_posix()}: {error}")


def _check_file(path: Path, source: str, report: Report) -> None:
    from fpncompiler.codegen.files import check_file

    checked = check_file(path, source)
    if checked.state == "current":
        report.say(checked.message)
        return
    help = "move it away, or write elsewhere by `--name` or `-o`"
    if checked.is_replaceable:
        help = f"to repair, {_repair(source, path.parent, force=checked.needs_force)}"
    report.finding(checked.code, checked.message, help)
    lines = checked.diff.splitlines()
    for line in lines[:MAX_DIFF]:
        report.say(line)
    if len(lines) > MAX_DIFF:
        report.say(f"... and {len(lines) - MAX_DIFF} more lines")


def _write_file(path: Path, source: str, force: bool, report: Report) -> None:
    from fpncompiler.codegen.files import write_file

    before = write_file(path, source, force=force)
    report.say(f"{'unchanged' if before.state == 'current' else 'wrote'} {path.as_posix()}")


def _import_line(path: Path, class_name: str) -> str:
    module = ".".join(path.with_suffix("").parts)
    importable = not path.is_absolute() and ".." not in path.parts
    return f"from {module if importable else path.stem} import {class_name}"


def _repair(source: str, output: Path, *, force: bool) -> str:
    from fpncompiler.codegen.header import split_header

    parts = split_header(source)
    assert parts is not None
    where = "" if output.as_posix() == DEFAULT_OUTPUT else f" -o {shlex.quote(output.as_posix())}"
    return f"run `{parts[0].command}{where}{' --force' * force}`"
