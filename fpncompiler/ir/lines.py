"""A line of the textual IR as tokens, and what reads them one after another.

    p6_td = fuse 6 width 64 sum [p6_in, p7_in ^1]  # a comment

A fault is recorded where it stands; one after which a line cannot be understood ends that line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import NoReturn

from fpncompiler.diagnostics import Sink, Span, suggest
from fpncompiler.kinds import Value

SYNTAX, WORD, VALUE, LARGE = "F701", "F702", "F703", "F706"
MAX_DIGITS = 24
MAX_KNOWN = 40  # words that a help lists

_TOKEN = re.compile(
    r"[ \t]*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"
    r"|(?P<mark>[=,\[\]()>*/^~?@-])"
    r"|(?P<end>\#.*|$)"
    r"|(?P<other>.))"
)


class LineError(Exception):
    """The rest of a line cannot be read; why is in the sink."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line: its sort (`name`, `number`, `mark`, `end`, `other`), and its place."""

    sort: str
    text: str
    span: Span


class Line:
    """The tokens of a line, read from left to right; behind the last one the end is read again.

    Two are known at a time, so that a line of any length takes little. `form` is such a line as it
    should be, for those who have written something else.
    """

    def __init__(self, text: str, file: str, number: int, sink: Sink) -> None:
        self.sink = sink
        self.form = "graph NAME"
        self._text = text
        self._place = file, number
        self._read_to = self._last_end = 0
        self.next = self._token()
        self._behind: Token | None = None

    def behind(self) -> Token:
        """The token behind the next one."""
        if self.next.sort == "end":
            return self.next
        if self._behind is None:
            self._behind = self._token()
        return self._behind

    @property
    def touches(self) -> bool:
        """Whether the next token follows the last one without a space."""
        return self._last_end == self.next.span.column

    def take(self) -> Token:
        """Read the next token."""
        token = self.next
        if token.sort != "end":
            self._last_end = token.span.end_column
            self.next = self.behind()
            self._behind = None
        return token

    def has(self, text: str) -> bool:
        """Read a mark or a word if it comes next; whether it did."""
        if self.next.text != text:
            return False
        self.take()
        return True

    def expect(self, text: str) -> Token:
        """Read a mark or a word that must come next."""
        if self.next.text != text:
            self.expected(f"`{text}`")
        return self.take()

    def name(self, what: str) -> Token:
        """Read a name; `what` says what it names."""
        if self.next.sort != "name":
            self.expected(what)
        return self.take()

    def whole(self, what: str, low: int, high: int) -> int:
        """Read a whole number."""
        if self.next.sort != "number":
            self.expected(what)
        token = self.take()
        number = whole_number(token.text)
        if number is None or not low <= number <= high:
            help = f"it is a whole number from {low} to {high}"
            self.sink.error(VALUE, f"`{token.text}` cannot be {what}", token.span, help=help)
            return low
        return number

    def value(self, what: str) -> tuple[Value, Span]:
        """Read a number, `true`, `false` or a word, and its place."""
        first = self.next
        if first.text == "-" and self.behind().sort == "number":
            self.take()
            token = self.take()
            span = Span(first.span.file, first.span.line, first.span.column, token.span.end_column)
            return self._number(f"-{token.text}", span), span
        if first.sort == "number":
            self.take()
            return self._number(first.text, first.span), first.span
        token = self.name(what)
        flags = {"true": True, "false": False}
        return flags.get(token.text, token.text), token.span

    def word(self, what: str, choices: Iterable[str]) -> str:
        """Read one of some words."""
        token = self.name(what)
        for choice in choices:
            if token.text == choice:
                return choice
        return self.unknown(token, what, choices)

    def unknown(self, token: Token, what: str, choices: Iterable[str]) -> NoReturn:
        """Record that a word is none of those that its place knows, and end the line."""
        message = f"`{token.text}` is no {what}"
        self.fault(WORD, message, token.span, known_words(token.text, choices))

    def expected(self, what: str) -> NoReturn:
        """Record that something else stands where `what` belongs, and end the line."""
        token = self.next
        found = {"end": "the line ends", "other": f"the character `{token.text}` stands"}
        stands = found.get(token.sort, f"`{token.text}` stands")
        message = f"{stands} where {what} is expected"
        self.fault(SYNTAX, message, token.span, f"such a line is written `{self.form}`")

    def fault(self, code: str, message: str, span: Span, help: str) -> NoReturn:
        """Record a fault, and end the line."""
        self.sink.error(code, message, span, help=help)
        raise LineError

    def end(self) -> None:
        """Nothing but a comment may follow."""
        if self.next.sort != "end":
            self.expected("the end of the line")

    def _token(self) -> Token:
        """The token at the place up to which the line is read."""
        found = _TOKEN.match(self._text, self._read_to)
        assert found
        sort = str(found.lastgroup)
        start, self._read_to = found.span(sort)
        end = start + 1 if sort == "end" else self._read_to
        span = Span(*self._place, start + 1, end + 1)
        return Token(sort, "" if sort == "end" else found[sort], span)

    def _number(self, text: str, span: Span) -> int | float:
        if (whole := whole_number(text.lstrip("-"))) is not None:
            return -whole if text.startswith("-") else whole
        number = float(text)
        if text.isdecimal() or not isfinite(number):
            help = f"whole numbers have {MAX_DIGITS} digits at most"
            self.sink.error(VALUE, f"the number `{text}` is too large", span, help=help)
            return 0
        return number


def known_words(word: str, choices: Iterable[str]) -> str:
    """What to write instead of a word: the nearest one, or all that there are."""
    known = sorted({*choices})
    if help := suggest(word, known):
        return help
    shown = ", ".join(f"`{choice}`" for choice in known[:MAX_KNOWN])
    return f"known: {shown}{', ...' * (len(known) > MAX_KNOWN)}"


def whole_number(text: str) -> int | None:
    """A whole number of few digits; None for anything else."""
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else None
