"""What is wrong, where it stands in the user's file, and how it is shown.

A user's mistake is a `Diagnostic` with a stable code and the span of the offending text. Phases
collect them in a `Sink`, so that one run reports every fault; `SpecError` carries them on.
Codes by phase: F1xx reading YAML, F2xx the language, F3xx the graph, F4xx levels and channels,
F5xx models and scaling, F6xx output.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NoReturn

MAX_FAULTS = 100
MAX_CHOICES = 200
MAX_WORD = 48

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of one line in a spec: 1-based line and columns, `end_column` exclusive."""

    file: str
    line: int
    column: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One cause, one message; `label` stands under the caret, `help` says what to do."""

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    help: str = ""
    severity: Severity = "error"


@dataclass(slots=True)
class Sink:
    """Collects diagnostics, one for each code and place, and the text of the files behind them."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    seen: set[tuple[str, Span | str]] = field(default_factory=set)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def add_text(self, file: str, text: str) -> None:
        """Remember a file's text, so that spans in it can be shown."""
        self.texts[file] = text.splitlines()

    def error(
        self, code: str, message: str, span: Span | None, *, label: str = "", help: str = ""
    ) -> None:
        """Record a fault, unless one of its code is recorded at its place already, and go on.

        Raises:
            SpecError: when MAX_FAULTS are recorded; nobody reads more.
        """
        place = (code, span or message)
        if place in self.seen:
            return
        self.seen.add(place)
        self.diagnostics.append(Diagnostic(code, message, span, label, help))
        if len(self.diagnostics) >= MAX_FAULTS:
            self.stop_on_errors()

    def fatal(
        self, code: str, message: str, span: Span | None, *, label: str = "", help: str = ""
    ) -> NoReturn:
        """Record a fault after which nothing later can be judged, and stop.

        Raises:
            SpecError: always.
        """
        self.error(code, message, span, label=label, help=help)
        self.stop_on_errors()
        raise AssertionError("an error was recorded")

    @property
    def has_errors(self) -> bool:
        """Whether any fault is recorded."""
        return any(d.severity == "error" for d in self.diagnostics)

    def stop_on_errors(self) -> None:
        """End the phase.

        Raises:
            SpecError: if any fault is recorded.
        """
        if self.has_errors:
            raise SpecError(tuple(self.diagnostics), dict(self.texts))


class SpecError(Exception):
    """The spec has faults; `diagnostics` lists them all, `str()` shows them with their lines."""

    def __init__(
        self, diagnostics: tuple[Diagnostic, ...], texts: dict[str, list[str]] | None = None
    ) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics
        self.texts = texts or {}

    def __str__(self) -> str:
        return render(self.diagnostics, self.texts)


def suggest(word: str, choices: Iterable[str]) -> str:
    """The help line that names the nearest choice, or all of them when there are few."""
    known = sorted(set(choices))
    limit = 1 + (len(word) >= 5) + (len(word) >= 10)
    similar = [choice for choice in known if abs(len(choice) - len(word)) <= limit]
    similar = similar if len(word) <= MAX_WORD else []
    near = [(edit_distance(word, choice), choice) for choice in similar[:MAX_CHOICES]]
    distance, best = min(near, default=(limit + 1, ""))
    if distance <= limit:
        return f"did you mean `{best}`?"
    if 0 < len(known) <= 12:
        return "known: " + ", ".join(f"`{choice}`" for choice in known)
    return ""


def edit_distance(left: str, right: str) -> int:
    """How many letters to insert, drop, replace, or swap with their neighbour."""
    before: list[int] = []
    above = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                row[j] = min(row[j], before[j - 2] + 1)
        before, above = above, row
    return above[-1]


def printable(text: str) -> str:
    """Text with every control and non-ASCII character escaped: nothing reaches a terminal raw."""
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)


def render(diagnostics: Iterable[Diagnostic], texts: dict[str, list[str]]) -> str:
    """All diagnostics as text, in the order of the file, with the offending lines and carets."""
    ordered = sorted(diagnostics, key=lambda d: (d.span is None, d.span or Span("", 0, 0, 0)))
    return "\n\n".join(_render_one(d, texts) for d in ordered)


def _render_one(diagnostic: Diagnostic, texts: dict[str, list[str]]) -> str:
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {printable(diagnostic.message)}"]
    gutter = 1
    if span := diagnostic.span:
        gutter = len(str(span.line))
        lines.append(f"{' ' * gutter}--> {printable(span.file)}:{span.line}:{span.column}")
        lines.extend(_excerpt(diagnostic, span, texts.get(span.file, []), gutter))
    if diagnostic.help:
        lines.append(f"{' ' * gutter} = help: {printable(diagnostic.help)}")
    return "\n".join(lines)


def _excerpt(diagnostic: Diagnostic, span: Span, text: list[str], gutter: int) -> list[str]:
    if not 1 <= span.line <= len(text):
        return []
    line = text[span.line - 1]
    before = len(printable(line[: span.column - 1]))
    width = max(1, len(printable(line[span.column - 1 : span.end_column - 1])))
    caret = f"{' ' * before}{'^' * width} {printable(diagnostic.label)}".rstrip()
    blank = f"{' ' * gutter} |"
    return [blank, f"{span.line} | {printable(line)}", f"{blank} {caret}"]
