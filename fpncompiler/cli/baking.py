"""`fpnc compare --train`: every topology trained alike, and what it then finds."""

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpncompiler.cli.board import Board
from fpncompiler.cli.report import HELP, Report
from fpncompiler.cli.several import Named, Several
from fpncompiler.cli.training import are_installed, open_splits

if TYPE_CHECKING:
    from fpncompiler.bakeoff.plan import Conditions, Contestant, Run
    from fpncompiler.bakeoff.running import Results, Splits
    from fpncompiler.comparison.comparison import Comparison
    from fpncompiler.comparison.figures import Row
    from fpncompiler.training.recipe import Recipe

RUNS = "runs/bakeoff"
_OPTIONS = ("epochs", "seeds", "runs", "set", "recipe", "batch_size", "ray")
_SEEDS = re.compile(r"(\d{1,10})(?:\.\.(\d{1,10}))?", re.ASCII)
_ADDRESS = re.compile(r"auto|local|[\w.\-\[\]:]+:\d{1,5}", re.ASCII)
MOST_SEEDS, LARGEST_SEED = 1000, 2**31 - 1


@dataclass(frozen=True, slots=True)
class Baking:
    """What is trained on, checked before anything else is done."""

    source: dict[str, Any]
    splits: "Splits"
    recipe: "Recipe"


def add_baking(command: argparse.ArgumentParser) -> None:
    """The options of a bake-off; `--image-size` and `--threads` it shares with measuring."""
    group = command.add_argument_group("bake-off (imports torch)")
    group.add_argument(
        "--train",
        metavar="DATA",
        help="train each topology on this data set's split train; show its AP on val",
    )
    group.add_argument("--epochs", type=int, metavar="N", help="default: the recipe's")
    group.add_argument("--batch-size", type=int, metavar="N", help="default: the recipe's")
    group.add_argument(
        "--seeds", type=seeds, metavar="N..M", help="0..2, or 0,1,2 (default: 0, which is few)"
    )
    group.add_argument("--recipe", metavar="NAME", help="small (default), turned, paper")
    group.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        help="a setting, see `fpnc train --settings`; may be given again",
    )
    group.add_argument(
        "--runs", metavar="DIR", help=f"where runs are kept, and go on (default: {RUNS})"
    )
    group.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="share the runs among a Ray cluster: auto, HOST:PORT, or one made here (no ADDRESS)",
    )


def check_baking(parsed: argparse.Namespace) -> None:
    """End with a usage error where options of --train stand without it, or say nothing."""
    given = [name for name in _OPTIONS if getattr(parsed, name) is not None]
    if given and not parsed.train:
        parsed.usage_error(f"--{given[0].replace('_', '-')} is for --train")
    if parsed.train and parsed.classes is not None:
        parsed.usage_error("--classes: with --train they are those of the data set")
    if parsed.ray and not _ADDRESS.fullmatch(parsed.ray):
        help = "write --ray=ADDRESS, or --ray after all topologies"
        parsed.usage_error(f"--ray {parsed.ray}: this is none of auto and HOST:PORT{HELP}{help}")


def seeds(text: str) -> tuple[int, ...]:
    """`2`, `0..2` or `0,1,7`, in order, each once."""
    found: set[int] = set()
    for part in text.split(","):
        ends = _SEEDS.fullmatch(part.strip())
        low = int(ends[1]) if ends else 1
        high = int(ends[2] or ends[1]) if ends else 0
        if low > high:
            raise argparse.ArgumentTypeError(f"{text!r} is none of 2, 0..2 and 0,1,7")
        if high > LARGEST_SEED or high - low >= MOST_SEEDS:
            raise argparse.ArgumentTypeError(
                f"{text!r}: at most {MOST_SEEDS} seeds, up to {LARGEST_SEED}"
            )
        found |= {*range(low, high + 1)}
    return tuple(sorted(found))


def opened_baking(parsed: argparse.Namespace, report: Report) -> Baking | None:
    """Read the data and the settings; None where something needed is not installed.

    From then on the detectors have as many classes as the data.
    """
    from fpncompiler.bakeoff.plan import BakeoffError
    from fpncompiler.training.recipe import recipe_of

    if not are_installed(report):
        return None
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise BakeoffError(
            "a bake-off is one process, which trains one topology after another",
            "several machines: --ray; several processes for one run: fpnc train",
        )
    if parsed.ray:
        from fpncompiler.bakeoff.ray_cluster import require_ray

        require_ray()
    if any(text.partition("=")[0].strip() == "seed" for text in parsed.set or ()):
        parsed.usage_error(f"--set seed: a run's seed is one of --seeds{HELP}give --seeds 0..2")
    settings = ["evaluate_every=0", *(parsed.set or ())]
    own = {name: getattr(parsed, name) for name in ("epochs", "batch_size", "image_size")}
    recipe = recipe_of(parsed.recipe or "small", settings, **own)
    source = {"path": Path(parsed.train).resolve().as_posix(), "train": "train", "val": "val"}
    train, val = open_splits(source, report)
    assert val is not None
    parsed.classes = len(train.classes)
    return Baking(source, (train, val), recipe)


