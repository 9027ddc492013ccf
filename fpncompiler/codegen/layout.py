"""Python expressions laid out as `ruff format` would, so that no formatter runs at compile time.

one line if it fits;  else the arguments on one line of their own;  else one argument a line
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments)`."""

    function: str
    arguments: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """`a + b + c`, two terms or more."""

    terms: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class List:
    """`[a, b, c]`."""

    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Keyword:
    """`name=value`, an argument."""

    name: str
    value: "Expr"


Expr = str | Call | Sum | List | Keyword


def flat(expr: Expr) -> str:
    """The expression on one line."""
    match expr:
        case str():
            return expr
        case Call(function, arguments):
            return f"{function}({', '.join(flat(argument) for argument in arguments)})"
        case Sum(terms):
            return " + ".join(flat(term) for term in terms)
        case List(items):
            return f"[{', '.join(flat(item) for item in items)}]"
        case Keyword(name, value):
            return f"{name}={flat(value)}"


def statement(prefix: str, expr: Expr, indent: int, comment: str = "") -> str:
    """`prefix` and the expression as a statement, over as many lines as it needs.

    Args:
        prefix: such as `x = ` or `return `.
        indent: columns in front of each line.
    """
    suffix = f"  # {comment}" if comment else ""
    if isinstance(expr, Sum) and not _fits(prefix + flat(expr) + suffix, indent):
        if opened := _opened_call(prefix, expr, indent, suffix):
            return "\n".join(opened)
        inner = "\n".join(_lines("", expr, indent + 4, ""))
        return f"{' ' * indent}{prefix}(\n{inner}\n{' ' * indent}){suffix}"
    return "\n".join(_lines(prefix, expr, indent, suffix))


def _opened_call(prefix: str, expr: Sum, indent: int, suffix: str) -> list[str]:
    """How two terms break without parentheses: inside the second call, or else inside both.

    `a + f(` with the arguments below; or `f(`, its arguments, `) + g(` and, if need be, theirs.
    """
    first, last = expr.terms[0], expr.terms[-1]
    if len(expr.terms) > 2 or not isinstance(last, Call) or not last.arguments:
        return []  # brackets with nothing between them are none to break in
    if _fits(f"{prefix}{flat(first)} + {last.function}(", indent):
        return _lines(f"{prefix}{flat(first)} + ", last, indent, suffix)
    if not isinstance(first, Call):
        return []
    opened = _bracketed(f"{prefix}{first.function}(", first.arguments, ")", indent, hug=True)
    return [*opened[:-1], *_lines(") + ", last, indent, suffix)]


def _lines(prefix: str, expr: Expr, indent: int, suffix: str) -> list[str]:
    line = prefix + flat(expr) + suffix
    if isinstance(expr, str) or _fits(line, indent):
        return [" " * indent + line]
    match expr:
        case Call(function, arguments):
            return _bracketed(f"{prefix}{function}(", arguments, f"){suffix}", indent, hug=True)
        case List(items):
            return _bracketed(f"{prefix}[", items, f"]{suffix}", indent, hug=False)
        case Sum():
            return _broken_sum(expr, indent, suffix)
        case Keyword(name, value):
            return _lines(f"{prefix}{name}=", value, indent, suffix)


def _bracketed(
    opening: str, items: Sequence[Expr], closing: str, indent: int, *, hug: bool
) -> list[str]:
    """Items between brackets; with `hug`, all on one line where they fit there."""
    inside = indent + 4
    together = ", ".join(flat(item) for item in items)
    first, last = " " * indent + opening, " " * indent + closing
    if hug and _fits(together, inside):
        return [first, " " * inside + together, last]
    comma = "" if hug and len(items) == 1 else ","
    body = [line for item in items for line in _lines("", item, inside, comma)]
    return [first, *body, last]


def _broken_sum(expr: Sum, indent: int, suffix: str = "") -> list[str]:
    """One term a line, the operator in front."""
    lines = _lines("", expr.terms[0], indent, "")
    for term in expr.terms[1:-1]:
        lines += _lines("+ ", term, indent, "")
    return lines + _lines("+ ", expr.terms[-1], indent, suffix)


def _fits(line: str, indent: int) -> bool:
    return indent + len(line) <= WIDTH
