"""What a command prints, and the exit code that it earns.

Text goes to people: results to standard output, findings to standard error. JSON and GitHub's
annotations go to programs: then standard output holds nothing else. Whatever a spec or a file
name brings along is escaped, so that it cannot steer a terminal or a workflow.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TextIO

from fpncompiler.diagnostics import Diagnostic, SpecError, Texts, printable, render
from fpncompiler.diagnostics.formats import as_github, as_json

OK, FINDINGS, TROUBLE = 0, 1, 2
INTERRUPTED = 130  # by Control-C, as shells have it
Format = Literal["text", "json", "github"]
FORMATS: tuple[Format, ...] = ("text", "json", "github")
Colour = Literal["plain", "red", "green", "yellow", "bold"]
_COLOURS: Mapping[Colour, int] = {"plain": 0, "bold": 1, "red": 31, "green": 32, "yellow": 33}
HELP = "\n  = help: "


@dataclass(slots=True)
class Report:
    """Prints as a command goes on, or at its end, and remembers the worst that happened."""

    format: Format = "text"
    code: int = OK
    collected: list[Diagnostic] = field(default_factory=list)

    def say(self, text: str, colour: Colour = "plain") -> None:
        """A result for people, in colour on a terminal, unless NO_COLOR is set."""
        stream = sys.stdout if self.format == "text" else sys.stderr
        is_coloured = colour != "plain" and stream.isatty() and not os.environ.get("NO_COLOR")
        _print(text, stream, _COLOURS[colour] if is_coloured else 0)

    def aside(self, text: str) -> None:
        """What is no result, such as a count of the faults."""
        _print(text, sys.stderr)

    def findings(self, diagnostics: Sequence[Diagnostic], texts: Texts) -> None:
        """Faults or warnings of a spec; faults cost the exit code 1."""
        if any(d.severity == "error" for d in diagnostics):
            self.code = max(self.code, FINDINGS)
        if self.format != "text":
            self.collected.extend(diagnostics)
        elif diagnostics:
            sys.stdout.flush()
            print(render(diagnostics, texts), end="\n\n", file=sys.stderr)

    def faults(self, error: SpecError) -> None:
        """The faults of a spec."""
        self.findings(error.diagnostics, error.texts)

    def finding(self, code: str, message: str, help: str = "") -> None:
        """Something wrong with a file that fpnc has made."""
        self.findings([Diagnostic(code, message, help=help)], {})

    def trouble(self, message: str, code: str = "") -> None:
        """A usage or environment error; its help, if any, stands in a line of its own."""
        self.code = TROUBLE
        message, _, help = message.partition(HELP)
        if self.format != "text":
            self.collected.append(Diagnostic(code, message, help=help))
            return
        name = f"error[{code}]" if code else "error"
        self.aside(f"{name}: {message}{HELP if help else ''}{help}")

    def close(self) -> None:
        """Print what programs read; they get a document in any case."""
        if self.format == "json":
            print(as_json(self.collected))
        elif self.format == "github" and self.collected:
            print(as_github(self.collected))
        sys.stdout.flush()


def counted(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    listed = [*diagnostics]
    counts = {kind: sum(d.severity == kind for d in listed) for kind in ("error", "warning")}
    parts = [f"{n} {kind}{'s' * (n > 1)}" for kind, n in counts.items() if n]
    return ", ".join(parts)


def _print(text: str, stream: TextIO, colour: int = 0) -> None:
    shown = "\n".join(printable(line) for line in text.split("\n"))
    print(f"\x1b[{colour}m{shown}\x1b[0m" if colour else shown, file=stream)
