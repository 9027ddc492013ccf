"""The steps of a run: batch, forward, loss, backward, clip, update, average.

The order of it is `Loop.steps`. Devices, processes and precision are accelerate's.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from accelerate import Accelerator
from timm.scheduler.scheduler import Scheduler
from torch import Tensor, nn

from fpncompiler.training.assignment import Targets
from fpncompiler.training.objective import Batch, Objective
from fpncompiler.training.optimization import Average, set_training
from fpncompiler.training.progress import LossError, Progress, Step, Watch
from fpncompiler.training.recipe import Recipe


@dataclass(slots=True)
class Loop:
    """All that a step needs. `model` and `optimizer` are as accelerate has prepared them."""

    accelerator: Accelerator
    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Scheduler
    average: Average | None
    objective: Objective
    recipe: Recipe
    progress: Progress
    watch: Watch
    is_asked_to_stop: Callable[[], bool] = bool  # nobody asks
    is_stopping: bool = False  # once any process was asked to
    told: set[str] = field(default_factory=set)

    def steps(self, batches: Iterator[Batch], steps: int) -> Iterator[Step]:
        """Do steps until their number is reached, or somebody asks to stop.

        Raises:
            LossError: a loss is no number; nothing was updated with it.
        """
        while self.progress.step < steps and not self.is_stopping:
            set_training(self.accelerator.unwrap_model(self.model), self.recipe.freeze_norms)
            began = time.perf_counter()
            batch = next(batches).to(self.accelerator.device)
            waited = time.perf_counter() - began
            self._tell_unreadable(batch)
            step = self._step(batch)
            yield replace(step, waited=waited, seconds=time.perf_counter() - began)

    def _step(self, batch: Batch) -> Step:
        self.schedule.step_update(self.progress.step)
        targets = self.objective.targets(batch)
        positives = self._sum(targets.positives.sum())
        losses = torch.zeros(4, device=self.accelerator.device)
        parts = _parts(batch, targets, self.recipe.accumulate)
        for index, (images, part) in enumerate(parts):
            if index + 1 < len(parts):
                with self.accelerator.no_sync(self.model):
                    losses += self._backward(images, part, positives)
            else:
                losses += self._backward(images, part, positives)
        losses[3] = float(self.is_asked_to_stop())
        total, classes, boxes, asked = self._sum(losses).tolist()
        values = (total, classes, boxes)
        self.is_stopping = asked > 0
        self._insist(values, batch)
        norm = self._clip()
        rate = max(group["lr"] for group in self.optimizer.param_groups)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(self.accelerator.unwrap_model(self.model), self.progress.step)
        self.progress.step += 1
        return Step(self.progress.step, total, classes, boxes, rate, norm, int(positives), 0.0, 0.0)

    def _backward(self, images: Tensor, targets: Targets, positives: Tensor) -> Tensor:
        with self.accelerator.autocast():
            maps = self.objective.outputs(self.model, images)
        losses = self.objective.losses(maps, targets, positives)
        # Processes average their gradients, but each loss is already a part of the whole batch's.
        self.accelerator.backward(losses.total * self.accelerator.num_processes)
        values = [losses.total, losses.classes, losses.boxes, losses.total.new_zeros(())]
        return torch.stack(values).detach()

    def _clip(self) -> float:
        limit = self.recipe.clip_norm or math.inf
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), limit)
        return 0.0 if norm is None else float(norm)

    def _sum(self, x: Tensor) -> Tensor:
        """The sum over processes."""
        summed: Tensor = self.accelerator.reduce(x, reduction="sum")
        return summed

    def _insist(self, values: tuple[float, float, float], batch: Batch) -> None:
        if all(math.isfinite(value) for value in values):
            return
        self.optimizer.zero_grad(set_to_none=True)
        names = ", ".join(batch.names) if batch.names else "of no name"
        total, classes, boxes = values
        raise LossError(
            f"step {self.progress.step + 1}: the loss is {total} (classes {classes:.4g}, boxes "
            f"{boxes:.4g}); its images: {names}",
            "the weights are as they were before this step, and the last checkpoint is in place; "
            "look at these images, or lower `learning_rate`, `clip_norm` or the precision",
        )

    def _tell_unreadable(self, batch: Batch) -> None:
        for why in batch.unreadable:
            if why not in self.told and self.accelerator.is_main_process:
                self.told.add(why)
                self.watch.on_note(f"skipped: {why}")


def _parts(batch: Batch, targets: Targets, count: int) -> list[tuple[Tensor, Targets]]:
    """A batch in equal parts."""
    images = batch.images.chunk(count)
    labels, deltas = targets.labels.chunk(count), targets.deltas.chunk(count)
    positives = targets.positives.chunk(count)
    pieces = zip(images, labels, deltas, positives, strict=True)
    return [(image, Targets(*rest)) for image, *rest in pieces]
