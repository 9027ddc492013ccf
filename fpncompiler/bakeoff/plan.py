"""What a bake-off trains: every topology with every seed, each run in a folder of its own.

runs/bakeoff/fpn_d0-seed0/    a run folder as `fpnc train` makes it
runs/bakeoff/fpn_d0-seed1/
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpncompiler.datasets.model import DataSet
from fpncompiler.detectors.checkpoints import CODE_FILE
from fpncompiler.detectors.detector import Code
from fpncompiler.diagnostics import UserError
from fpncompiler.training.recipe import Recipe
from fpncompiler.training.run_folder import (
    CONFIG,
    RunFolder,
    config_of,
    fill_run,
    open_run,
)
from fpncompiler.training.shared import versions


class BakeoffError(UserError):
    """A bake-off cannot be begun, or gone on with."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A topology at one setting, as a comparison calls it."""

    topology: str
    phi: int
    code: Code


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: an entrant with a seed."""

    entrant: Entrant
    recipe: Recipe  # its seed is the trial's
    path: Path


@dataclass(frozen=True, slots=True)
class Bakeoff:
    """All trials, on the same data. `source` says where that is: path, train and val."""

    trials: tuple[Trial, ...]
    data: DataSet
    validation: DataSet
    source: Mapping[str, Any]
    device: str = "auto"


def trials_of(
    entrants: Sequence[Entrant], recipe: Recipe, seeds: Sequence[int], runs: Path
) -> tuple[Trial, ...]:
    """Seed by seed, so that one that is stopped early has all topologies at the first seeds."""
    return tuple(
        Trial(
            entrant,
            dataclasses.replace(recipe, seed=seed),
            runs / f"{entrant.code.name}-seed{seed}",
        )
        for seed in seeds
        for entrant in entrants
    )


def folder_of(trial: Trial, source: Mapping[str, Any]) -> RunFolder:
    """The folder of a trial: a new one, or the one that was begun with the same settings.

    Raises:
        BakeoffError: a run with other settings lies there.
        TrainingError: what lies there is no run.
    """
    code = trial.entrant.code
    config = config_of(code, source, trial.recipe, versions())
    if not (trial.path / CONFIG).exists():
        trial.path.mkdir(parents=True, exist_ok=True)
        return fill_run(trial.path, config, code)
    found = open_run(trial.path)
    differing = [key for key in ("data", "recipe") if found.config.get(key) != config[key]]
    if (trial.path / CODE_FILE).read_bytes() != code.source.encode():
        differing.append("generated code")
    if differing:
        raise BakeoffError(
            f"{trial.path.as_posix()} was begun with another {' and '.join(differing)}",
            "name another folder by --runs, or remove this one",
        )
    return found
