"""Fixes applied to the text that they are for; everything else in it stays as it is."""

from collections.abc import Iterable

from fpncompiler.diagnostics.model import Diagnostic, Edit, Fix


def fixes_for(diagnostics: Iterable[Diagnostic], file: str, *, unsafe: bool) -> list[Fix]:
    """The fixes that change `file` and no other; those that are not safe only if `unsafe`."""
    found = [d.fix for d in diagnostics if d.fix]
    return [
        fix
        for fix in found
        if (fix.safe or unsafe) and all(edit.span.file == file for edit in fix.edits)
    ]


def apply_fixes(text: str, fixes: Iterable[Fix]) -> tuple[str, int]:
    """The text after the fixes, and how many were made.

    A fix is left out where the text is not what it expects, or where another one has changed its
    line already: that one's diagnostics come again, with their new places.
    """
    lines = text.splitlines(keepends=True)
    touched: set[int] = set()
    made = 0
    inserted: list[Edit] = []
    for fix in fixes:
        numbers = {edit.span.line for edit in fix.edits if edit.old}
        if numbers & touched or not all(_fits(edit, lines) for edit in fix.edits):
            continue
        touched |= numbers
        made += 1
        for edit in fix.edits:
            if edit.old:
                lines[edit.span.line - 1] = _changed(lines[edit.span.line - 1], edit)
            else:
                inserted.append(edit)
    for edit in sorted(inserted, key=lambda e: e.span, reverse=True):
        lines[edit.span.line - 1] = _changed(lines[edit.span.line - 1], edit)
    return "".join(lines), made


def _fits(edit: Edit, lines: list[str]) -> bool:
    span = edit.span
    if not 1 <= span.line <= len(lines):
        return False
    return edit.old in lines[span.line - 1][span.column - 1 : span.end_column - 1]


def _changed(line: str, edit: Edit) -> str:
    start, end = edit.span.column - 1, edit.span.end_column - 1
    new = edit.new.replace("\n", "\r\n") if line.endswith("\r\n") else edit.new
    return line[:start] + line[start:end].replace(edit.old, new, 1) + line[end:]
