"""Arguments to a command, and every ending to an exit code.

Exit codes: 0 clean, 1 findings in a spec or a generated file, 2 a usage or environment error.
"""

import argparse
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from fpncompiler import __version__
from fpncompiler.cli import (
    authoring,
    breaking,
    check,
    compare,
    compile,
    data,
    diff,
    draw,
    eval,
    export,
    inspect,
    opt,
    plot,
    predict,
    train,
    weights,
)
from fpncompiler.cli.options import Parser, UsageError
from fpncompiler.cli.report import FORMATS, HELP, INTERRUPTED, TROUBLE, Format, Report


def script() -> NoReturn:
    """Run as a process of its own, which ends too soon for the cycle collector to be of use."""
    gc.disable()
    with open(os.devnull, "w") as nowhere:  # for streams that whoever started it has closed
        sys.stdout = sys.stdout or nowhere
        sys.stderr = sys.stderr or nowhere
        code = main()
        gc.freeze()  # the last collection, of all that networkx keeps, is a tenth of a short run
        sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        report = _obey(arguments)
        report.close()
    except KeyboardInterrupt:
        return _without_output("interrupted\n", INTERRUPTED)
    except BrokenPipeError:
        return _without_output("")
    except OSError as error:  # `_run` has reported its own: this one is of standard output
        return _without_output(f"error: cannot print: {error.strerror}\n")
    return report.code


def _obey(arguments: Sequence[str]) -> Report:
    """Run what the arguments say, or say how it is said."""
    try:
        parsed = _parser().parse_args(arguments)
        report = Report(getattr(parsed, "output_format", "text"))
        _run(parsed, report)
    except UsageError as error:
        return _misused(error, _format_in(arguments))
    return report


def _misused(error: UsageError, format: Format) -> Report:
    """Say how a command is used; programs get their document all the same."""
    sys.stderr.write(f"{error.usage}error: {error}\n")
    report = Report(format, TROUBLE)
    if format != "text":
        report.trouble(str(error))
    return report


def _format_in(arguments: Sequence[str]) -> Format:
    """The format that arguments ask for which cannot be parsed: the last one that there is."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--output-format", nargs="?", action="append", default=[])
    asked = parser.parse_known_args(arguments)[0].output_format
    return next((each for word in reversed(asked) for each in FORMATS if each == word), "text")


def _without_output(message: str, code: int = TROUBLE) -> int:
    """Give up printing, so that Python does not try again when it ends."""
    with contextlib.suppress(OSError):
        sys.stderr.write(message)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _run(parsed: argparse.Namespace, report: Report) -> None:
    """The command; what it raises becomes a finding or trouble."""
    from fpncompiler.codegen.files import WriteRefusedError
    from fpncompiler.diagnostics import SpecError, UserError
    from fpncompiler.plugins import PluginError
    from fpncompiler.spec.loading import SpecNotFoundError

    try:
        parsed.run(parsed, report)
    except SpecError as error:
        report.faults(error)
    except (SpecNotFoundError, WriteRefusedError) as error:
        report.trouble(str(error), error.code)
    except PluginError as error:
        report.trouble(str(error))
    except UserError as error:
        help = error.help.replace("\n", "; ")
        report.trouble(f"{error}{HELP if help else ''}{help}")
        report.code = error.exit_code
    except OSError as error:
        if error.filename is None:
            raise  # of a stream
        report.trouble(f"{error.filename}: {error.strerror}", "F607")
    except UsageError:
        raise
    except Exception as error:
        if os.environ.get("FPNC_DEBUG"):
            raise
        report.trouble(
            f"fpnc itself failed: {type(error).__name__}: {error}"
            f"{HELP}this is a fault of the compiler; FPNC_DEBUG=1 shows where",
            "F999",
        )


def _parser() -> Parser:
    parser = Parser(
        prog="fpnc",
        description="The compiler for feature networks: YAML topologies to PyTorch detectors.",
        epilog="exit codes: 0 clean, 1 findings, 2 a usage or environment error",
    )
    parser.add_argument("--version", action="version", version=f"fpnc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    compile.add_compile(commands)
    export.add_export(commands)
    eval.add_eval(commands)
    predict.add_predict(commands)
    train.add_train(commands)
    weights.add_weights(commands)
    draw.add_draw(commands)
    compare.add_compare(commands)
    data.add_data(commands)
    plot.add_plot(commands)
    check.add_check(commands)
    opt.add_opt(commands)
    check.add_explain(commands)
    inspect.add_inspect(commands)
    diff.add_diff(commands)
    breaking.add_breaking(commands)
    authoring.add_new(commands)
    authoring.add_schema(commands)
    authoring.add_backbones(commands)
    return parser
