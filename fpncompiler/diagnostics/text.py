"""Diagnostics as text for a terminal: the user's own line, carets under it, what to do."""

from collections.abc import Iterable

from fpncompiler.diagnostics.model import Diagnostic, Label, Span

Texts = dict[str, list[str]]


def printable(text: str) -> str:
    """Text with every control and non-ASCII character escaped: nothing reaches a terminal raw."""
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics in the order of the files; those without a place come last."""
    return sorted(diagnostics, key=lambda d: (d.span is None, d.span or Span("", 0, 0, 0)))


def render(diagnostics: Iterable[Diagnostic], texts: Texts) -> str:
    """All diagnostics as text, in the order of the file, with the offending lines and carets."""
    return "\n\n".join(_render_one(d, texts) for d in in_order(diagnostics))


def _render_one(diagnostic: Diagnostic, texts: Texts) -> str:
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {printable(diagnostic.message)}"]
    gutter = 1
    if span := diagnostic.span:
        marks = [Label(span, diagnostic.label), *diagnostic.labels]
        gutter = max(len(str(mark.span.line)) for mark in marks)
        lines.append(f"{' ' * gutter}--> {_place(span)}")
        lines.extend(_excerpts(marks, texts, gutter))
    if diagnostic.help:
        lines.append(f"{' ' * gutter} = help: {printable(diagnostic.help)}{_fixable(diagnostic)}")
    return "\n".join(lines)


def _fixable(diagnostic: Diagnostic) -> str:
    if diagnostic.fix is None:
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
            text = texts[file][number - 1]
            lines.append(f"{number:>{gutter}} | {printable(text)}")
            on_line = [mark for mark in here if mark.span.line == number]
            lines.extend(f"{blank} {_carets(mark, text, mark.span == main)}" for mark in on_line)
    return lines


def _carets(mark: Label, line: str, is_main: bool) -> str:
    span = mark.span
    before = len(printable(line[: span.column - 1]))
    width = max(1, len(printable(line[span.column - 1 : span.end_column - 1])))
    return f"{' ' * before}{('^' if is_main else '-') * width} {printable(mark.text)}".rstrip()
