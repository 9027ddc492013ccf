"""2,000 random formulas, each against exact arithmetic on fractions."""

import math
import random
import time
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from fpncompiler.spec.expression import (
    MAX_LENGTH,
    MAX_MAGNITUDE,
    MAX_TOKENS,
    FormulaError,
    evaluate,
)

COUNT = 2000
NAMES = {"phi": 3.0, "l": 5.0, "k": 2.0}
NEAR = Fraction(1, 10**7)
NUMBERS = "0 1 2 3 5 7 8 64 0.5 0.25 1.5 1.35 1.1 100 1e3 1e-3 99999 2147483648 1e9 1e99".split()


class RefusedError(Exception):
    """The formula has no value."""


class UndecidedError(Exception):
    """A rounding error decides: at a jump, at the limit, behind a division by almost nothing."""


@dataclass(frozen=True)
class Value:
    """The exact value; whether floats have had to round on the way; the largest number met."""

    exact: Fraction
    rounded: bool
    largest: Fraction


def made(exact: Fraction, *of: Value) -> Value:
    """A result, if it is within the bounds."""
    limit = Fraction(MAX_MAGNITUDE)
    if abs(exact) > 2 * limit:
        raise RefusedError
    rounded = any(v.rounded for v in of) or Fraction(float(exact)) != exact
    if rounded and abs(abs(exact) - limit) < limit * NEAR:
        raise UndecidedError
    if abs(exact) > limit:
        raise RefusedError
    return Value(exact, rounded, max([abs(exact), *(v.largest for v in of)]))


def floored(value: Value, add: Fraction = Fraction(0)) -> Fraction:
    """The floor, unless a rounding error could make it another."""
    exact = value.exact + add
    if value.rounded and abs(exact - round(exact)) < NEAR * max(1, value.largest):
        raise UndecidedError
    return Fraction(math.floor(exact))


def divided(left: Value, right: Value) -> Value:
    if right.rounded and abs(right.exact) < NEAR * max(1, right.largest):
        raise UndecidedError
    if right.exact == 0:
        raise RefusedError
    return made(left.exact / right.exact, left, right)


def power(base: Value, exponent: Value) -> Value:
    if exponent.rounded or (base.rounded and abs(base.exact) < NEAR):
        raise UndecidedError
    low, high = base.exact, exponent.exact
    if abs(high) > 64 or (low == 0 and high < 0) or (low < 0 and high.denominator != 1):
        raise RefusedError
    if high.denominator == 1:
        return made(low ** int(high), base, exponent)
    with localcontext(prec=60):
        root = Decimal(low.numerator) / Decimal(low.denominator)
        found = root ** (Decimal(high.numerator) / Decimal(high.denominator))
    return made(Fraction(found), base, exponent, Value(Fraction(0), True, Fraction(0)))


Made = tuple[str, Value | type[Exception]]


def random_formula(rng: random.Random, depth: int) -> Made:
    """A formula with its value, or with what it comes to instead."""
    if depth == 0 or rng.random() < 0.15:
        return leaf(rng)
    kind = rng.choice("+-*/^nmMfcrRp")
    text, *values = [*operands(rng, depth, kind)]
    if errors := [value for value in values if isinstance(value, type)]:
        return text, errors[0]
    try:
        return text, applied(kind, values)
    except (RefusedError, UndecidedError) as error:
        return text, type(error)


def leaf(rng: random.Random) -> Made:
    if rng.random() < 0.3:
        name = rng.choice([*NAMES])
        return name, Value(Fraction(NAMES[name]), False, Fraction(NAMES[name]))
    text = rng.choice(NUMBERS)
    try:
        return text, made(Fraction(text))
    except RefusedError:
        return text, RefusedError


def operands(rng: random.Random, depth: int, kind: str):
    """The text, and the values of what it is made of."""
    left, a = random_formula(rng, depth - 1)
    if kind in "nfcrp":
        form = {"n": "-({})", "f": "floor({})", "c": "ceil({})", "r": "round({})", "p": "({})"}
        yield form[kind].format(left)
        yield a
        return
    right, b = random_formula(rng, depth - 1)
    forms = {"m": "min({}, {})", "M": "max({},{})", "R": "round_to({}, {})", "^": "({}) ** ({})"}
    yield forms.get(kind, f"({{}}) {kind} ({{}})").format(left, right)
    # The left operand is met first, and decides which fault there is.
    yield from (a, b)


def applied(kind: str, values: list[Value]) -> Value:
    a, b = values[0], values[-1]
    half = Fraction(1, 2)
    match kind:
        case "+":
            return made(a.exact + b.exact, a, b)
        case "-":
            return made(a.exact - b.exact, a, b)
        case "*":
            return made(a.exact * b.exact, a, b)
        case "/":
            return divided(a, b)
        case "^":
            return power(a, b)
        case "n":
            return made(-a.exact, a)
        case "m" | "M":
            return made((min if kind == "m" else max)(a.exact, b.exact), a, b)
        case "f":
            return made(floored(a), a)
        case "c":
            return made(-floored(Value(-a.exact, a.rounded, a.largest)), a)
        case "r":
            return made(floored(a, half), a)
        case "R":
            if b.rounded and abs(b.exact) < NEAR:
                raise UndecidedError
            if b.exact <= 0:
                raise RefusedError
            return made(floored(divided(a, b), half) * b.exact, a, b)
    return a


def formulas(count: int):
    rng = random.Random(20261123)
    while count:
        text, value = random_formula(rng, rng.choice((1, 2, 3, 4)))
        tokens = len([*_tokens(text)])
        if value is UndecidedError or len(text) > MAX_LENGTH or tokens > MAX_TOKENS:
            continue
        count -= 1
        yield text, value


def _tokens(text: str):
    return (
        text.replace("**", "^").replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split()
    )


def test_formulas_have_the_value_of_exact_arithmetic():
    refused, slowest = 0, 0.0
    for text, expected in formulas(COUNT):
        start = time.process_time()
        try:
            found = evaluate(text, NAMES)
        except FormulaError:
            found = None
        slowest = max(slowest, time.process_time() - start)
        if expected is RefusedError:
            refused += 1
            assert found is None, text
            continue
        assert found is not None, text
        assert math.isfinite(found)
        room = float(NEAR) * max(1e-3, float(expected.largest))
        assert math.isclose(found, float(expected.exact), rel_tol=1e-9, abs_tol=room), text
    assert COUNT / 20 < refused < COUNT / 2
    assert slowest < 0.1  # 0.01 s on a machine that does nothing else


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9", "9**4000000", "2**32", "1/0", "0**-1", "(-8)**0.5", "1e99", "1e400", "nan",
        "inf", "-" * 500 + "1", "(" * 300 + "1", "1" * 201, "+".join(["1"] * 33), "phi.real",
        "'a'*9", "l[0]", "lambda: 1", "__import__('os')", "1 if 1 else 2", "1_000", "0x10", "1j",
        "10 % 3", "7 // 2", "round_to(1, 0)", "round_to(1, -1)", "min(1)", "min()", "max(1, 2, 3)",
        "floor", "", " ",
    ],
)  # fmt: skip
def test_what_is_no_formula_is_refused_at_once(text):
    start = time.process_time()
    with pytest.raises(FormulaError):
        evaluate(text, NAMES)
    assert time.process_time() - start < 0.1