def with_scores(
    comparison: "Comparison",
    several: Several,
    baking: Baking,
    parsed: argparse.Namespace,
    report: Report,
) -> "Comparison":
    """The comparison with what its topologies have learned."""
    from fpncompiler.bakeoff.plan import Conditions, alone, data_of, discard_unbegun, planned
    from fpncompiler.bakeoff.running import read_outcome

    folder = Path(parsed.runs or RUNS)
    data = data_of(baking.source, *baking.splits)
    conditions = Conditions(data, baking.recipe, parsed.seeds or (0,))
    contestants = _contestants(comparison, several, baking)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        runs = planned(folder, contestants, conditions)
        done = {run.name: found for run in runs if (found := read_outcome(run.folder))}
        if done:
            report.aside(f"{len(done)} of {len(runs)} runs are in {folder.as_posix()} already")
        board = Board(report, runs, done)
        try:
            results = _run(runs, board, baking, parsed)
        finally:
            board.close()
            discard_unbegun(folder, runs)
    results.finished.update(done)
    return _with(comparison, runs, results, conditions, baking, folder)


def _contestants(comparison: "Comparison", several: Several, baking: Baking) -> "list[Contestant]":
    """Each row's code, tried: what cannot be built is told before the first run."""
    from fpncompiler.bakeoff.plan import Contestant
    from fpncompiler.detectors.code import build, code_of_spec

    found = []
    side = baking.recipe.image_size
    for row in comparison.rows:
        checked = next(each for each in several.good if _is_of(each, row)).checked
        assert checked.path is not None
        code = code_of_spec(checked.path.as_posix(), checked.options)
        build(code, baking.splits[0].classes, (side, side) if side else None)
        found.append(Contestant(row.topology, row.phi, row.variant, code))
    return found


def _is_of(each: Named, row: "Row") -> bool:
    return each.name == row.topology and each.checked.model.phi == row.phi


def _run(
    runs: "Sequence[Run]", board: "Board", baking: Baking, parsed: argparse.Namespace
) -> "Results":
    """Do what is not done, here or on a cluster."""
    import torch

    from fpncompiler.bakeoff.running import Results, one_after_another

    if parsed.threads:
        torch.set_num_threads(parsed.threads)
    left = [run for run in runs if run.name not in board.done]
    if not left:
        return Results()
    if parsed.ray:
        from fpncompiler.bakeoff.ray_cluster import on_cluster

        return on_cluster(left, board, parsed.ray, torch.get_num_threads())
    return one_after_another(left, baking.splits, board, "auto")


def _with(
    comparison: "Comparison",
    runs: "Sequence[Run]",
    found: "Results",
    conditions: "Conditions",
    baking: Baking,
    folder: Path,
) -> "Comparison":
    from fpncompiler.comparison.scores import Score, Trained

    scores: dict[tuple[str, int], list[Score]] = {}
    listed = []
    for run in runs:
        outcome = found.finished.get(run.name)
        who = run.contestant
        listed.append(
            {
                "run": run.name,
                "topology": who.topology,
                "phi": who.phi,
                "seed": run.seed,
                "figures": dict(outcome.figures) if outcome else None,
                "training_seconds": outcome.seconds if outcome else None,
                "node": outcome.node if outcome else None,
            }
        )
        ap, ap50 = (outcome.figures.get(key) if outcome else None for key in ("AP", "AP50"))
        if ap is not None and ap50 is not None:
            scores.setdefault((who.topology, who.phi), []).append(Score(run.seed, ap, ap50))
    rows = tuple(
        replace(row, scores=tuple(scores.get((row.topology, row.phi), ())))
        for row in comparison.rows
    )
    recipe = conditions.recipe
    train, val = baking.splits
    trained = Trained(
        data=val.name,
        images=len(val.items),
        epochs=recipe.epochs,
        steps=recipe.epochs * -(-len(train.items) // recipe.batch_size),
        batch_size=recipe.batch_size,
        image_size=recipe.image_size,
        seeds=conditions.seeds,
        folder=folder.as_posix(),
        recipe=conditions.shared_recipe(),
        runs=tuple(listed),
        failed=tuple(found.failed),
    )
    return replace(comparison, rows=rows, trained=trained)
