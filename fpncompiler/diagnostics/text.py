"""Diagnostics as text for a terminal: the user's own line, carets under it, what to do."""

from collections.abc import Iterable

from fpncompiler.diagnostics.model import Diagnostic, Label, Span

Texts = dict[str, list[str]]
MAX_WIDTH = 400  # of a line that is shown, in characters
MAX_MESSAGE = 2000


def printable(text: str) -> str:
    """Text with all control and non-ASCII characters escaped: it steers no terminal and no log."""
    text = text.replace("##[", "#\\x23[")  # an old form of commands to GitHub's runner
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics in the order of the files; those without a place come last."""
    return sorted(diagnostics, key=lambda d: (d.span is None, d.span or Span("", 0, 0, 0)))


def render(diagnostics: Iterable[Diagnostic], texts: Texts) -> str:
    """All diagnostics as text, in the order of the file, with the offending lines and carets.

    Args:
        texts: the lines of each file; the first is the one that fixes are made in.
    """
    main = next(iter(texts), "")
    return "\n\n".join(_render_one(d, texts, main) for d in in_order(diagnostics))


def _render_one(diagnostic: Diagnostic, texts: Texts, main: str) -> str:
    message = printable(_shortened(diagnostic.message))
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {message}"]
    gutter = 1
    if span := diagnostic.span:
        marks = [Label(span, diagnostic.label), *diagnostic.labels]
        gutter = max(len(str(mark.span.line)) for mark in marks)
        lines.append(f"{' ' * gutter}--> {_place(span)}")
        lines.extend(_excerpts(marks, texts, gutter))
    if diagnostic.help:
        lines.append(
            f"{' ' * gutter} = help: {printable(diagnostic.help)}{_fixable(diagnostic, main)}"
        )
    return "\n".join(lines)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}..."


def _fixable(diagnostic: Diagnostic, main: str) -> str:
    if diagnostic.fix is None or any(edit.span.file != main for edit in diagnostic.fix.edits):
        return ""
    return " [--fix]" if diagnostic.fix.safe else " [--unsafe-fixes]"


def _place(span: Span) -> str:
    return f"{printable(span.file)}:{span.line}:{span.column}"


def _excerpts(marks: list[Label], texts: Texts, gutter: int) -> list[str]:
    """The lines of all marks, file by file; the first mark's file needs no heading."""
    main = marks[0].span
    shown = [mark for mark in marks if 1 <= mark.span.line <= len(texts.get(mark.span.file, ()))]
    blank = f"{' ' * gutter} |"
    lines: list[str] = []
    for file in dict.fromkeys(mark.span.file for mark in shown):
        here = [mark for mark in shown if mark.span.file == file]
        if file != main.file:
            lines.append(f"{' ' * gutter}::: {_place(here[0].span)}")
        lines.append(blank)
        before = 0
        for number in sorted({mark.span.line for mark in here}):
            if before and number > before + 1:
                lines.append("...")
            before = number
            on_line = [mark for mark in here if mark.span.line == number]
            start = _start(on_line[0].span)
            text = texts[file][number - 1][start : start + MAX_WIDTH]
            lines.append(f"{number:>{gutter}} | {printable(text)}")
            for mark in on_line:
                lines.append(f"{blank} {_carets(mark, text, start, mark.span == main)}".rstrip())
    return lines


def _start(span: Span) -> int:
    """Where the part of a line that is shown begins: at 0, unless the line is very long."""
    return 0 if span.end_column <= MAX_WIDTH else max(0, span.column - MAX_WIDTH // 2)


def _carets(mark: Label, shown: str, start: int, is_main: bool) -> str:
    first, last = (
        max(0, column - 1 - start) for column in (mark.span.column, mark.span.end_column)
    )
    before = len(printable(shown[:first]))
    width = max(1, len(printable(shown[first:last])))
    return f"{' ' * before}{('^' if is_main else '-') * width} {printable(mark.text)}".rstrip()
