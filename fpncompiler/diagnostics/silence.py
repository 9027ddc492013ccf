"""Comments that silence warnings, each by its code.

td(l): [in(l), td(l+3)]   # fpnc: ignore[W303]         this line
# fpnc: ignore[W303, W305]                             the next line that is no comment
# fpnc: ignore-file[W303]                              all of the file
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fpncompiler.diagnostics.model import Diagnostic, Span

_COMMENT = re.compile(r"(?<!\S)#\s*fpnc:\s*ignore(-file)?\b(?:\[([^\]]*)\])?")
MAX_SILENCES = 1000
ALWAYS = frozenset({"W101", "W202", "W203", "W303"})  # the same at every phi, for every model

_CODE = re.compile(r"[^\s,]+")
_WARNING = re.compile(r"W[0-9]{3}")


@dataclass(frozen=True, slots=True)
class Silence:
    """A code that a comment names at `span`; `line` is what it speaks of, 0 for all of a file."""

    code: str
    line: int
    span: Span

    def covers(self, diagnostic: Diagnostic) -> bool:
        """Whether it silences a warning."""
        span = diagnostic.span
        return (
            diagnostic.severity == "warning"
            and span is not None
            and span.file == self.span.file
            and diagnostic.code == self.code
            and self.line in (0, span.line)
        )


def silences_in(file: str, lines: list[str], values: Iterable[Span]) -> tuple[Silence, ...]:
    """What the comments of a file silence; a `#` within one of the `values` begins none.

    A comment without codes silences nothing: its code is empty. The first MAX_SILENCES count.
    """
    inside: dict[int, list[Span]] = {}
    for value in values:
        inside.setdefault(value.line, []).append(value)
    content = _content_lines(lines)
    found: list[Silence] = []
    for number, line in enumerate(lines, 1):
        comment = _COMMENT.search(line) if "fpnc:" in line else None
        if comment is None or any(_holds(value, comment) for value in inside.get(number, ())):
            continue
        alone = not line[: comment.start()].strip()
        spoken_of = 0 if comment.group(1) else content[number] if alone else number
        found.extend(_silence(file, number, comment, spoken_of))
        if len(found) >= MAX_SILENCES:
            break
    return tuple(found[:MAX_SILENCES])


def _holds(value: Span, comment: re.Match[str]) -> bool:
    return value.column <= comment.start() + 1 < value.end_column


def _content_lines(lines: list[str]) -> list[int]:
    """For each line number, the next line from it on that is more than a comment, or itself."""
    following = [*range(len(lines) + 1)]
    for number in range(len(lines) - 1, 0, -1):
        if not lines[number - 1].strip() or lines[number - 1].lstrip()[0] == "#":
            following[number] = following[number + 1]
    return following


def _silence(file: str, number: int, comment: re.Match[str], line: int) -> Iterable[Silence]:
    codes = [*_CODE.finditer(comment.group(2) or "")]
    if not codes:
        yield Silence("", line, Span(file, number, comment.start() + 1, comment.end() + 1))
    for code in codes:
        start = comment.start(2) + code.start() + 1
        yield Silence(code.group(), line, Span(file, number, start, start + len(code.group())))


def audible(
    diagnostics: Iterable[Diagnostic], silences: Iterable[Silence]
) -> tuple[Diagnostic, ...]:
    """The diagnostics that no comment silences."""
    spoken = list(silences)
    return tuple(d for d in diagnostics if not any(s.covers(d) for s in spoken))


def idle_silences(
    diagnostics: Iterable[Diagnostic], silences: Iterable[Silence], file: str
) -> Iterator[Diagnostic]:
    """A warning for each code in a comment of `file` that names none, or silences nothing.

    Warnings that depend on phi or on the model may come at another time: theirs are left alone.
    """
    found = list(diagnostics)
    for silence in silences:
        if silence.span.file != file or any(silence.covers(d) for d in found):
            continue
        if not _WARNING.fullmatch(silence.code):
            message = f"`{silence.code}` is no code of a warning"
            if not silence.code:
                message = "the comment names no code, and silences nothing"
            help = "write `# fpnc: ignore[W303]`; faults cannot be silenced"
            yield _idle(silence, message, help)
        elif silence.code in ALWAYS:
            message = f"there is no {silence.code} here to ignore"
            yield _idle(silence, message, "remove it: it would hide the next one")


def _idle(silence: Silence, message: str, help: str) -> Diagnostic:
    return Diagnostic("W102", message, silence.span, help=help, severity="warning")
