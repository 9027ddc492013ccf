"""Trials run one after another, or read where they have been run before."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fpncompiler.bakeoff.plan import Bakeoff, Trial, folder_of
from fpncompiler.diagnostics import UserError
from fpncompiler.training.progress import InterruptedRunError, Watch
from fpncompiler.training.session import Plan, train

RESULT = "evaluation.json"


@dataclass(frozen=True, slots=True)
class Result:
    """What a trial came to: COCO's figures, or why there are none."""

    trial: Trial
    figures: dict[str, float | None]
    fault: str = ""
    node: str = ""  # of a cluster, where it was run


def run_trials(
    bakeoff: Bakeoff, watch: Watch, begin: Callable[[Trial, int], None]
) -> Iterator[Result]:
    """The results in turn; `begin` is told of each trial that is run, and of its number.

    Raises:
        InterruptedRunError: somebody stopped it; what has been run stays, and is not run again.
    """
    for number, trial in enumerate(bakeoff.trials, start=1):
        done = finished(trial, bakeoff)
        if done is None:
            begin(trial, number)
            done = run_trial(trial, bakeoff, watch)
        yield done


def finished(trial: Trial, bakeoff: Bakeoff) -> Result | None:
    """The result of a trial that has been run to its end.

    Raises:
        BakeoffError: a run with other settings lies there.
    """
    folder = folder_of(trial, bakeoff.source)
    try:
        document = json.loads((folder.path / RESULT).read_bytes())
        return Result(trial, dict(document["figures"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def run_trial(trial: Trial, bakeoff: Bakeoff, watch: Watch) -> Result:
    """Run a trial, or go on with it; a run that fails is a result too.

    Raises:
        InterruptedRunError: somebody stopped it.
    """
    folder = folder_of(trial, bakeoff.source)
    plan = Plan(
        trial.entrant.code,
        bakeoff.data,
        bakeoff.validation,
        trial.recipe,
        folder,
        bakeoff.device,
    )
    try:
        outcome = train(plan, watch, resume=True)
    except InterruptedRunError:
        raise
    except UserError as error:
        return Result(trial, {}, str(error))
    assert outcome.evaluation is not None
    return Result(trial, dict(outcome.evaluation.figures))
