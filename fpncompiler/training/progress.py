"""What a run tells while it goes on, and what it remembers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from fpncompiler.diagnostics import UserError


class TrainingError(UserError):
    """A run cannot go on: the message says why, `help` what to do."""


class LossError(TrainingError):
    """A loss is no number."""

    exit_code = 1


class InterruptedRunError(TrainingError):
    """Somebody stopped the run; what it had learned is kept."""

    exit_code = 130  # as shells have it for Control-C


@dataclass(frozen=True, slots=True)
class Step:
    """One step: losses of the whole batch, the rate, seconds waited for data and in all."""

    step: int  # from 1
    loss: float
    class_loss: float
    box_loss: float
    learning_rate: float
    gradient_norm: float
    positives: int
    waited: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """Means of an epoch's steps, and figures of its evaluation: AP, AP50, ... in 0..1."""

    epoch: int  # from 1
    step: int
    loss: float
    class_loss: float
    box_loss: float
    learning_rate: float
    seconds: float
    waiting: float  # part of the time of steps in which they waited for data
    figures: dict[str, float | None] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """One flat row of `results.csv`."""
        row: dict[str, Any] = asdict(self)
        figures: dict[str, Any] = row.pop("figures")
        return row | figures

    @staticmethod
    def of_row(row: Mapping[str, Any]) -> "Epoch":
        """The epoch that such a row is of."""
        own = {name: row[name] for name in Epoch.__dataclass_fields__ if name in row}
        return Epoch(**own, figures={key: row[key] for key in row if key not in own})


@dataclass(slots=True)
class Progress:
    """How far a run is; part of its checkpoints."""

    step: int = 0
    best: float = -1.0  # AP of the best weights so far
    epochs: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)  # those of the epoch at hand

    def state_dict(self) -> dict[str, Any]:
        """For `accelerator.save_state`."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From `accelerator.load_state`."""
        self.step, self.best = int(state["step"]), float(state["best"])
        self.epochs, self.steps = list(state["epochs"]), list(state["steps"])


class Watch(Protocol):
    """Who wants to know; all methods are called in the main process."""

    def on_start(self, done: int, steps: int) -> None:
        """A run begins, or goes on after some steps."""

    def on_step(self, step: Step) -> None:
        """A step has ended."""

    def on_note(self, text: str) -> None:
        """Something to tell at once, such as an image that cannot be read."""

    def on_epoch(self, epoch: Epoch) -> None:
        """An epoch and its evaluation have ended."""


class Silent:
    """Watches and says nothing."""

    def on_start(self, done: int, steps: int) -> None:
        """Ignore it."""

    def on_step(self, step: Step) -> None:
        """Ignore it."""

    def on_note(self, text: str) -> None:
        """Ignore it."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Ignore it."""
