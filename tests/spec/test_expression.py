import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpncompiler.spec.expression import FormulaError, evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("1.5e3", 1500),
        ("1e-3", 0.001),
        ("3 + phi", 6),
        ("10 - 2 - 3", 5),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("12 / 3 / 2", 2),
        ("2 ** 3 ** 2", 512),
        ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("--2", 2),
        ("(-2) ** 3", -8),
        ("floor(-0.5)", -1),
        ("ceil(7 / 2)", 4),
        ("round(2.5)", 3),
        ("round(-2.5)", -2),
        ("round_to(212.58, 8)", 216),
        ("round_to(12, 8)", 16),
        ("round_to(64 * 1.35 ** phi, 8)", 160),
        ("min(phi, 2) + max(phi, 7)", 9),
        (" 3+floor ( phi/ 3 ) ", 4),
        ("2 ** 31", 2**31),
    ],
)
def test_value_of_a_formula_at_phi_3(text, value):
    assert evaluate(text, {"phi": 3.0}) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends too early"),
        ("3 +", "ends too early"),
        ("3 4", "`4` was not expected"),
        ("(3", r"`\)` is missing"),
        ("min(3)", "takes 2 arguments"),
        ("floor(1, 2)", "takes 1 argument"),
        ("min 3", r"`\(` is missing before `3`"),
        ("psi", "`psi` is unknown in a formula"),
        ("floor", r"`\(` is missing"),
        ("3 / 0", "division by zero"),
        ("3 / (phi - 3)", "division by zero"),
        ("0 ** -1", "out of bounds"),
        ("(-2) ** 0.5", "out of bounds"),
        ("2 ** 65", "out of bounds"),
        ("2 ** 32", "exceeds"),
        ("9 ** 64", "exceeds"),
        ("1e99", "exceeds"),
        ("2147483648 + 1", "exceeds"),
        ("99999 * 99999", "exceeds"),
        ("round_to(3, 0)", "positive step"),
        ("round_to(3, -8)", "positive step"),
        ("__import__('os')", "has no meaning|is unknown"),
        ("phi.real", "`.` has no meaning"),
        ("phi[0]", "has no meaning"),
        ("3 % 2", "`%` has no meaning"),
        ("3 // 2", "a number is missing before `/`"),
        ("+3", "`\\+`"),
        ("nan", "unknown"),
        ("1" + "+1" * 100, "200 characters"),
        ("1" + "+1" * 50, "64 tokens"),
    ],
)
def test_formula_that_cannot_be_read_or_computed(text, words):
    with pytest.raises(FormulaError, match=words):
        evaluate(text, {"phi": 3.0})


@given(st.text("0123456789.e+-*/(), phi_floorundt", max_size=210))
def test_any_text_has_a_bounded_value_or_a_reason(text):
    with contextlib.suppress(FormulaError):
        assert abs(evaluate(text, {"phi": 3.0})) <= 2**31


def test_nesting_is_bounded_by_the_tokens():
    assert evaluate("(" * 31 + "1" + ")" * 31, {}) == 1
    with pytest.raises(FormulaError):
        evaluate("(" * 200, {})
