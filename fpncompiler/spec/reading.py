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
    WORDS,
    is_misspelled,
    meant_key,
    suggested,
    truth,
    warn_of_number,
    warn_of_text,
)
from fpncompiler.spec.names import MAX_NAME, name_fault
from fpncompiler.spec.slips import meant_formula, meant_name, meant_range
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence

_RANGE = re.compile(r"\s*([0-9]{1,2})\s*\.\.\s*([0-9]{1,2})\s*")
MAX_LEVEL = 12
MAX_SHOWN = 100  # characters of what is to be rewritten
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
    lost: frozenset[str] = frozenset()  # names that a misspelt key would say

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
                self._unknown_key(entry, what, [*known], node)
        return node

    def _unknown_key(self, entry: Entry, what: str, known: list[str], given: Mapping) -> None:
        key = entry.key
        if ("F201", key.span) in self.sink.seen:  # at another place: looking takes time
            return
        message = f"{what} has no key `{key.text}`"
        help, fix = meant_key(entry, known)
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
            if not self._is_bare_table(node, what):
                self.mapping(node, what, ("formula", "published"))
            return default
        if not isinstance(node, Scalar):
            if not self._is_bare_table(node, what):
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

    def _is_bare_table(self, node: Node, what: str) -> bool:
        """Whether a value is a row for each phi without `published`; records it."""
        if ("F203", node.span) in self.sink.seen:  # at another place
            return True
        if isinstance(node, Mapping):
            is_table = all(name.isdigit() for name in node.entries)
        else:
            is_table = isinstance(node, Sequence) and len(node.items) > 1
        if is_table:
            text = self.sink.text_at(node.span)
            is_shown = len(text) <= MAX_SHOWN and text[-1:] in ("]", "}")
            new = f"{{published: {text if is_shown else '[...]'}}}"
            fix = self.rewrite(node, new) if is_shown else None
            help = f"for a value at each phi write `{new}`; of a level `l`, a formula"
            self.wrong(node, f"{what} is a number", help, fix)
        return is_table

    def _no_formula(
        self, node: Scalar, what: str, error: FormulaError, words: tuple[str, ...]
    ) -> None:
        if error.word and error.word in self.lost:
            return  # it is told already where it is said
        if ("F504", node.span) in self.sink.seen:  # at another place
            return
        message = f"{what} is neither a number nor a formula of phi: {error}"
        meant = self._meant_formula(node.text)
        if meant:
            fix = self.rewrite(node, meant, safe=meant.isdigit() and "_" in node.text)
            self.sink.error("F504", message, node.span, help=f"write `{meant}`", fix=fix)
            return
        word, known = error.word, (*words, *error.known)
        span = _span_of(word, node)
        help = suggest(word, known) or ", ".join(["known: phi", *(k for k in known if k != "phi")])
        fix = rename(span, word, known, safe=False) if span != node.span else None
        self.sink.error("F504", message, span, help=help if word else "", fix=fix)

    def _meant_formula(self, text: str) -> str:
        """What a formula in another tool's words is here, if that has a value."""
        meant = meant_formula(text)
        try:
            evaluate(meant, {"phi": float(self.phi), **dict(self.names)})
        except FormulaError:
            return ""
        return meant

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
            meant = meant_name(node.text, longest)
            help = f"write `{meant}`: {fault}" if meant else fault
            fix = self.rewrite(node, meant) if meant else None
            message = f"`{node.text}` cannot be {what}"
            self.sink.error("F205", message, node.span, help=help, fix=fix)
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
            meant = meant_range(node)
            help, fix = "", None
            if meant and meant.low == meant.high:
                help = f"level {meant.low} alone is `{meant}`"
            elif meant and meant.high <= MAX_LEVEL:
                help = f"write `{meant}`"
                fix = self.rewrite(node, str(meant), safe=meant.certain)
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

    def wrong(self, node: Node, expected: str, help: str = "", fix: Fix | None = None) -> None:
        """Record that a value is not what its place asks for."""
        self.sink.error("F203", expected, node.span, help=help, fix=fix)

    def rewrite(self, node: Node, new: str, *, safe: bool = False) -> Fix | None:
        """The fix that writes a value anew; None if it goes over several lines."""
        if isinstance(node, Scalar):
            return self.sink.rewriting(node.span, node.text, new, safe=safe and node.plain)
        old = self.sink.text_at(node.span)
        return Fix((Edit(node.span, old, new),), safe) if old[-1:] in "]}" and old else None
