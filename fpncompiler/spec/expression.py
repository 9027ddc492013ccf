"""Formulas of phi: `round_to(64 * 1.35 ** phi, 8)`.

    text -> tokens (at most 64) -> precedence climbing, evaluated on the way

Values are finite and at most 2**31 in magnitude at every step; there are no names but `phi` and
the functions below, and nothing of Python is evaluated.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_LENGTH = 200
MAX_TOKENS = 64
MAX_MAGNITUDE = float(2**31)

_TOKEN = re.compile(
    r"\s*(?:([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?)|([a-z_][a-z0-9_]*)|(\*\*|[-+*/(),]))"
)


def _round_to(value: float, step: float) -> float:
    """The nearest multiple of `step`, halves upwards."""
    if step <= 0:
        raise FormulaError("round_to needs a positive step")
    return math.floor(_bounded(value / step) + 0.5) * step


FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "ceil": (1, math.ceil),
    "floor": (1, math.floor),
    "max": (2, max),
    "min": (2, min),
    "round": (1, lambda value: math.floor(value + 0.5)),
    "round_to": (2, _round_to),
}


class FormulaError(Exception):
    """A formula that cannot be read or computed; the message says why, in the user's terms.

    Where a name is unknown, `word` is that name, and `known` are those that are not.
    """

    def __init__(self, message: str, word: str = "", known: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.word = word
        self.known = known


def evaluate(text: str, names: dict[str, float]) -> float:
    """The value of a formula.

    Args:
        text: at most 200 characters and 64 tokens.
        names: the variables that it may use, such as phi.

    Raises:
        FormulaError: not a formula, an unknown name, a division by zero, or a value beyond 2**31.
    """
    if len(text) < 10 and text.isascii() and text.isdigit():
        return float(text)
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"a formula has {MAX_LENGTH} characters at most")
    parser = _Parser(_tokens(text), names)
    value = parser.sum()
    if parser.peek() is not None:
        raise FormulaError(f"`{parser.peek()}` was not expected here")
    return value


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        found = _TOKEN.match(stripped, position)
        if not found:
            raise FormulaError(f"`{stripped[position:].strip()[0]}` has no meaning in a formula")
        tokens.append(found.group().strip())
        position = found.end()
        if len(tokens) > MAX_TOKENS:
            raise FormulaError(f"a formula has {MAX_TOKENS} tokens at most")
    return tokens


@dataclass(slots=True)
class _Parser:
    tokens: list[str]
    names: dict[str, float]
    position: int = 0

    def peek(self) -> str | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self) -> str:
        token = self.peek()
        if token is None:
            raise FormulaError("the formula ends too early")
        self.position += 1
        return token

    def expect(self, token: str) -> None:
        found = self.peek()
        if found != token:
            raise FormulaError(f"`{token}` is missing" + (f" before `{found}`" if found else ""))
        self.position += 1

    def sum(self) -> float:
        value = self.product()
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            value = _bounded(value + sign * self.product())
        return value

    def product(self) -> float:
        value = self.unary()
        while (operator := self.peek()) in ("*", "/"):
            self.take()
            right = self.unary()
            if operator == "/" and right == 0:
                raise FormulaError("division by zero")
            value = _bounded(value * right if operator == "*" else value / right)
        return value

    def unary(self) -> float:
        if self.peek() == "-":
            self.take()
            return -self.unary()
        return self.power()

    def power(self) -> float:
        base = self.atom()
        if self.peek() != "**":
            return base
        self.take()
        return _power(base, self.unary())

    def atom(self) -> float:
        token = self.take()
        if token == "(":
            value = self.sum()
            self.expect(")")
            return value
        if token[0].isdigit():
            return _bounded(float(token))
        if token in FUNCTIONS:
            return self.call(token)
        if token in self.names:
            return float(self.names[token])
        if not token[0].isalpha():
            raise FormulaError(f"a number is missing before `{token}`")
        known = tuple(sorted([*self.names, *FUNCTIONS]))
        raise FormulaError(f"`{token}` is unknown in a formula", token, known)

    def call(self, name: str) -> float:
        arity, function = FUNCTIONS[name]
        self.expect("(")
        arguments = [self.sum()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.sum())
        self.expect(")")
        if len(arguments) != arity:
            raise FormulaError(f"`{name}` takes {arity} argument{'s' * (arity > 1)}")
        return _bounded(float(function(*arguments)))


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > 64 or (base == 0 and exponent < 0) or (base < 0 and exponent % 1):
        raise FormulaError("this power is out of bounds")
    try:
        return _bounded(float(base**exponent))
    except OverflowError:
        raise FormulaError("a value exceeds 2**31") from None


def _bounded(value: float) -> float:
    if not math.isfinite(value) or abs(value) > MAX_MAGNITUDE:
        raise FormulaError("a value exceeds 2**31")
    return value
