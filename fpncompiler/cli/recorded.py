"""The request that a generated file was made by, read back from its header."""

import argparse
import shlex
from pathlib import Path
from typing import NoReturn

from fpncompiler.cli.options import Parser, add_options


class RecordedError(Exception):
    """A generated file's header records no command that fpnc would write."""


def recorded(path: Path, output: Path) -> argparse.Namespace | None:
    """What `fpnc compile` was told when it wrote a file; None if that names no spec file.

    Args:
        output: the folder of generated files; the specs may be beside it.

    Raises:
        RecordedError: the header holds something else.
        WriteRefusedError: the file cannot be read.
    """
    from fpncompiler.codegen.files import text_of
    from fpncompiler.codegen.header import split_header

    parts = split_header(text_of(path) or "")
    if parts is None or not parts[0].command.startswith("fpnc compile "):
        return None
    try:
        words = shlex.split(parts[0].command)[2:]
    except ValueError as error:
        raise RecordedError(f"its header cannot be read: {error}") from error
    request = _Recorded(prog="header", add_help=False).parse(words)
    spec = Path(request.spec)
    if spec.is_absolute() or ".." in spec.parts or (spec.exists() and not spec.is_file()):
        raise RecordedError(f"its header names {request.spec}, which is no spec of this folder")
    beside = output.resolve().parent / request.spec
    if not Path(request.spec).is_file() and beside.is_file():
        request.spec = beside.as_posix()
    return request


class _Recorded(Parser):
    """Reads a command back from a header; complains by exception."""

    def parse(self, words: list[str]) -> argparse.Namespace:
        self.add_argument("spec")
        add_options(self)
        self.set_defaults(usage_error=self.error)
        return self.parse_args(words)

    def error(self, message: str) -> NoReturn:
        raise RecordedError(f"its header cannot be read: {message}")
