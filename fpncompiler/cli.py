"""fpnc: arguments in, exit code out.

Exit codes: 0 clean, 1 findings in a spec or a generated file, 2 a usage or environment error.
"""

import argparse
import gc
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from fpncompiler import __version__, cli_authoring

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
    from fpncompiler.plugins import PluginError
    from fpncompiler.spec.loading import SpecNotFoundError

    try:
        code: int = parsed.run(parsed)
    except SpecError as error:
        print(error, file=sys.stderr)
        count = len(error.diagnostics)
        print(f"\n{count} error{'s' * (count > 1)}", file=sys.stderr)
        return FINDINGS
    except (SpecNotFoundError, WriteRefusedError, PluginError) as error:
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
    _add_backbones(commands)
    cli_authoring.add_new(commands)
    cli_authoring.add_schema(commands)
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


OPTIONS = (
    "phi",
    "variant",
    "model",
    "backbone",
    "classes",
    "levels",
    "pretrained_backbone",
    "name",
)


def _given_options(parsed: argparse.Namespace) -> bool:
    return parsed.scaling != "published" or any(getattr(parsed, name) for name in OPTIONS)


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "check",
        help="look for faults in specs",
        description="Compile specs without writing anything, and list their faults.",
    )
    command.add_argument("specs", nargs="+", metavar="SPEC", help="topologies")
    _add_options(command)
    command.set_defaults(run=_run_check, usage_error=command.error)


def _add_backbones(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "backbones",
        help="list the timm backbones that can be named",
        description="List timm backbones with their levels, channels and trainable parameters.",
        epilog="example: fpnc backbones 'tf_efficientnet_b*'",
    )
    command.add_argument("pattern", nargs="?", default="*", help="names, with `*` for any letters")
    command.set_defaults(run=_run_backbones)


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
    if not parsed.all:
        return _compile_one(parsed, output, parsed)
    if _given_options(parsed):
        parsed.usage_error("--all takes each file's options from its header: give no others")
    return _compile_all(output, parsed)


def _compile_one(request: argparse.Namespace, output: Path, flags: argparse.Namespace) -> int:
    from fpncompiler.pipeline import compile_spec
    from fpncompiler.report.summary import summary

    compiled = compile_spec(request.spec, _options(request))
    path = output / compiled.file_name
    if flags.check:
        return _check_file(path, compiled.source)
    _write_file(path, compiled.source, flags.force)
    for line in summary(compiled):
        print(f"  {line}")
    print(f"  next: {_import_line(path, compiled.class_name)}")
    return OK


def _compile_all(output: Path, flags: argparse.Namespace) -> int:
    """Every file that fpnc made in a folder; a fault of one does not hide the others."""
    from fpncompiler.codegen.files import WriteRefusedError
    from fpncompiler.diagnostics import SpecError
    from fpncompiler.pipeline import compile_spec
    from fpncompiler.spec.loading import SpecNotFoundError

    if not output.is_dir():
        return _trouble(f"there is no folder {output.as_posix()}")
    worst = OK
    for path in sorted(output.glob("*.py")):
        try:
            request = _recorded(path, output)
            if request is None:
                print(f"skipped {path.as_posix()}: fpnc did not make it from a spec file")
                continue
            source = compile_spec(request.spec, _options(request)).source
            if flags.check:
                worst = max(worst, _check_file(path, source))
            else:
                _write_file(path, source, flags.force)
        except SpecError as error:
            print(f"{path.as_posix()}: its spec has faults\n{error}", file=sys.stderr)
            worst = max(worst, FINDINGS)
        except (SpecNotFoundError, WriteRefusedError, _HeaderError, OSError) as error:
            worst = max(worst, _trouble(f"{path.as_posix()}: {error}"))
    return worst


def _check_file(path: Path, source: str) -> int:
    from fpncompiler.codegen.files import check_file

    checked = check_file(path, source)
    print(checked.message)
    if checked.state == "current":
        return OK
    print(checked.diff, end="")
    print(f"  = help: to repair, {_repair(checked.state, source, path.parent)}")
    return FINDINGS


def _write_file(path: Path, source: str, force: bool) -> None:
    from fpncompiler.codegen.files import write_file

    before = write_file(path, source, force=force)
    print(f"{'unchanged' if before.state == 'current' else 'wrote'} {path.as_posix()}")


def _import_line(path: Path, class_name: str) -> str:
    module = ".".join(path.with_suffix("").parts)
    importable = not path.is_absolute() and ".." not in path.parts
    return f"from {module if importable else path.stem} import {class_name}"


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
    from fpncompiler.spec.loading import SpecNotFoundError

    codes = []
    for spec in parsed.specs:
        try:
            compiled = compile_spec(spec, _options(parsed))
        except SpecError as error:
            print(error, file=sys.stderr)
            codes.append(FINDINGS)
        except SpecNotFoundError as error:
            codes.append(_trouble(str(error)))
        else:
            what, _, *notes = summary(compiled)
            print(f"{spec}: {what}", *notes, sep="\n  ")
    if codes:
        print(f"\nfaulty specs: {len(codes)} of {len(parsed.specs)}", file=sys.stderr)
    return max(codes, default=OK)


def _run_backbones(parsed: argparse.Namespace) -> int:
    from fnmatch import fnmatchcase

    from fpncompiler.backbones import backbone_names, find_backbone

    names = [name for name in backbone_names() if fnmatchcase(name, parsed.pattern)]
    for name in names:
        backbone = find_backbone(name)
        assert backbone is not None
        channels = " ".join(f"C{level}={width}" for level, width in backbone.channels.items())
        print(f"{name:32} {max(backbone.parameters.values()):>13,} parameters  {channels}")
    if not names:
        return _trouble(f"no measured backbone is called {parsed.pattern}")
    return OK


def _recorded(path: Path, output: Path) -> argparse.Namespace | None:
    """The request that a file was made by, from its header; None if that names no spec file."""
    from fpncompiler.codegen.header import split_header

    parts = split_header(path.read_text(encoding="utf-8", errors="replace"))
    if parts is None or not parts[0].command.startswith("fpnc compile "):
        return None
    try:
        words = shlex.split(parts[0].command)[2:]
    except ValueError as error:
        raise _HeaderError(f"its header cannot be read: {error}") from error
    request = _Recorded(prog="header", add_help=False).parse(words)
    beside = output.resolve().parent / request.spec
    if not Path(request.spec).is_file() and beside.is_file():
        request.spec = beside.as_posix()
    return request


class _HeaderError(Exception):
    """A generated file's header records no command that fpnc would write."""


class _Recorded(argparse.ArgumentParser):
    """Reads a command back from a header; complains by exception."""

    def parse(self, words: list[str]) -> argparse.Namespace:
        self.add_argument("spec")
        _add_options(self)
        self.set_defaults(usage_error=self.error)
        return self.parse_args(words)

    def error(self, message: str) -> NoReturn:
        raise _HeaderError(f"its header cannot be read: {message}")


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
