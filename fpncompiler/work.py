"""What a computation holds in memory, and how that of its parts adds up.

Numbers count values, whatever the unit that they are of: a cell, a map. What a computation reads is
held by whoever has computed it, and not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce


@dataclass(frozen=True, slots=True)
class Work:
    """The most values that are held at once, and those of the result.

    `kept` is 0 where the result is what was read, or a view of it.
    """

    peak: int
    kept: int

    def times(self, count: int) -> "Work":
        """The same with `count` times as many values."""
        return Work(self.peak * count, self.kept * count)


NOTHING = Work(0, 0)


def make(values: int) -> Work:
    """A new map."""
    return Work(values, values)


def then(first: Work, second: Work) -> Work:
    """`second(first(x))`: an argument is held until its call returns."""
    return Work(max(first.peak, first.kept + second.peak), second.kept or first.kept)


def beside(first: Work, second: Work) -> Work:
    """Both, one after the other, whose results are both held."""
    return Work(max(first.peak, first.kept + second.peak), first.kept + second.kept)


def in_turn(parts: Iterable[Work]) -> Work:
    """Each of what the one before it gave."""
    return reduce(then, parts, NOTHING)


def side_by_side(parts: Iterable[Work]) -> Work:
    """All results held."""
    return reduce(beside, parts, NOTHING)
