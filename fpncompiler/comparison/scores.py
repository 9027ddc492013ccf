"""Average precision over seeds: means, spreads, and whether a difference is more than chance."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TIMES = 2  # standard errors beyond which a difference is told apart from chance


@dataclass(frozen=True, slots=True)
class Score:
    """What one training of a topology gave on the validation split, in 0..1."""

    seed: int
    ap: float
    ap50: float


@dataclass(frozen=True, slots=True)
class Trained:
    """How all topologies were trained; `image_size` is 0 where each has its model's own.

    `runs` has a mapping for each run, as JSON has it; `failed` are the names of those that broke
    off.
    """

    data: str
    images: int
    epochs: int
    steps: int
    batch_size: int
    image_size: int
    seeds: tuple[int, ...]
    folder: str
    recipe: Mapping[str, Any]
    runs: tuple[Mapping[str, Any], ...]
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean over seeds, and the sample standard deviation: None of a single seed."""

    mean: float
    deviation: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference of two means, and its standard error: None where a spread is unknown."""

    difference: float
    error: float | None

    @property
    def is_beyond(self) -> bool | None:
        """Whether it is more than twice its standard error; None where that is unknown."""
        return None if self.error is None else abs(self.difference) > TIMES * self.error


def spread(values: Sequence[float]) -> Spread | None:
    """None of nothing."""
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), deviation, len(values))


def gap(own: Spread | None, base: Spread | None) -> Gap | None:
    """How far a mean is above the baseline's, after Welch: variances are not taken as equal."""
    if own is None or base is None:
        return None
    error = None
    if own.deviation is not None and base.deviation is not None:
        error = math.hypot(
            own.deviation / math.sqrt(own.count), base.deviation / math.sqrt(base.count)
        )
    return Gap(own.mean - base.mean, error)


def trained_note(trained: Trained, baseline: str) -> str:
    """What the figures are, and what they do not show."""
    size = f"{trained.image_size}x{trained.image_size} pixels" if trained.image_size else "its size"
    seeds = len(trained.seeds)
    text = (
        f"AP, AP50: COCO's, on the {_counted(trained.images, 'image')} of the split val of "
        f"{trained.data}, after {_counted(trained.epochs, 'epoch')} ("
        f"{_counted(trained.steps, 'step')}"
        f" of {_counted(trained.batch_size, 'image')}, {size}), the same recipe, seeds and order of"
        " images for all."
    )
    if seeds > 1:
        text += (
            f" Means over {seeds} seeds; +-: their sample standard deviation. gap: AP less that of"
            f" {baseline}; error: its standard error (Welch); beyond: whether the gap is more than"
            f" {TIMES} errors, which with few seeds chance alone is at times. A gap that is not may"
            " be chance."
        )
    else:
        text += " One seed: no spread is known, so any gap may be chance."
    text += " Another recipe, more epochs or other data may rank them otherwise."
    if trained.failed:
        text += f" Broke off, and not counted: {', '.join(trained.failed)}."
    return text


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
