"""Timing in turns: A B C A B C, so that a busy machine slows all variants alike."""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

LEAST = 0.05  # seconds that a variant runs in a round, by as many calls as that takes
MOST_CALLS = 50


@dataclass(frozen=True)
class Quartiles:
    """The first quartile, the median and the third quartile of the rounds."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Budget:
    """At most so many rounds, and no new one after so many seconds; but `least` rounds always."""

    rounds: int = 15
    seconds: float = 25.0
    least: int = 3


def seconds_of(action: Callable[[], object]) -> float:
    """The wall time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def repeated(action: Callable[[], object], calls: int) -> Callable[[], float]:
    """A measure: the median wall time of some calls."""
    return lambda: statistics.median(seconds_of(action) for _ in range(calls))


def calls_needed(seconds: float) -> int:
    """How often to call in a round what takes so long."""
    return max(1, min(MOST_CALLS, math.ceil(LEAST / max(seconds, 1e-9))))


def warm_measures(actions: Mapping[str, Callable[[], object]]) -> dict[str, Callable[[], float]]:
    """A measure for each action, which is called once to learn how often a round should."""
    return {name: repeated(act, calls_needed(seconds_of(act))) for name, act in actions.items()}


def in_turns(measures: Mapping[str, Callable[[], float]], budget: Budget) -> dict[str, list[float]]:
    """What each measure gave in each round; all have the same number of rounds."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for turn in rounds(measures, budget):
        for name, seconds in turn.items():
            found[name].append(seconds)
    return found


def rounds(
    measures: Mapping[str, Callable[[], float]], budget: Budget
) -> Iterator[dict[str, float]]:
    """What each measure gives, one round after the other, each as soon as it is complete."""
    start = time.perf_counter()
    with no_collection():
        for number in range(max(budget.rounds, budget.least)):
            if number >= budget.least and time.perf_counter() - start > budget.seconds:
                break
            yield {name: measure() for name, measure in measures.items()}


@contextmanager
def no_collection() -> Iterator[None]:
    """Without Python's garbage collector, which would hit whichever variant runs just then."""
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def quartiles(values: Sequence[float]) -> Quartiles:
    """Of one value, that value three times."""
    if len(values) == 1:
        return Quartiles(values[0], values[0], values[0])
    return Quartiles(*statistics.quantiles(values, n=4, method="inclusive"))


def ratios(baseline: Sequence[float], values: Sequence[float]) -> Quartiles:
    """Quartiles of `baseline / value`, taken within each round."""
    return quartiles([b / v for b, v in zip(baseline, values, strict=True)])
