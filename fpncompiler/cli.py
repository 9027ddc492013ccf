"""fpnc: arguments in, exit code out.

Exit codes: 0 clean, 1 findings in a spec or a generated file, 2 a usage or environment error.
"""

import argparse
import gc
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from fpncompiler import __version__

if TYPE_CHECKING:
    from fpncompiler.pipeline import Options

OK, FINDINGS, TROUBLE = 0, 1, 2
DEFAULT_OUTPUT = "generated"


def script() -> NoReturn:
    """Run as a process of its own, which ends too soon for the cycle collector to be of use."""
    gc.disable()
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parsed = _parser().parse_args(arguments)
    from fpncompiler.codegen.files import WriteRefusedError
    from fpncompiler.diagnostics import SpecError
    from fpncompiler.spec.loading import SpecNotFoundError

    try:
        code: int = parsed.run(parsed)
    except SpecError as error:
        print(error, file=sys.stderr)
        count = len(error.diagnostics)
        print(f"\n{count} error{'s' * (count > 1)}", file=sys.stderr)
        return FINDINGS
    except (SpecNotFoundError, WriteRefusedError) as error:
        return _trouble(str(error))
    except BrokenPipeError:
        return TROUBLE
    except Exception as error:
        if os.environ.get("FPNC_DEBUG"):
            raise
        return _trouble(
            f"fpnc itself failed: {type(error).__name__}: {error}\n"
            "  = help: this is a fault of the compiler; FPNC_DEBUG=1 shows where"
        )
    return code


def _trouble(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return TROUBLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fpnc",
        description="The compiler for feature networks: YAML topologies to PyTorch detectors.",
        epilog="exit codes: 0 clean, 1 findings, 2 a usage or environment error",
    )
    parser.add_argument("--version", action="version", version=f"fpnc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_compile(commands)
    _add_check(commands)
    return parser


def _add_compile(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "compile",
        help="compile a spec to a Python file",
        description="Compile a topology and its model to one readable Python file.",
        epilog="example: fpnc compile specs/bifpn.yaml --phi 3",
    )
    command.add_argument(
        "spec", nargs="?", metavar="SPEC", help="a topology such as specs/bifpn.yaml"
    )
    _add_options(command)
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
    command.set_defaults(run=_run_compile, usage_error=command.error)


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "check",
        help="look for faults in specs",
        description="Compile specs without writing anything, and list their faults.",
    )
    command.add_argument("specs", nargs="+", metavar="SPEC", help="topologies")
    _add_options(command)
    command.set_defaults(run=_run_check, usage_error=command.error)


def _add_options(command: argparse.ArgumentParser) -> None:
    which = command.add_mutually_exclusive_group()
    which.add_argument("--phi", type=int, metavar="N", help="compound coefficient (default: 0)")
    which.add_argument("--variant", metavar="NAME", help="a named row, such as d7x or lite2")
    command.add_argument("--model", metavar="NAME", help="model spec (default: efficientdet)")
    command.add_argument(
        "--backbone", metavar="NAME", help="a timm backbone, in place of the model's"
    )
    command.add_argument("--classes", type=int, metavar="N", help="classes of the class head")
    command.add_argument("--levels", metavar="A..B", help="pyramid levels, such as 3..7")
    command.add_argument(
        "--scaling",
        choices=("published", "formula"),
        default="published",
        help="published rows win (default), or the paper's formulas",
    )
    command.add_argument(
        "--pretrained-backbone",
        action="store_true",
        help="let the generated constructor load timm's weights by default",
    )
    command.add_argument("--name", metavar="NAME", help="name of the file, without .py")


def _run_compile(parsed: argparse.Namespace) -> int:
    if parsed.all == bool(parsed.spec):
        parsed.usage_error("give one SPEC, or --all")
    output = Path(parsed.output_dir)
    if parsed.all:
        return max([_one_file(item, output, parsed) for item in _generated(output)], default=OK)
    return _one_file(parsed, output, parsed)


