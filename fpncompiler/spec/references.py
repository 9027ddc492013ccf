"""References to nodes: `in(l)`, `td(l+1)`, `td(3)`, `td(*)`, `in(l-1..l+1)`, `gp`."""

import re
from dataclasses import dataclass

from fpncompiler.diagnostics import Sink, Span
from fpncompiler.spec.tree import Node, Scalar

_REFERENCE = re.compile(r"([A-Za-z_]\w*)\s*(?:\(\s*(.*?)\s*\))?", re.ASCII)
_OFFSET = re.compile(r"l\s*(?:([+-])\s*([0-9]{1,2}))?")
_LEVEL = re.compile(r"[0-9]{1,2}")

SYNTAX = "write `td(l+1)`, `td(3)`, `td(*)`, `in(l-1..l+1)` or a node's name"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Levels relative to the reader's own, `low` to `high`; those beyond the range drop out."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Level:
    """One level, which must exist."""

    level: int


@dataclass(frozen=True, slots=True)
class Everywhere:
    """Every level at which the family has a node, finest first."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a node reads; `where` is None for a node that is declared by name alone."""

    family: str
    where: Neighbour | Level | Everywhere | None
    span: Span

    @property
    def text(self) -> str:
        """The reference as a user writes it."""
        match self.where:
            case None:
                return self.family
            case Level(level):
                return f"{self.family}({level})"
            case Everywhere():
                return f"{self.family}(*)"
            case Neighbour(low, high) if low == high:
                return f"{self.family}({_offset_text(low)})"
            case Neighbour(low, high):
                return f"{self.family}({_offset_text(low)}..{_offset_text(high)})"

    @property
    def may_be_several(self) -> bool:
        """Whether one reference can stand for more than one input."""
        where = self.where
        return isinstance(where, Everywhere) or (
            isinstance(where, Neighbour) and where.low != where.high
        )


def read_reference(node: Node, sink: Sink) -> Reference | None:
    """A reference out of a scalar; None, with a fault recorded, if it is none."""
    if not isinstance(node, Scalar):
        sink.error("F206", "an input is a reference to a node", node.span, help=SYNTAX)
        return None
    found = _REFERENCE.fullmatch(node.text)
    if not found:
        sink.error("F206", f"`{node.text}` is not a reference", node.span, help=SYNTAX)
        return None
    family, index = found.groups()
    if index is None:
        return Reference(family, None, node.span)
    where = _where(index)
    if where is None:
        message = f"`{index}` is not a level: it is neither a number nor relative to `l`"
        sink.error("F206", message, node.span, help=SYNTAX)
        return None
    return Reference(family, where, node.span)


def _where(index: str) -> Neighbour | Level | Everywhere | None:
    if index == "*":
        return Everywhere()
    if _LEVEL.fullmatch(index):
        return Level(int(index))
    low, dots, high = index.partition("..")
    first = _offset(low)
    last = _offset(high) if dots else first
    if first is None or last is None or first > last:
        return None
    return Neighbour(first, last)


def _offset(text: str) -> int | None:
    found = _OFFSET.fullmatch(text.strip())
    if not found:
        return None
    sign, distance = found.groups()
    return 0 if sign is None else int(sign + distance)


def _offset_text(offset: int) -> str:
    return "l" if offset == 0 else f"l{offset:+d}"
