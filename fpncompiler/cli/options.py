"""The options of a compilation, as arguments of a command."""

import argparse
import copy
import re
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from fpncompiler.cli.report import FORMATS
from fpncompiler.diagnostics import printable

if TYPE_CHECKING:
    from fpncompiler.options import Options

    Commands = argparse._SubParsersAction["Parser"]

CHOICES = (
    "phi",
    "variant",
    "model",
    "backbone",
    "classes",
    "levels",
    "pretrained_backbone",
    "inference",
    "name",
)


_PHIS = re.compile(r"(\d{1,2})(?:\.\.(\d{1,2}))?", re.ASCII)


class UsageError(Exception):
    """Arguments that make no command; `usage` shows what does."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class Parser(argparse.ArgumentParser):
    """Complains in printable characters, and takes options between files where it `lists_files`."""

    lists_files = False
    _mixes = False

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """As that of argparse, which leaves files behind options unread."""
        parse = super().parse_known_args
        if self.lists_files and not self._mixes:
            self._mixes = True  # for it calls this one
            parse = self.parse_known_intermixed_args
        return parse(args, namespace)

    def error(self, message: str) -> NoReturn:
        """End with a usage error.

        Raises:
            UsageError: always.
        """
        raise UsageError(printable(message), f"{self.format_usage()}{self.prog}: ")


def add_options(command: argparse.ArgumentParser) -> None:
    """What a compilation can be told beside its spec."""
    which = command.add_mutually_exclusive_group()
    which.add_argument("--phi", type=int, metavar="N", help="compound coefficient (default: 0)")
    _add_variant(which)
    _add_model_options(command)
    command.add_argument(
        "--pretrained-backbone",
        action="store_true",
        help="let the generated constructor load timm's weights by default",
    )
    command.add_argument(
        "--inference",
        action="store_true",
        help="the form that is fast and cannot be trained: norms folded, fusion weights fixed",
    )
    command.add_argument("--name", metavar="NAME", help="name of the file, without .py")


def add_options_of_several(command: argparse.ArgumentParser) -> None:
    """What several compilations can be told, of which none writes a file; `--phi` is many."""
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--phi",
        type=phis,
        metavar="N..M",
        help="compound coefficients: 2, 0..3, or 0,3 (default: 0)",
    )
    _add_variant(which)
    _add_model_options(command)
    command.set_defaults(pretrained_backbone=False, inference=False, name=None)


def phis(text: str) -> tuple[int, ...]:
    """`2`, `0..3` or `0,3..5`, in order, each once."""
    found: set[int] = set()
    for part in text.split(","):
        ends = _PHIS.fullmatch(part.strip())
        low = int(ends[1]) if ends else 1
        high = int(ends[2] or ends[1]) if ends else 0
        if low > high:
            raise argparse.ArgumentTypeError(f"{text!r} is none of 2, 0..3 and 0,3")
        found |= {*range(low, high + 1)}
    return tuple(sorted(found))


def options_of_several(parsed: argparse.Namespace) -> "list[Options]":
    """The options of each phi; one wrong ends the command with a usage error."""
    others = copy.copy(parsed)
    others.phi = None
    options = options_of(others)
    return [replace(options, phi=phi) for phi in parsed.phi or (None,)]


def _add_variant(which: argparse._MutuallyExclusiveGroup) -> None:
    which.add_argument("--variant", metavar="NAME", help="a named row, such as d7x or lite2")


def add_options_of_detector(command: argparse.ArgumentParser) -> None:
    """What a detector can be told whose classes are those of its data."""
    which = command.add_mutually_exclusive_group()
    which.add_argument("--phi", type=int, metavar="N", help="compound coefficient (default: 0)")
    _add_variant(which)
    _add_model_options(command, classes=False)
    command.set_defaults(pretrained_backbone=False, inference=False, classes=None, name=None)


def _add_model_options(command: argparse.ArgumentParser, *, classes: bool = True) -> None:
    command.add_argument("--model", metavar="NAME", help="model spec (default: efficientdet)")
    command.add_argument(
        "--backbone", metavar="NAME", help="a timm backbone, in place of the model's"
    )
    if classes:
        command.add_argument("--classes", type=int, metavar="N", help="classes of the class head")
    command.add_argument("--levels", metavar="A..B", help="pyramid levels, such as 3..7")
    command.add_argument(
        "--scaling",
        choices=("published", "formula"),
        default="published",
        help="published rows win (default), or the paper's formulas",
    )


def add_format(command: argparse.ArgumentParser) -> None:
    """How findings are printed."""
    command.add_argument(
        "--output-format",
        choices=FORMATS,
        default="text",
        help="findings as text (default), as JSON, or as annotations of a GitHub workflow",
    )


def are_given(parsed: argparse.Namespace) -> bool:
    """Whether any option differs from its default."""
    return parsed.scaling != "published" or any(getattr(parsed, name) for name in CHOICES)


def options_of(parsed: argparse.Namespace) -> "Options":
    """The options, checked; a wrong one ends the command with a usage error."""
    from fpncompiler.options import Options
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
        inference=parsed.inference,
        name=parsed.name,
    )
