"""Draws of a spec's parts, and a note of the constructs that came up."""

from collections.abc import Iterable
from random import Random
from typing import Any


class Draws:
    """What is drawn from, with the constructs that were drawn so far.

    Hypothesis draws the seed alone. Its own draws cluster around a few examples, so that rare
    constructs stay out, and to shrink one of a hundred draws takes minutes.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.constructs: set[str] = set()

    def pick(self, choices: Iterable[Any]) -> Any:
        return self.random.choice([*choices])

    def some(self, choices: Iterable[Any], most: int) -> list[Any]:
        """One or more, at most `most`, each once."""
        found = [*choices]
        return self.random.sample(found, self.number(1, min(most, len(found))))

    def shuffled(self, items: Iterable[Any]) -> list[Any]:
        found = [*items]
        return self.random.sample(found, len(found))

    def chance(self, one_in: int) -> bool:
        return self.number(1, one_in) == 1

    def number(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def saw(self, *constructs: str) -> None:
        self.constructs.update(constructs)
