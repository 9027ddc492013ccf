"""Variants that give the same result are timed against each other; others are refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from benchmarks.speed.live_memory import live_tensors
from benchmarks.speed.results import Row, Setting, Table
from fpncompiler.timing import Budget, in_turns, quartiles, ratios, warm_measures

# A variant may differ from the baseline by so many times what the peer differs from itself in
# another memory layout, which is rounding alone; and by this share of a map's largest value anyway.
# `part` is float too, where a part of a model is compared that has no peer, and `engine`, where the
# peer in the same engine says what its rounding is.
MARGIN = 3.0
FLOORS = {"f32": 1e-5, "engine": 1e-5, "part": 1e-4, "bf16": 1e-2}


class UnequalError(Exception):
    """Two outputs are not the same, so that their times say nothing."""


@dataclass(frozen=True)
class Variant:
    """Something to time. `run` gives tensors, in any nesting; None with a note leaves it out.

    `measures_noise` marks the peer itself in another layout or precision. Variants of a precision
    are held against the noise of that precision; those that are another function by intent are not
    `compared`. `tracked` counts live tensors; what engines outside of PyTorch's dispatcher allocate
    cannot be seen.
    """

    name: str
    side: str
    run: Callable[[], object] | None
    precision: str = "f32"
    measures_noise: bool = False
    compared: bool = True
    tracked: bool = False
    figures: Mapping[str, float | str] = field(default_factory=dict)
    note: str = ""


def tensors_of(outputs: object) -> list[Tensor]:
    """All tensors of a nested result, in order."""
    return [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]


def largest_difference(expected: Sequence[Tensor], actual: Sequence[Tensor]) -> float:
    """The largest difference as a share of its tensor's largest value; infinite where shapes are.

    Infinite too where something is not a number.
    """
    if [a.shape for a in expected] != [b.shape for b in actual]:
        return float("inf")
    shares = [0.0]
    for a, b in zip(expected, actual, strict=True):
        share = (a.float() - b.float()).abs().max() / a.float().abs().max().clamp(min=1e-12)
        shares.append(share.item() if torch.isfinite(share) else float("inf"))
    return max(shares)


def check_equal(difference: float, limit: float) -> None:
    """Raise UnequalError where a difference is above its limit."""
    if not difference <= limit:
        raise UnequalError(f"refused: differs by {difference:.1e} of the largest, over {limit:.1e}")


def limits(differences: Mapping[str, float], variants: Sequence[Variant]) -> dict[str, float]:
    """For each precision, how far a variant may be from the baseline."""
    found = dict(FLOORS)
    for variant in variants:
        if variant.measures_noise and variant.name in differences:
            allowed = MARGIN * differences[variant.name]
            found[variant.precision] = max(found[variant.precision], allowed)
    return found


def contest(
    title: str,
    setting: Setting,
    variants: Sequence[Variant],
    budget: Budget,
    notes: Sequence[str] = (),
) -> Table:
    """Compare, then time in turns. The first variant is the baseline."""
    baseline = variants[0]
    judged = judge(variants)
    running = [variant for variant in judged if variant.run is not None]
    measures = warm_measures({v.name: v.run for v in running if v.run is not None})
    times = in_turns(measures, budget)
    rows = []
    for variant in judged:
        if variant.run is None:
            rows.append(Row(variant.name, variant.side, figures=variant.figures, note=variant.note))
            continue
        figures = {**variant.figures, **_live_figures(variant)}
        ratio = ratios(times[baseline.name], times[variant.name])
        spread = quartiles(times[variant.name])
        rows.append(Row(variant.name, variant.side, spread, ratio, figures, variant.note))
    rounds = len(times[baseline.name])
    return Table(title, setting, rows, baseline.name, rounds, notes)


def judge(variants: Sequence[Variant]) -> list[Variant]:
    """The variants with their difference as a figure; those that differ too much do not run."""
    baseline = variants[0]
    assert baseline.run is not None
    expected = tensors_of(baseline.run())
    expected = [tensor.clone() for tensor in expected]
    differences = {
        variant.name: largest_difference(expected, tensors_of(variant.run()))
        for variant in variants[1:]
        if variant.run is not None and variant.compared
    }
    allowed = limits(differences, variants)
    judged = [baseline]
    for variant in variants[1:]:
        if variant.name not in differences:
            judged.append(variant)
            continue
        difference = differences[variant.name]
        told = replace(variant, figures={"difference": f"{difference:.0e}", **variant.figures})
        try:
            if not variant.measures_noise:
                check_equal(difference, allowed[variant.precision])
        except UnequalError as error:
            told = replace(told, run=None, note=str(error))
        judged.append(told)
    return judged


def _live_figures(variant: Variant) -> dict[str, float | str]:
    if not variant.tracked or variant.run is None:
        return {}
    return live_tensors(variant.run).figures()
