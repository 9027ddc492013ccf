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

SYNTAX, WORD, VALUE = "F701", "F702", "F703"
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

    `form` is such a line as it should be, for those who have written something else.
    """

    def __init__(self, text: str, file: str, number: int, sink: Sink) -> None:
        self.sink = sink
        self.form = "graph NAME"
        self.tokens = [*_tokens(text, file, number)]
        self.at = 0

    @property
    def next(self) -> Token:
        """The token that is read next."""
        return self.tokens[self.at]

    def behind(self) -> Token:
        """The token behind the next one."""
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    @property
    def touches(self) -> bool:
        """Whether the next token follows the last one without a space."""
        return self.at > 0 and self.tokens[self.at - 1].span.end_column == self.next.span.column

    def take(self) -> Token:
        """Read the next token."""
        token = self.next
        self.at = min(self.at + 1, len(self.tokens) - 1)
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
        first = self.take()
        if first.text == "-" and self.next.sort == "number":
            token = self.take()
            span = Span(first.span.file, first.span.line, first.span.column, token.span.end_column)
            return self._number(f"-{token.text}", span), span
        if first.sort == "number":
            return self._number(first.text, first.span), first.span
        if first.sort != "name":
            self.at -= first.sort != "end"
            self.expected(what)
        flags = {"true": True, "false": False}
        return flags.get(first.text, first.text), first.span

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


def _tokens(text: str, file: str, number: int) -> Iterable[Token]:
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        assert found
        sort = str(found.lastgroup)
        start, at = found.span(sort)
        shown = 1 if sort == "end" else at - start
        span = Span(file, number, start + 1, start + 1 + shown)
        yield Token(sort, "" if sort == "end" else found[sort], span)
        if sort == "end":
            return
