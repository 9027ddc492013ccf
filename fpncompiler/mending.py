"""Specs mended in place: the fixes of their diagnostics, until there is none left to make."""

from pathlib import Path

from fpncompiler.codegen.files import put_file
from fpncompiler.diagnostics import Diagnostic, Sink, SpecError
from fpncompiler.diagnostics.fixes import apply_fixes, fixes_for
from fpncompiler.options import Options
from fpncompiler.pipeline import check_spec
from fpncompiler.spec.loading import SpecNotFoundError
from fpncompiler.spec.tree import parse_tree

MAX_ROUNDS = 10


def mend(path: Path, options: Options, *, unsafe: bool) -> int:
    """Apply the fixes of a spec's own diagnostics to its file; return how many.

    Each round writes a whole file or none, and only text that is still YAML. Files that the spec
    extends are not touched.

    Raises:
        SpecNotFoundError: the file cannot be read.
        WriteRefusedError: the file cannot be written.
    """
    count = 0
    for _ in range(MAX_ROUNDS):
        data = _read(path)
        fixes = fixes_for(_diagnostics(path, options), path.as_posix(), unsafe=unsafe)
        if not fixes:
            break
        text, made = apply_fixes(data.decode(), fixes)
        if not made or not _is_yaml(text):
            break
        # Through a link, which stays one.
        put_file(path.resolve(), text.encode(), replace=True, expected=data)
        count += made
    return count


def _diagnostics(path: Path, options: Options) -> tuple[Diagnostic, ...]:
    try:
        return check_spec(path, options).diagnostics
    except SpecError as error:
        return error.diagnostics


def _is_yaml(text: str) -> bool:
    sink = Sink()
    try:
        parse_tree(text.encode(), "", sink)
    except SpecError:
        return False
    return not sink.has_errors


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SpecNotFoundError(f"cannot read {path.as_posix()}: {error.strerror}") from error
