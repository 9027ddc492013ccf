"""What each scalar means, against the core schema of YAML 1.2: its value, or a refusal."""

import math

import pytest

from fpncompiler.diagnostics import Sink, SpecError
from fpncompiler.spec.reading import Reader
from fpncompiler.spec.tree import Mapping, Scalar, parse_tree

REFUSED = "refused"
# as written -> the value by the core schema; as a number and as a flag: that value, or refused
TABLE: list[tuple[str, object, bool, bool]] = [
    ("0", 0, True, False),
    ("1", 1, True, False),
    ("-1", -1, True, False),
    ("+1", 1, False, False),
    ("007", 7, True, False),
    ("010", 10, True, False),  # 8 in YAML 1.1
    ("0o10", 8, False, False),
    ("0x1F", 31, False, False),
    ("0b11", "0b11", False, False),  # 3 in YAML 1.1
    ("1_000", "1_000", False, False),  # 1000 in YAML 1.1
    ("12:30:45", "12:30:45", False, False),  # 45045 in YAML 1.1
    ("190:20:30", "190:20:30", False, False),
    ("1:30", "1:30", False, False),
    ("1,000", "1,000", False, False),
    ("1.0", 1.0, True, False),
    ("1.10", 1.1, True, False),
    ("0.5", 0.5, True, False),
    (".5", 0.5, False, False),
    ("5.", 5.0, False, False),
    ("-0.0", -0.0, True, False),
    ("1e3", 1000.0, True, False),  # a string in PyYAML
    ("1e-3", 0.001, True, False),
    ("1E+2", 100.0, True, False),
    ("1.5e2", 150.0, True, False),
    ("1e400", math.inf, False, False),
    ("2147483648", 2147483648, True, False),
    ("2147483649", 2147483649, False, False),
    ("99999999999999999999", 99999999999999999999, False, False),
    (".inf", math.inf, False, False),
    ("-.inf", -math.inf, False, False),
    (".Inf", math.inf, False, False),
    (".nan", math.nan, False, False),
    (".NaN", math.nan, False, False),
    ("inf", "inf", False, False),
    ("nan", "nan", False, False),
    ("true", True, False, True),
    ("false", False, False, True),
    ("True", True, False, False),
    ("TRUE", True, False, False),
    ("False", False, False, False),
    ("yes", "yes", False, False),  # True in YAML 1.1
    ("no", "no", False, False),
    ("NO", "NO", False, False),
    ("on", "on", False, False),
    ("off", "off", False, False),
    ("y", "y", False, False),
    ("n", "n", False, False),
    ("~", None, False, False),
    ("null", None, False, False),
    ("Null", None, False, False),
    ("", None, False, False),
    ("'1'", "1", True, False),  # quotes: a word all the same, for numbers are formulas
    ('"1"', "1", True, False),
    ("'true'", "true", False, False),
    ('"false"', "false", False, False),
    ("'no'", "no", False, False),
    ("'~'", "~", False, False),
    ("''", "", False, False),
    ("2026-11-23", "2026-11-23", True, False),  # a formula: 1992; a date in YAML 1.1
    ("1 2", "1 2", False, False),
    ("abc", "abc", False, False),
    ("in(l)", "in(l)", False, False),
    ("3..7", "3..7", False, False),
    ("=", "=", False, False),
    ("1 # one", 1, True, False),
    ("|\n  1\n", "1\n", True, False),
    ('"\\x31"', "1", True, False),
    ("-", None, False, False),
]
VALUES = {"2026-11-23": 1992.0}
NOT_SCALARS = {"-"}  # a list, in the place of a value


def scalar(written: str) -> Scalar | None:
    tree = parse_tree(f"a: {written}\n".encode(), "f.yaml", Sink())
    assert isinstance(tree, Mapping)
    node = tree.get("a")
    return node if isinstance(node, Scalar) else None


def number(node: Scalar) -> float | str:
    sink = Sink()
    value = Reader(sink).number(node, "a", -math.inf, math.inf)
    return REFUSED if sink.has_errors else value


def flag(node: Scalar) -> bool | str:
    sink = Sink()
    value = Reader(sink).flag(node, "a", False)
    return REFUSED if sink.has_errors else value


def test_the_table_is_long_and_says_each_once():
    assert len({row[0] for row in TABLE}) == len(TABLE) >= 60


@pytest.mark.parametrize(("written", "core", "is_number", "is_flag"), TABLE)
def test_a_scalar_has_the_value_of_yaml_1_2_or_none(written, core, is_number, is_flag):
    if written in NOT_SCALARS:
        with pytest.raises(SpecError):
            scalar(written)
        return
    node = scalar(written)
    assert node is not None
    if isinstance(core, str):
        assert node.text == core
    value = VALUES.get(written, core)
    assert number(node) == (float(value) if is_number else REFUSED)
    assert flag(node) == (value if is_flag else REFUSED)


@pytest.mark.parametrize(
    "text",
    ["a: 1\na: 2\n", "a: {b: 1, b: 1}\n", "'a': 1\na: 2\n", '"\\x61": 1\na: 2\n', "1: 1\n'1': 1\n"],
)
def test_a_key_given_twice_is_refused(text):
    sink = Sink()
    parse_tree(text.encode(), "f.yaml", sink)
    assert [d.code for d in sink.diagnostics if d.severity == "error"] == ["F106"]


@pytest.mark.parametrize(("left", "right"), [("1", "01"), ("on", "true"), ("~", "null")])
def test_keys_are_what_is_written(left, right):
    tree = parse_tree(f"{left}: 1\n{right}: 2\n".encode(), "f.yaml", Sink())
    assert [*tree.entries] == [left, right]
