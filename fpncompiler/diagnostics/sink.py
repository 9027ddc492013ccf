"""Where the phases of a compilation put what they find, so that one run reports everything."""

from dataclasses import dataclass, field
from typing import NoReturn

from fpncompiler.diagnostics.model import Diagnostic, Edit, Fix, Label, Span
from fpncompiler.diagnostics.silence import Silence, audible, idle_silences
from fpncompiler.diagnostics.text import Texts, render

MAX_FAULTS = 100
MAX_WARNINGS = 1000  # those that are silenced, too


@dataclass(slots=True)
class Sink:
    """Collects diagnostics, one for each code and place, and the text of the files behind them."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    seen: set[tuple[str, Span | str]] = field(default_factory=set)
    texts: Texts = field(default_factory=dict)
    characters: int = 0  # of all files read, for whoever limits them
    silences: list[Silence] = field(default_factory=list)

    def add_text(self, file: str, text: str) -> None:
        """Remember a file's text, so that spans in it can be shown."""
        self.texts[file] = text.splitlines()
        self.characters += len(text)

    def text_at(self, span: Span) -> str:
        """What stands at a place; empty if that is in no file."""
        lines = self.texts.get(span.file, [])
        if not 1 <= span.line <= len(lines):
            return ""
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]

    def rewriting(self, span: Span, text: str, new: str, *, safe: bool = False) -> Fix | None:
        """The fix that writes a scalar anew; None if it does not stand there as it is read."""
        shown = self.text_at(span)
        if text not in shown:
            if "".join(text.split()) != "".join(shown.split()):
                return None
            text = shown  # `f(l,k)` is read as `f(l, k)`
        return Fix((Edit(span, text, new),), safe)

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        label: str = "",
        help: str = "",
        labels: tuple[Label, ...] = (),
        fix: Fix | None = None,
        is_missing: bool = False,
    ) -> None:
        """Record a fault, unless one of its code is recorded at its place already, and go on.

        Args:
            is_missing: it is about what is not there, so that many may stand at one place.

        Raises:
            SpecError: when MAX_FAULTS are recorded; nobody reads more.
        """
        place = message if is_missing else span or message
        fix = fix if fix and self._can_make(fix) else None
        self._add(Diagnostic(code, message, span, label, help, "error", labels, fix), place)
        if sum(d.severity == "error" for d in self.diagnostics) >= MAX_FAULTS:
            self.stop_on_errors()

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        label: str = "",
        help: str = "",
        labels: tuple[Label, ...] = (),
        fix: Fix | None = None,
    ) -> None:
        """Record what is allowed but hardly meant; a comment in the spec can silence it."""
        if sum(d.severity == "warning" for d in self.diagnostics) < MAX_WARNINGS:
            found = Diagnostic(code, message, span, label, help, "warning", labels, fix)
            self._add(found, span or message)

    def _can_make(self, fix: Fix) -> bool:
        """Whether what is to be replaced stands there as it is read: not so if it has escapes."""
        return all(edit.old in self.text_at(edit.span) for edit in fix.edits)

    def _add(self, diagnostic: Diagnostic, place: Span | str) -> None:
        if (diagnostic.code, place) not in self.seen:
            self.seen.add((diagnostic.code, place))
            self.diagnostics.append(diagnostic)

    def fatal(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        label: str = "",
        help: str = "",
        labels: tuple[Label, ...] = (),
        fix: Fix | None = None,
    ) -> NoReturn:
        """Record a fault after which nothing later can be judged, and stop.

        Raises:
            SpecError: always.
        """
        self.error(code, message, span, label=label, help=help, labels=labels, fix=fix)
        self.stop_on_errors()
        raise AssertionError("an error was recorded")

    def concluded(self, file: str, *, as_it_is: bool) -> tuple[Diagnostic, ...]:
        """The warnings of a compilation without faults that `file` does not silence.

        Those of other files, which it extends, are their authors' concern.

        Args:
            as_it_is: nothing was chosen that changes levels, and may take a warning away.
        """
        here = [d for d in self.diagnostics if d.span and d.span.file == file]
        idle = idle_silences(here, self.silences, file) if as_it_is else ()
        return audible([*here, *idle], self.silences)

    @property
    def has_errors(self) -> bool:
        """Whether any fault is recorded."""
        return any(d.severity == "error" for d in self.diagnostics)

    def stop_on_errors(self) -> None:
        """End the phase.

        Warnings of how scalars are read go along; others are about specs without faults.

        Raises:
            SpecError: if any fault is recorded.
        """
        if self.has_errors:
            kept = [d for d in self.diagnostics if d.severity == "error" or d.code == "W101"]
            raise SpecError(audible(kept, self.silences), dict(self.texts))


class SpecError(Exception):
    """The spec has faults; `diagnostics` lists them all, `str()` shows them with their lines."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], texts: Texts | None = None) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics
        self.texts = texts or {}

    def __str__(self) -> str:
        return render(self.diagnostics, self.texts)
