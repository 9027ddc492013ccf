"""A bake-off on the terminal: which run of how many, and the time that is left."""

import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fpncompiler.cli.report import FINDINGS, HELP, Report
from fpncompiler.cli.watching import clock

if TYPE_CHECKING:
    from tqdm import tqdm

    from fpncompiler.bakeoff.plan import Run
    from fpncompiler.bakeoff.running import Result
    from fpncompiler.training.progress import Epoch, Step


class Board:
    """Lines for the beginning and the end of each run; on a terminal a bar over all steps too.

    All runs have the same number of steps. The time left is reckoned by the steps so far, those of
    runs that finished on other machines included.
    """

    def __init__(self, report: Report, runs: "Sequence[Run]", done: Iterable[str]) -> None:
        self.report = report
        self.numbers = {run.name: number for number, run in enumerate(runs, start=1)}
        self.done = {*done}
        self.left = len(runs) - len(self.done)  # runs
        self.began = time.monotonic()
        self.worked = 0.0  # runs' worth of steps since then
        self.run: Run | None = None
        self.steps = 1
        self.bar: tqdm[None] | None = None

    def on_begin(self, run: "Run") -> "Board":
        """Tell which one it is."""
        self.run = run
        self._line(f"run {self._number(run)}: {run.name}")
        return self

    def on_start(self, done: int, steps: int) -> None:
        """Its first step, or the one that it goes on with."""
        self.steps = steps
        if done:
            self._line(f"going on after step {done} of {steps}")
        if self.bar is None and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(
                total=self.left * steps, unit="step", file=sys.stderr, dynamic_ncols=True
            )
        if self.bar is not None and done:
            self.bar.total -= done

    def on_step(self, step: "Step") -> None:
        """Move the bar."""
        self.worked += 1 / self.steps
        if self.bar is not None:
            name = self.run.name if self.run else ""
            self.bar.set_postfix_str(f"{name}, loss {step.loss:.3f}")
            self.bar.update()

    def on_note(self, text: str) -> None:
        """Tell something above the bar."""
        self._line(text)

    def on_epoch(self, epoch: "Epoch") -> None:
        """An epoch is no news here."""

    def on_end(self, run: "Run", result: "Result") -> None:
        """Tell what came of a run, and how long the others will take."""
        from fpncompiler.bakeoff.running import Failed

        self.done.add(run.name)
        if self.run is None:  # nobody has told of its steps
            self.worked += 1
        self.left -= 1
        self.run = None
        what = f"run {self._number(run)}: {run.name}"
        if isinstance(result, Failed):
            code = self.report.code
            help = f"{HELP}{result.help}" if result.help else ""
            self._clear()
            self.report.trouble(f"{what} broke off: {result.message}{help}")
            self.report.code = max(code, FINDINGS)
            return
        figures = [f"{key} {_shown(result.figures.get(key))}" for key in ("AP", "AP50")]
        took = f"{clock(result.seconds)} of training"
        self._line("  ".join([what, *figures, took, f"{clock(self._seconds_left())} left"]))

    def close(self) -> None:
        """End the bar, so that what follows stands below it."""
        if self.bar is not None:
            self.bar.close()

    def _number(self, run: "Run") -> str:
        return f"{self.numbers[run.name]}/{len(self.numbers)}"

    def _seconds_left(self) -> float:
        return self.left * (time.monotonic() - self.began) / max(self.worked, 1e-9)

    def _clear(self) -> None:
        if self.bar is not None:
            self.bar.clear()

    def _line(self, text: str) -> None:
        self._clear()
        self.report.aside(text)
        if self.bar is not None:
            self.bar.refresh()


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
