"""The runs of a bake-off, one after another; and one run, wherever it is done."""

import gc
import json
import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fpncompiler.bakeoff.plan import BakeoffError, Run, digest_of
from fpncompiler.datasets.model import DataSet
from fpncompiler.datasets.opening import open_dataset
from fpncompiler.training.progress import InterruptedRunError, LossError, Watch
from fpncompiler.training.recipe import recipe_from
from fpncompiler.training.run_folder import RunFolder, code_of_run, open_run
from fpncompiler.training.session import Plan, train

OUTCOME = "outcome.json"
Splits = tuple[DataSet, DataSet]


@dataclass(frozen=True, slots=True)
class Finished:
    """A run to its end: figures (AP, AP50, ...) in 0..1 of the weights after the last epoch.

    `seconds` are those of its steps, evaluations left out; `node` is who did it.
    """

    figures: Mapping[str, float | None]
    steps: int
    seconds: float
    node: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A run that broke off, and why."""

    message: str
    help: str = ""


Result = Finished | Failed


class Audience(Protocol):
    """Who watches a bake-off."""

    def on_begin(self, run: Run) -> Watch:
        """A run begins here; returns who watches its steps."""

    def on_note(self, text: str) -> None:
        """Something to tell about a run that was done elsewhere."""

    def on_end(self, run: Run, result: Result) -> None:
        """A run has ended."""


@dataclass(frozen=True, slots=True)
class Results:
    """What came of the runs, by their names."""

    finished: dict[str, Finished] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)

    def add(self, run: Run, result: Result) -> None:
        """Remember what came of a run."""
        if isinstance(result, Finished):
            self.finished[run.name] = result
        else:
            self.failed[run.name] = result


def read_outcome(folder: Path) -> Finished | None:
    """What a finished run scored; None if it is not finished.

    Raises:
        BakeoffError: the file is broken.
    """
    file = folder / OUTCOME
    try:
        found = json.loads(file.read_bytes())
        figures = {str(key): _figure(value) for key, value in found["figures"].items()}
        return Finished(figures, int(found["steps"]), float(found["seconds"]), str(found["node"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BakeoffError(
            f"{file.as_posix()}: this is no outcome of a run",
            "remove this file, and the run is evaluated again",
        ) from None


def _figure(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("figures are in 0..1")
    return float(value)


def one_after_another(
    runs: Iterable[Run], splits: Splits, audience: Audience, device: str
) -> Results:
    """Do what is not finished, in this process. A run whose loss is no number leaves the others.

    Raises:
        InterruptedRunError: somebody stopped it; the same command goes on.
        TrainingError, WeightsError, DetectorError, RecipeError: no run can be done like this.
    """
    results = Results()
    for run in runs:
        watch = audience.on_begin(run)
        try:
            result: Result = perform(run.folder, watch, splits, device=device)
        except LossError as error:
            result = Failed(str(error), error.help)
        except InterruptedRunError as error:
            raise InterruptedRunError(
                f"{run.name}: {error}", "the same command goes on with this run"
            ) from error
        results.add(run, result)
        audience.on_end(run, result)
        gc.collect()  # the run's model and optimizer, before there are those of the next
    return results


def perform(
    path: Path, watch: Watch, splits: Splits | None = None, *, device: str, node: str = ""
) -> Finished:
    """Do a run, or the rest of it, and write what came of it.

    Args:
        path: its folder, as `planned` has made it.
        splits: its data, where they are in memory already.

    Raises:
        TrainingError: it cannot go on, or was stopped.
        DetectorError, WeightsError, RecipeError: it cannot be done.
        DataError: its data are not to be read here.
    """
    folder = open_run(path)
    data, val = splits or _splits(folder)
    recipe = recipe_from(folder.config["recipe"])
    plan = Plan(code_of_run(folder), data, val, recipe, folder, device)
    outcome = train(plan, watch, resume=True)
    last = outcome.epochs[-1]
    seconds = sum(epoch.seconds for epoch in outcome.epochs)
    finished = Finished(last.figures, last.step, seconds, node or platform.node())
    document = asdict(finished) | {"written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    folder.write(OUTCOME, (json.dumps(document, indent=2) + "\n").encode())
    return finished


def _splits(folder: RunFolder) -> Splits:
    """The data of a run, which must be those that it was planned for."""
    source: Mapping[str, Any] = folder.config["data"]
    path = Path(source["path"])
    train, val = (open_dataset(path, source[name]).dataset for name in ("train", "val"))
    if digest_of(train, val) != source["digest"]:
        raise BakeoffError(
            f"{path.as_posix()}: on {platform.node()} these are other data than were planned with",
            "nodes must share a file system, or have the same data at the same place",
        )
    return train, val
