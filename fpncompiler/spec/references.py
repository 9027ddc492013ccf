"""References to nodes: `in(l)`, `td(l+1)`, `td(3)`, `td(*)`, `in(l-1..l+1)`, `f(l, k-1)`, `gp`."""

import re
from dataclasses import dataclass

from fpncompiler.diagnostics import Sink, Span
from fpncompiler.spec.tree import Node, Scalar

_REFERENCE = re.compile(r"([A-Za-z_]\w*)\s*(?:\(\s*(.*?)\s*\))?", re.ASCII)
_OFFSET = re.compile(r"([lk])\s*(?:([+-])\s*([0-9]{1,2}))?")
_OTHER_LETTER = re.compile(r"[A-Za-jm-z]|level\b")
_NUMBER = re.compile(r"[0-9]{1,2}")

MAX_LENGTH = 200
SYNTAX = "write `td(l+1)`, `td(3)`, `td(*)`, `in(l-1..l+1)`, `f(l, k-1)` or a node's name"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Indices relative to the reader's own, `low` to `high`; those beyond the range drop out."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Exactly:
    """One index, which must exist."""

    index: int


@dataclass(frozen=True, slots=True)
class Everywhere:
    """Every index at which the family has a node, from the lowest on."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """Every layer index from 1 up to `high`, which is relative to the reader's own."""

    high: int


@dataclass(frozen=True, slots=True)
class Last:
    """The last layer index."""


LevelIndex = Neighbour | Exactly | Everywhere
LayerIndex = Neighbour | Exactly | Everywhere | Earlier | Last


@dataclass(frozen=True, slots=True)
class Reference:
    """What a node reads; `level` is None for a node that is declared by name alone.

    `layer` is the second index, None where there is none.
    """

    family: str
    level: LevelIndex | None
    layer: LayerIndex | None
    text: str
    span: Span

    @property
    def may_be_several(self) -> bool:
        """Whether one reference can stand for more than one input."""
        return any(_may_be_several(index) for index in (self.level, self.layer))


def read_reference(node: Node, sink: Sink) -> Reference | None:
    """A reference out of a scalar; None, with a fault recorded, if it is none."""
    if not isinstance(node, Scalar):
        sink.error("F206", "an input is a reference to a node", node.span, help=SYNTAX)
        return None
    found = _REFERENCE.fullmatch(node.text) if len(node.text) <= MAX_LENGTH else None
    if not found:
        sink.error("F206", f"`{node.text}` is not a reference", node.span, help=SYNTAX)
        return None
    family, inside = found.groups()
    if inside is None:
        return Reference(family, None, None, node.text, node.span)
    if "(" in inside:
        message = f"`{node.text}` is more than one reference"
        sink.error("F206", message, node.span, help="list them: `[in(l), td(l+1)]`")
        return None
    first, comma, second = inside.partition(",")
    level, layer = _level(first.strip()), _layer(second.strip())
    if level is None:
        message = f"`{first.strip()}` is not a level: it is neither a number nor relative to `l`"
        meant = _OTHER_LETTER.sub("l", first) if _OTHER_LETTER.search(first) else ""
        help, fix = SYNTAX, None
        if _level(meant.strip()):
            start, end = found.start(2), found.start(2) + len(first)
            new = node.text[:start] + meant + node.text[end:]
            help = f"a level is relative to `l`: write `{new}`"
            fix = sink.rewriting(node.span, node.text, new)
        sink.error("F206", message, node.span, help=help, fix=fix)
        return None
    if comma and layer is None:
        message = f"`{second.strip()}` is no layer: it is neither a number nor relative to `k`"
        help = "write `k`, `k-1`, `1..k-1`, `3`, `last` or `all`"
        sink.error("F206", message, node.span, help=help)
        return None
    return Reference(family, level, layer, node.text, node.span)


def _may_be_several(index: LayerIndex | None) -> bool:
    return isinstance(index, Everywhere | Earlier) or (
        isinstance(index, Neighbour) and index.low != index.high
    )


def _level(text: str) -> LevelIndex | None:
    if text == "*":
        return Everywhere()
    if _NUMBER.fullmatch(text):
        return Exactly(int(text))
    return _neighbour(text, "l")


def _layer(text: str) -> LayerIndex | None:
    if text in ("*", "all"):  # in a flow list YAML takes `*` for itself
        return Everywhere()
    if text == "last":
        return Last()
    if _NUMBER.fullmatch(text):
        return Exactly(int(text))
    low, dots, high = text.partition("..")
    if dots and low.strip() == "1":
        last = _offset(high, "k")
        return None if last is None else Earlier(last)
    return _neighbour(text, "k")


def _neighbour(text: str, variable: str) -> Neighbour | None:
    low, dots, high = text.partition("..")
    first = _offset(low, variable)
    last = _offset(high, variable) if dots else first
    if first is None or last is None or first > last:
        return None
    return Neighbour(first, last)


def _offset(text: str, variable: str) -> int | None:
    found = _OFFSET.fullmatch(text.strip())
    if not found or found.group(1) != variable:
        return None
    _, sign, distance = found.groups()
    return 0 if sign is None else int(sign + distance)
