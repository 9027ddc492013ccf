"""Typed values out of tree nodes. Faults go to the sink; the caller gets a harmless default."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from fpncompiler.diagnostics import Edit, Fix, Sink, Span, rename, suggest
from fpncompiler.spec.budget import Budget
from fpncompiler.spec.expression import FUNCTIONS, FormulaError, evaluate
from fpncompiler.spec.habits import (
    ELSEWHERE,
    SYNONYMS,
    WORDS,
    is_misspelled,
    suggested,
    truth,
    warn_of_number,
    warn_of_text,
)
from fpncompiler.spec.names import MAX_NAME, name_fault
from fpncompiler.spec.tree import Mapping, Node, Scalar, Sequence

_RANGE = re.compile(r"\s*([0-9]{1,2})\s*\.\.\s*([0-9]{1,2})\s*")
_RANGE_HABIT = re.compile(r"([0-9]{1,2})\s*(?:-|\.{3,})\s*([0-9]{1,2})")
MAX_LEVEL = 12
NOWHERE = Span("", 1, 1, 2)


@dataclass(frozen=True, slots=True)
class Levels:
    """A range of pyramid levels, both ends included; a map of level l has stride 2**l."""

    low: int
    high: int

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.low, self.high + 1))

    def __contains__(self, level: object) -> bool:
        return isinstance(level, int) and self.low <= level <= self.high

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


def parse_levels(text: str) -> Levels | None:
    """`3..7` as levels; None if it is not two levels in order, 0 to 12."""
    found = _RANGE.fullmatch(text)
    if not found:
        return None
    low, high = int(found.group(1)), int(found.group(2))
    return Levels(low, high) if low <= high <= MAX_LEVEL else None


def meant_levels(node: Node | None) -> Levels | None:
    """What a range that is written wrongly is taken for, so that one fault is not many."""
    if node is None:
        return None
    items = node.items if isinstance(node, Sequence) else (node,)
    texts = [item.text for item in items if isinstance(item, Scalar)]
    numbers = [int(n) for text in texts for n in re.findall(r"(?<![0-9])[0-9]{1,2}(?![0-9])", text)]
    if len(numbers) < 2 or max(numbers) > MAX_LEVEL:
        return None
    return Levels(min(numbers), max(numbers))


def _range_fix(node: Node) -> Fix | None:
    """`3-5` or `3...5` as the range that it means."""
    found = _RANGE_HABIT.fullmatch(node.text) if isinstance(node, Scalar) and node.plain else None
    if not isinstance(node, Scalar) or found is None:
        return None
    low, high = found.groups()
    meant = parse_levels(f"{low}..{high}")
    return Fix((Edit(node.span, node.text, str(meant)),), safe=True) if meant else None


def _span_of(word: str, node: Scalar) -> Span:
    """Where a word stands in a formula; all of the formula where that cannot be told."""
    span = node.span
    found = re.search(rf"(?<![a-z0-9_]){word}(?![a-z0-9_])", node.text) if word else None
    if found is None or not node.plain or span.end_column - span.column != len(node.text):
        return span
    start = span.column + found.start()
    return replace(span, column=start, end_column=start + len(word))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads values of one spec at one phi.

    A scalar may scale: be a formula of phi, or `{formula: ..., published: table over phi}`, where
    the table wins unless `prefer_formula`.
    """

    sink: Sink
    phi: int = 0
    prefer_formula: bool = False
    names: tuple[tuple[str, float], ...] = ()
    budget: Budget = field(default_factory=Budget)

    def with_names(self, names: dict[str, float]) -> "Reader":
        """A reader whose formulas know more names than phi."""
        return replace(self, names=(*self.names, *names.items()))

    def knows(self, name: str) -> bool:
        """Whether a name means something in a formula already."""
        return name in ("phi", "l", "k", "depth", *FUNCTIONS, *dict(self.names))

    def mapping(self, node: Node | None, what: str, keys: Iterable[str]) -> Mapping:
        """A mapping with known keys; an empty one if `node` is None or wrong."""
        if node is None:
            return Mapping({}, NOWHERE)
        if not isinstance(node, Mapping):
            self.wrong(node, f"{what} is a mapping")
            return Mapping({}, node.span)
        known = dict.fromkeys(keys)
        for name, entry in node.entries.items():
            if name not in known:
                self._unknown_key(entry.key, what, [*known], node)
        return node

    def _unknown_key(self, key: Scalar, what: str, known: list[str], given: Mapping) -> None:
        if ("F201", key.span) in self.sink.seen:  # at another place: looking takes time
            return
        message = f"{what} has no key `{key.text}`"
        help, fix = suggested(key, known, SYNONYMS)
        if key.text in ELSEWHERE and what in ("a topology", "a model"):
            help, fix = ELSEWHERE[key.text], None
        beside = given.entries.get(fix.edits[0].new) if fix else None
        if beside and beside.key.span.file == key.span.file:
            fix = None  # the key might be there twice
        self.sink.error("F201", message, key.span, help=help, fix=fix)

    def missing(
        self, key: str, where: Mapping, known: Iterable[str], message: str, span: Span, help: str
    ) -> None:
        """Record that a key is missing, unless it is there and misspelled: that is told already."""
        if not is_misspelled(key, where, known):
            self.sink.error("F202", message, span, help=help, is_missing=True)

    def scaled(self, node: Node | None) -> Node | None:
        """The value at this phi.

        None where a table {phi: value} has no row for it, so that the next place is asked; a list
        must have one.
        """
        if not isinstance(node, Mapping) or not node.entries:
            return node
        if not set(node.entries) <= {"formula", "published"}:
            return node
        formula, published = node.get("formula"), node.get("published")
        row = self._row(published) if published else None
        if formula is None and row is None and isinstance(published, Sequence):
            self.no_row(node)
        return (formula or row) if self.prefer_formula else (row or formula)

    def _row(self, table: Node) -> Node | None:
        match table:
            case Sequence():
                return table.items[self.phi] if self.phi < len(table.items) else None
            case Mapping():
                return table.get(str(self.phi))
            case _:
                self.wrong(table, "`published` is a list over phi or a mapping {phi: value}")
                return None

    def first(self, places: Iterable[Mapping], key: str) -> Node | None:
        """The value of `key` in the first place that gives it at this phi."""
        values = (self.scaled(place.get(key)) for place in places)
        return next((value for value in values if value is not None), None)

    def no_row(self, node: Node) -> None:
        """Record that a table says nothing of this phi, unless it is no table."""
        if isinstance(node, Mapping) and isinstance(node.get("published"), Scalar):
            return
        self.sink.error("F502", f"the table has no row for phi {self.phi}", node.span)

    def number(
        self,
        node: Node | None,
        what: str,
        low: float,
        high: float,
        default: float = 0.0,
        words: tuple[str, ...] = (),
    ) -> float:
        """A finite number within bounds, or a formula of phi; `default` if `node` is None.

        Args:
            words: what the place takes beside numbers, for a suggestion.
        """
        given, node = node, self.scaled(node)
        if node is None:
            if given is not None:
                self.no_row(given)
            return default
        if isinstance(node, Mapping) and set(node.entries) - {"formula", "published"}:
            self.mapping(node, what, ("formula", "published"))
            return default
        if not isinstance(node, Scalar):
            self.wrong(node, f"{what} is a number")
            return default
        try:
            value = evaluate(node.text, {"phi": float(self.phi), **dict(self.names)})
        except FormulaError as error:
            self._no_formula(node, what, error, words)
            return default
        warn_of_number(node, self.sink)
        if not low <= value <= high:
            message = f"{what} is {value:g}; it must be from {low:g} to {high:g}"
            self.sink.error("F203", message, node.span)
            return default
        return value

    def _no_formula(
        self, node: Scalar, what: str, error: FormulaError, words: tuple[str, ...]
    ) -> None:
        message = f"{what} is neither a number nor a formula of phi: {error}"
        word, known = error.word, (*words, *error.known)
        span = _span_of(word, node)
        help = suggest(word, known) or ", ".join(["known: phi", *(k for k in known if k != "phi")])
        fix = rename(span, word, known, safe=False) if span != node.span else None
        self.sink.error("F504", message, span, help=help if word else "", fix=fix)

    def integer(
        self,
        node: Node | None,
        what: str,
        low: int,
        high: int,
        default: int = 1,
        words: tuple[str, ...] = (),
    ) -> int:
        """A whole number within bounds, or a formula whose value is whole."""
        value = self.number(node, what, low, high, default, words)
        if value != math.floor(value):
            scalar = self.scaled(node)
            message = f"{what} is {value:g}, which is not a whole number"
            help = "round it: `round_to(..., 8)`, `floor(...)`, `ceil(...)`"
            self.sink.error("F203", message, scalar.span if scalar else None, help=help)
            return default
        return int(value)

    def flag(self, node: Node | None, what: str, default: bool) -> bool:
        """`true` or `false`."""
        node = self.scaled(node)
        if node is None:
            return default
        if isinstance(node, Scalar) and node.plain and node.text in ("true", "false"):
            return node.text == "true"
        meant = truth(node.text) if isinstance(node, Scalar) else ""
        help = f"write `{meant}`" if meant else ""
        fix = None
        if isinstance(node, Scalar) and meant and node.plain:
            fix = Fix((Edit(node.span, node.text, meant),), safe=True)
        message = f"{what} is `true` or `false`"
        self.sink.error("F203", message, node.span, help=help, fix=fix)
        return default

    def word(self, node: Node | None, what: str, choices: Iterable[str], default: str) -> str:
        """One of a closed set of words."""
        node = self.scaled(node)
        if node is None:
            return default
        known = tuple(choices)
        if isinstance(node, Scalar) and node.text in known:
            return node.text
        if isinstance(node, Scalar):
            if ("F207", node.span) in self.sink.seen:
                return default
            message = f"`{node.text}` is no {what}"
            help, fix = suggested(node, known, WORDS)
            self.sink.error("F207", message, node.span, help=help, fix=fix)
        else:
            self.wrong(node, f"{what} is a word")
        return default

    def name(self, node: Node | None, what: str, longest: int = MAX_NAME) -> str:
        """A name of the closed grammar; `unnamed` if it is missing or wrong."""
        if not isinstance(node, Scalar):
            if node is not None:
                self.wrong(node, f"{what} is a word")
            return "unnamed"
        if fault := name_fault(node.text, longest):
            self.sink.error("F205", f"`{node.text}` cannot be {what}", node.span, help=fault)
            return "unnamed"
        warn_of_text(node, self.sink)
        return node.text

    def text(self, node: Node | None, what: str) -> str:
        """Free text, for docstrings; at most 400 characters."""
        node = self.scaled(node)
        if node is None:
            return ""
        if isinstance(node, Scalar) and len(node.text) <= 400:
            warn_of_text(node, self.sink)
            return " ".join(node.text.split())
        self.wrong(node, f"{what} is a text of at most 400 characters")
        return ""

    def levels(self, node: Node | None, what: str) -> Levels | None:
        """A range of levels such as `3..7`."""
        node = self.scaled(node)
        if node is None:
            return None
        levels = parse_levels(node.text) if isinstance(node, Scalar) else None
        if levels is None:
            expected = (
                f"{what} is a range such as `3..7`: the finest level first, at most {MAX_LEVEL}"
            )
            fix = _range_fix(node)
            help = f"write `{fix.edits[0].new}`" if fix else ""
            self.sink.error("F203", expected, node.span, help=help, fix=fix)
        return levels

    def items(self, node: Node | None, what: str) -> tuple[Node, ...]:
        """The items of a list; a single value counts as a list of one."""
        match node:
            case None:
                return ()
            case Sequence():
                return node.items
            case Scalar():
                return (node,)
            case Mapping():
                self.wrong(node, f"{what} is a list")
                return ()

    def numbers(self, node: Node | None, what: str, low: float, high: float) -> tuple[float, ...]:
        """A list of numbers."""
        items = self.items(self.scaled(node), what)
        return tuple(self.number(item, what, low, high) for item in items)

    def wrong(self, node: Node, expected: str) -> None:
        """Record that a value is not what its place asks for."""
        self.sink.error("F203", expected, node.span)
