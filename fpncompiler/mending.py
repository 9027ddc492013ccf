"""Specs mended in place: the fixes of their diagnostics, until there is none left to make."""

import os
from pathlib import Path

from fpncompiler.codegen.files import WriteRefusedError, put_file
from fpncompiler.diagnostics import Diagnostic, Fix, Sink, SpecError
from fpncompiler.diagnostics.fixes import apply_fixes, fixes_for
from fpncompiler.options import Options
from fpncompiler.pipeline import check_spec
from fpncompiler.spec.loading import read_spec
from fpncompiler.spec.tree import parse_tree

MAX_ROUNDS = 100  # of which each may be one fix of a line


def mend(path: Path, options: Options, *, unsafe: bool) -> int:
    """Apply the fixes of a spec's own diagnostics to its file; return how many.

    Each round writes a whole file or none, and only text that is still YAML. Files that the spec
    extends are not touched.

    Raises:
        SpecNotFoundError: the file cannot be read.
        WriteRefusedError: the file cannot be written, or is no plain one.
    """
    # Not Path's own questions, which raise where a folder is closed to us.
    if os.path.exists(path) and (not os.path.isfile(path) or _is_stream(path)):
        raise WriteRefusedError(f"{path.as_posix()} is no file that can be mended")
    count = 0
    for _ in range(MAX_ROUNDS):
        data = read_spec(path)
        fixes = fixes_for(_diagnostics(path, options), path.as_posix(), unsafe=unsafe)
        if not fixes:
            break
        text, made = _applied(data.decode(), fixes)
        if not made:
            break
        target = path.resolve() if path.is_symlink() else path  # which stays a link
        put_file(target, text.encode(), replace=True, expected=data)
        count += made
    return count


def _is_stream(path: Path) -> bool:
    """Whether a path names an open file by its number, as `/dev/stdin` does.

    Such a path leads to the old file once another is in its place.
    """
    while not _has_descriptors(path.parent.resolve()):
        if not path.is_symlink():
            return False
        path = path.parent / path.readlink()
    return True


def _has_descriptors(folder: Path) -> bool:
    return folder.is_relative_to("/proc") or folder == Path("/dev/fd")


def _diagnostics(path: Path, options: Options) -> tuple[Diagnostic, ...]:
    try:
        return check_spec(path, options).diagnostics
    except SpecError as error:
        return error.diagnostics


def _applied(text: str, fixes: list[Fix]) -> tuple[str, int]:
    """The text after all fixes, or after the first that can be made alone: two may not agree."""
    for chosen in (fixes, *([fix] for fix in fixes)):
        mended, made = apply_fixes(text, chosen)
        if made and _is_yaml(mended):
            return mended, made
    return text, 0


def _is_yaml(text: str) -> bool:
    sink = Sink()
    try:
        parse_tree(text.encode(), "", sink)
    except SpecError:
        return False
    return not sink.has_errors
