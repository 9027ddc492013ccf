"""A run tried without being run: everything is built, two steps are timed, nothing is written."""

import statistics
import time
from dataclasses import replace
from pathlib import Path

from fpncompiler.datasets.model import DataSet
from fpncompiler.detectors.detector import Code
from fpncompiler.training.batches import Share, create_loader
from fpncompiler.training.progress import Silent
from fpncompiler.training.recipe import Recipe
from fpncompiler.training.run_folder import RunFolder
from fpncompiler.training.session import Plan, prepare

STEPS = 3  # the first of them is slower, and left out


def try_steps(
    code: Code, data: DataSet, validation: DataSet | None, recipe: Recipe, device: str
) -> list[str]:
    """Build all parts and do a few steps; returns lines that say what a run would be.

    Raises:
        TrainingError: as a run would.
        WeightsError: there are no such weights of the backbone.
    """
    nowhere = RunFolder(Path(), {})
    session = prepare(Plan(code, data, validation, recipe, nowhere, device), Silent())
    parameters = sum(p.numel() for p in session.detector.model.parameters())
    share = Share(session.accelerator.process_index, session.accelerator.num_processes)
    size = session.detector.image_size
    loader = create_loader(data, size, replace(recipe, workers=0), 0, share)
    began = time.perf_counter()
    seconds: list[float] = []
    losses: list[float] = []
    for step in session.loop.steps(iter(loader), min(STEPS, session.steps)):
        seconds.append(time.perf_counter() - began - sum(seconds))
        losses.append(step.loss)
    each = statistics.median(seconds[1:] or seconds)
    minutes = each * session.steps / 60
    valued = f"{len(validation.items)} for validation" if validation else "none for validation"
    return [
        f"model: {code.name}, {parameters:,} parameters, {len(data.classes)} classes: "
        + ", ".join(data.classes),
        f"data: {data.name}, {len(data.items)} images for training, {valued}",
        f"device: {session.accelerator.device}, {share.processes} "
        + ("process" if share.processes == 1 else "processes"),
        f"images: {size[0]}x{size[1]} pixels, {recipe.batch_size} a step",
        f"steps: {session.steps} ({recipe.epochs} epochs of {session.steps_per_epoch}), "
        f"{each:.2f} s each: about {minutes:.0f} minutes and the evaluations",
        f"losses of the first steps: {', '.join(f'{loss:.3f}' for loss in losses)}",
        "nothing was written",
    ]
