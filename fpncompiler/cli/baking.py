"""`fpnc compare --train`: every topology trained under one budget, and its AP beside its cost."""

import argparse
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.report import FINDINGS, Report
from fpncompiler.cli.several import Several
from fpncompiler.cli.training import are_installed, open_splits
from fpncompiler.cli.watching import Display, clock

if TYPE_CHECKING:
    from fpncompiler.bakeoff.plan import Bakeoff, Entrant, Trial
    from fpncompiler.bakeoff.running import Result
    from fpncompiler.comparison.comparison import Comparison
    from fpncompiler.comparison.figures import Row
    from fpncompiler.training.recipe import Recipe

RUNS = "runs/bakeoff"
_OPTIONS = ("epochs", "seeds", "recipe", "runs", "ray", "batch_size")


def add_baking(command: argparse.ArgumentParser) -> None:
    """The options of what is trained, and how."""
    group = command.add_argument_group("bake-off (imports torch)")
    group.add_argument(
        "--train", metavar="DATA", help="train every topology on this data set, and compare AP"
    )
    group.add_argument("--epochs", type=int, metavar="N", help="default: the recipe's")
    group.add_argument("--seeds", type=_seeds, metavar="A..B", help="0..2, or 0,7 (default: 0)")
    group.add_argument("--recipe", metavar="NAME", help="as for `fpnc train` (default: small)")
    group.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="as for `fpnc train`"
    )
    group.add_argument("--batch-size", type=int, metavar="N", help="images a step")
    group.add_argument("--runs", metavar="DIR", help=f"where runs are, and go on (default: {RUNS})")
    group.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="run on a Ray cluster: its address, `auto`, or one on this machine (default)",
    )


def check_baking(parsed: argparse.Namespace) -> None:
    """End with a usage error where options of --train stand without it, or beside --measure."""
    given = [name for name in _OPTIONS if getattr(parsed, name) is not None]
    if (given or parsed.set) and not parsed.train:
        parsed.usage_error(f"--{(given or ['set'])[0].replace('_', '-')} is for --train")
    if parsed.train and parsed.measure:
        parsed.usage_error("--train and --measure: one at a time, for training takes the machine")


def with_training(
    comparison: "Comparison", several: Several, parsed: argparse.Namespace, report: Report
) -> "Comparison | None":
    """The comparison with the AP of its rows; None if training cannot begin."""
    if not are_installed(report):
        return None
    from fpncompiler.bakeoff.plan import Bakeoff, trials_of
    from fpncompiler.comparison.trained import Trained
    from fpncompiler.training.batches import steps_per_epoch

    recipe = _recipe(parsed)
    source = {"path": Path(parsed.train).resolve().as_posix(), "train": "train", "val": "val"}
    data, validation = open_splits(source, report)
    assert validation is not None
    seeds = parsed.seeds or (0,)
    trials = trials_of(_entrants(comparison, several), recipe, seeds, Path(parsed.runs or RUNS))
    bakeoff = Bakeoff(trials, data, validation, source)
    results = list(_results(bakeoff, parsed, report))
    steps = recipe.epochs * steps_per_epoch(len(data.items), recipe.batch_size)
    trained = Trained(
        data.name, validation.split, len(validation.items), recipe.epochs, steps, seeds
    )
    rows = tuple(_with_precision(row, results) for row in comparison.rows)
    return replace(comparison, rows=rows, trained=trained)


def _recipe(parsed: argparse.Namespace) -> "Recipe":
    from fpncompiler.training.recipe import recipe_of

    given = {name: getattr(parsed, name) for name in ("epochs", "batch_size", "image_size")}
    settings = ["evaluate_every=0", *parsed.set]  # what counts is the end
    return recipe_of(parsed.recipe or "small", settings, **given)


def _entrants(comparison: "Comparison", several: Several) -> "list[Entrant]":
    from fpncompiler.bakeoff.plan import Entrant
    from fpncompiler.detectors.code import code_of_spec

    return [
        Entrant(each.name, each.checked.model.phi, code_of_spec(each.spec, each.checked.options))
        for each in several.good
    ]


def _results(bakeoff: "Bakeoff", parsed: argparse.Namespace, report: Report) -> "Iterator[Result]":
    """All results; those that failed are told."""
    for result in _told(bakeoff, parsed, report):
        if result.fault:
            report.aside(f"error: {result.trial.path.as_posix()}: {result.fault}")
            report.code = max(report.code, FINDINGS)
        else:
            ap = result.figures.get("AP")
            shown = "no AP" if ap is None else f"AP {ap:.3f}"
            where = f" on node {result.node[:8]}" if result.node else ""
            report.aside(f"{result.trial.path.name}: {shown}{where}")
        yield result


def _told(bakeoff: "Bakeoff", parsed: argparse.Namespace, report: Report) -> "Iterator[Result]":
    from fpncompiler.bakeoff.cluster import run_on_cluster
    from fpncompiler.bakeoff.running import run_trials

    if parsed.ray:
        yield from run_on_cluster(bakeoff, parsed.ray, parsed.threads or 1)
        return
    count = len(bakeoff.trials)
    display = Display(report, bakeoff.trials[0].recipe.epochs)
    began, first = time.monotonic(), 0

    def begin(trial: "Trial", number: int) -> None:
        nonlocal first
        first = first or number
        done = number - first
        left = (time.monotonic() - began) * (count - number + 1) / done if done else 0
        hint = f", {clock(left)} left" if left else ""
        display.close()
        report.aside(f"run {number} of {count}: {trial.path.as_posix()}{hint}")

    try:
        yield from run_trials(bakeoff, display, begin)
    finally:
        display.close()


def _with_precision(row: "Row", results: "Sequence[Result]") -> "Row":
    own = [
        result.figures
        for result in results
        if (result.trial.entrant.topology, result.trial.entrant.phi) == (row.topology, row.phi)
    ]
    ap, ap50 = ([figures.get(key) for figures in own] for key in ("AP", "AP50"))
    return replace(row, ap=_known(ap), ap50=_known(ap50))


def _known(values: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None)


def _seeds(text: str) -> tuple[int, ...]:
    """`0..2`, `0,7`, `3`, in order, each once."""
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"(\d{1,6})(?:\.\.(\d{1,6}))?", part.strip(), re.ASCII)
        low, high = (int(ends[1]), int(ends[2] or ends[1])) if ends else (1, 0)
        if low > high or high - low > 999:
            raise argparse.ArgumentTypeError(f"{text!r} is none of 3, 0..2 and 0,7")
        found += range(low, high + 1)
    return tuple(dict.fromkeys(found))