def _one_file(request: argparse.Namespace, output: Path, flags: argparse.Namespace) -> int:
    """Compile what `request` names into `output`, or check it, as `flags` say."""
    from fpncompiler.codegen.files import check_file, write_file
    from fpncompiler.pipeline import compile_spec
    from fpncompiler.report.summary import summary

    compiled = compile_spec(request.spec, _options(request))
    path = output / compiled.file_name
    if flags.check:
        checked = check_file(path, compiled.source)
        print(checked.message)
        if checked.state == "current":
            return OK
        print(checked.diff, end="")
        print(f"  = help: to repair, {_repair(checked.state, compiled.source, output)}")
        return FINDINGS
    before = write_file(path, compiled.source, force=flags.force)
    print(f"{'unchanged' if before.state == 'current' else 'wrote'} {path.as_posix()}")
    if not flags.all:
        for line in summary(compiled):
            print(f"  {line}")
        print(f"  next: {_import_line(path)}")
    return OK


def _import_line(path: Path) -> str:
    module = ".".join(path.with_suffix("").parts)
    importable = not path.is_absolute() and ".." not in path.parts
    return f"from {module if importable else path.stem} import EfficientDet"


def _repair(state: str, source: str, output: Path) -> str:
    from fpncompiler.codegen.header import split_header

    parts = split_header(source)
    assert parts is not None
    where = "" if output.as_posix() == DEFAULT_OUTPUT else f" -o {shlex.quote(output.as_posix())}"
    force = " --force" if state in ("edited", "foreign") else ""
    return f"run `{parts[0].command}{where}{force}`"


def _run_check(parsed: argparse.Namespace) -> int:
    from fpncompiler.diagnostics import SpecError
    from fpncompiler.pipeline import compile_spec
    from fpncompiler.report.summary import summary

    failed = 0
    for spec in parsed.specs:
        try:
            compiled = compile_spec(spec, _options(parsed))
        except SpecError as error:
            failed += 1
            print(error, file=sys.stderr)
            continue
        print(f"{spec}: {summary(compiled)[0]}")
    if failed:
        print(f"\n{failed} of {len(parsed.specs)} specs have faults", file=sys.stderr)
    return FINDINGS if failed else OK


def _generated(output: Path) -> Iterator[argparse.Namespace]:
    """The requests that the files of a folder were made by, from their headers."""
    from fpncompiler.codegen.files import WriteRefusedError
    from fpncompiler.codegen.header import split_header

    if not output.is_dir():
        raise WriteRefusedError(f"there is no folder {output.as_posix()}")
    for path in sorted(output.glob("*.py")):
        parts = split_header(path.read_text(encoding="utf-8", errors="replace"))
        if parts is None:
            print(f"skipped {path.as_posix()}: not generated by fpnc")
            continue
        try:
            request = _Recorded(prog="header").parse(shlex.split(parts[0].command)[1:])
        except ValueError as error:
            message = f"{path.as_posix()} has a header that fpnc cannot read: {error}"
            raise WriteRefusedError(message) from error
        beside = output.resolve().parent / request.spec
        if not Path(request.spec).is_file() and beside.is_file():
            request.spec = beside.as_posix()
        yield request


class _Recorded(argparse.ArgumentParser):
    """Reads a command back from a header; complains by exception."""

    def parse(self, words: list[str]) -> argparse.Namespace:
        if words[:1] != ["compile"]:
            raise ValueError("it records no `fpnc compile`")
        self.add_argument("spec")
        _add_options(self)
        return self.parse_args(words[1:])

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _options(parsed: argparse.Namespace) -> "Options":
    from fpncompiler.pipeline import Options
    from fpncompiler.spec.names import name_fault
    from fpncompiler.spec.reading import parse_levels

    levels = parse_levels(parsed.levels) if parsed.levels else None
    if parsed.levels and levels is None:
        parsed.usage_error(f"--levels {parsed.levels}: write two levels, such as 3..7")
    if parsed.name and name_fault(parsed.name):
        parsed.usage_error(f"--name {parsed.name}: {name_fault(parsed.name)}")
    return Options(
        phi=parsed.phi,
        variant=parsed.variant,
        model=parsed.model,
        backbone=parsed.backbone,
        classes=parsed.classes,
        levels=levels,
        formula_scaling=parsed.scaling == "formula",
        pretrained_backbone=parsed.pretrained_backbone,
        name=parsed.name,
    )


if __name__ == "__main__":
    script()
