"""AP of topologies that were trained under one budget: means, spread, and what it tells."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trained:
    """How all rows were trained; `seeds` are asked for, a row may have fewer."""

    data: str
    split: str
    images: int
    epochs: int
    steps: int
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a mean is above the baseline's, with the standard error of that (Welch)."""

    mean: float
    error: float | None  # None where either has fewer than two seeds

    @property
    def is_clear(self) -> bool:
        """Whether it is beyond twice its standard error."""
        return self.error is not None and abs(self.mean) > 2 * self.error


def mean(values: Sequence[float]) -> float | None:
    """None of nothing."""
    return statistics.fmean(values) if values else None


def deviation(values: Sequence[float]) -> float | None:
    """The sample standard deviation; None of fewer than two."""
    return statistics.stdev(values) if len(values) > 1 else None


def difference(own: Sequence[float], base: Sequence[float]) -> Difference | None:
    """None where either has no values."""
    if not own or not base:
        return None
    off = statistics.fmean(own) - statistics.fmean(base)
    if len(own) < 2 or len(base) < 2:
        return Difference(off, None)
    error = math.sqrt(statistics.variance(own) / len(own) + statistics.variance(base) / len(base))
    return Difference(off, error)


def training_note(trained: Trained) -> str:
    """What was trained, and what the figures can tell and cannot."""
    count = len(trained.seeds)
    text = (
        f"AP: on {trained.images} images of {trained.data}, split {trained.split}, after"
        f" {trained.epochs} epochs ({trained.steps} steps), all with the same recipe and batches."
    )
    if count < 2:
        return f"{text} One seed: how far another would be off is not known."
    return (
        f"{text} {count} seeds: a difference within twice its standard error may be chance. What"
        " holds for this data and this budget need not hold for more of either."
    )
