"""A run on the terminal: a bar with the time that is left, a line for each epoch."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpncompiler.cli.report import Report

if TYPE_CHECKING:
    from tqdm import tqdm

    from fpncompiler.training.progress import Epoch, Step, Watch

SMOOTHING = 0.1  # of the loss that the bar shows


class Display:
    """Shows a run to people: on a terminal with a live bar, else with lines alone."""

    def __init__(self, report: Report, epochs: int) -> None:
        self.report = report
        self.epochs = epochs
        self.loss = 0.0
        self.began = time.monotonic()
        self.done = self.steps = self.first = 0
        self.bar: tqdm[None] | None = None

    def on_start(self, done: int, steps: int) -> None:
        """Begin the bar."""
        self.began, self.first, self.done, self.steps = time.monotonic(), done, done, steps
        if done:
            self.on_note(f"going on after step {done} of {steps}")
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(
                total=steps, initial=done, unit="step", file=sys.stderr, dynamic_ncols=True
            )

    def on_step(self, step: "Step") -> None:
        """Move the bar."""
        self.done = step.step
        kept = 0.0 if self.loss == 0 else 1 - SMOOTHING
        self.loss = kept * self.loss + (1 - kept) * step.loss
        if self.bar is not None:
            waiting = step.waited / max(step.seconds, 1e-9)
            self.bar.set_postfix_str(f"loss {self.loss:.3f}, waiting {waiting:.0%}")
            self.bar.update()

    def on_note(self, text: str) -> None:
        """Tell something above the bar."""
        self._line(text)

    def on_epoch(self, epoch: "Epoch") -> None:
        """Tell how an epoch went."""
        figures = [f"{key} {value:.3f}" for key, value in _main_figures(epoch) if value is not None]
        parts = [
            f"epoch {epoch.epoch}/{self.epochs}",
            f"loss {epoch.loss:.3f} (classes {epoch.class_loss:.3f}, boxes {epoch.box_loss:.4f})",
            *figures,
            f"waiting {epoch.waiting:.1%}",
            f"{clock(epoch.seconds)}, {clock(self._left())} left",
        ]
        self._line("  ".join(parts))

    def close(self) -> None:
        """End the bar, so that what follows stands below it."""
        if self.bar is not None:
            self.bar.close()

    def _left(self) -> float:
        done = self.done - self.first
        return (self.steps - self.done) * (time.monotonic() - self.began) / max(1, done)

    def _line(self, text: str) -> None:
        if self.bar is not None:
            self.bar.clear()
        self.report.aside(text)
        if self.bar is not None:
            self.bar.refresh()


class Several:
    """Tells each of several watches."""

    def __init__(self, watches: "Sequence[Watch]") -> None:
        self.watches = watches

    def on_start(self, done: int, steps: int) -> None:
        """Pass it on."""
        for watch in self.watches:
            watch.on_start(done, steps)

    def on_step(self, step: "Step") -> None:
        """Pass it on."""
        for watch in self.watches:
            watch.on_step(step)

    def on_note(self, text: str) -> None:
        """Pass it on."""
        for watch in self.watches:
            watch.on_note(text)

    def on_epoch(self, epoch: "Epoch") -> None:
        """Pass it on."""
        for watch in self.watches:
            watch.on_epoch(epoch)


def clock(seconds: float) -> str:
    """`1:02:03`, `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _main_figures(epoch: "Epoch") -> list[tuple[str, float | None]]:
    return [(key, epoch.figures.get(key)) for key in ("AP", "AP50") if key in epoch.figures]
