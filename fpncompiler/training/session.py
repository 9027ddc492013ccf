"""A run from its plan to trained weights.

The order of it is `train`: build the detector, load its backbone, prepare for the devices, go on
from the last state if there is one, step, and at each epoch's end evaluate, report and save.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import FrameType

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from timm.layers.norm_act import convert_sync_batchnorm
from torch import nn

from fpncompiler.datasets.model import DataSet
from fpncompiler.detectors.checkpoints import open_detector, save_detector
from fpncompiler.detectors.code import build
from fpncompiler.detectors.detector import Code, Detector
from fpncompiler.evaluation.coco import Evaluation
from fpncompiler.evaluation.detecting import Detecting, Found
from fpncompiler.evaluation.running import evaluate
from fpncompiler.training.batches import Share, create_loader, steps_per_epoch
from fpncompiler.training.loop import Loop
from fpncompiler.training.losses import LossSettings
from fpncompiler.training.objective import Objective
from fpncompiler.training.optimization import Average, create_optimizer, create_schedule
from fpncompiler.training.progress import (
    Epoch,
    InterruptedRunError,
    Progress,
    Step,
    TrainingError,
    Watch,
)
from fpncompiler.training.recipe import Recipe
from fpncompiler.training.reports import loss_curves, write_evaluation
from fpncompiler.training.run_folder import RunFolder
from fpncompiler.training.state import load_state, save_state
from fpncompiler.weights.backbones import load_backbone

Scored = tuple[Evaluation, dict[int, Found]]
STOPPING = "stopping after this step; once more ends at once and keeps the last checkpoint"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained, on what, how, and where the results go."""

    code: Code
    data: DataSet
    validation: DataSet | None
    recipe: Recipe
    folder: RunFolder
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run: its best weights in evaluation, and what they score."""

    detector: Detector
    evaluation: Evaluation | None
    epochs: tuple[Epoch, ...]
    files: tuple[str, ...]  # what is in the run folder, beside its configuration


@dataclass(slots=True)
class Session:
    """A run that is prepared: what `train` works with."""

    plan: Plan
    accelerator: Accelerator
    detector: Detector
    loop: Loop
    progress: Progress
    watch: Watch
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.plan.recipe.epochs * self.steps_per_epoch

    def averaged(self) -> Detector:
        """The detector with the weights that are evaluated and kept."""
        model: nn.Module = self.accelerator.unwrap_model(self.loop.model)
        if self.loop.average is not None:
            model = self.loop.average.module
        return replace(self.detector, model=model)


def train(plan: Plan, watch: Watch, *, resume: bool = False) -> Outcome:
    """Train a detector; its folder has the results.

    Raises:
        TrainingError: the run cannot go on, or was stopped.
        WeightsError: there are no such weights of the backbone.
        RecipeError: timm has no such optimizer.
        DetectorError: the model does not suit the images.
    """
    session = prepare(plan, watch)
    if resume:
        load_state(session.accelerator, plan.folder.states)
    if session.accelerator.is_main_process:
        watch.on_start(session.progress.step, session.steps)
    _run(session)
    return _outcome(session)


def prepare(plan: Plan, watch: Watch) -> Session:
    """All parts of a run, on their devices.

    Raises:
        TrainingError: the batch cannot be shared among the processes.
        WeightsError: there are no such weights of the backbone.
        RecipeError: timm has no such optimizer.
        DetectorError: the model does not suit the images.
    """
    recipe = plan.recipe
    accelerator = create_accelerator(recipe, plan.device)
    set_seed(recipe.seed)
    size = (recipe.image_size, recipe.image_size) if recipe.image_size else None
    detector = build(plan.code, plan.data.classes, size)
    report = load_backbone(
        detector.model.backbone,  # type: ignore[arg-type]
        detector.module.BACKBONE,
        recipe.backbone_weights,
    )
    if accelerator.is_main_process:
        watch.on_note(report.sentence)
    model: nn.Module = detector.model.to(memory_format=torch.channels_last)
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        model = convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    per_epoch = steps_per_epoch(len(plan.data.items), recipe.batch_size)
    optimizer = create_optimizer(model, recipe)
    model, optimizer = accelerator.prepare(model, optimizer)
    schedule = create_schedule(optimizer, recipe, per_epoch)
    plain = accelerator.unwrap_model(model)
    average = Average(plain, recipe.ema_decay) if recipe.ema_decay else None
    progress = Progress()
    accelerator.register_for_checkpointing(progress, *([average] if average else []))
    objective = Objective(
        detector, loss_settings(recipe), recipe.match_threshold, recipe.ignore_crowds
    )
    loop = Loop(
        accelerator, model, optimizer, schedule, average, objective, recipe, progress, watch
    )
    return Session(plan, accelerator, detector, loop, progress, watch, per_epoch)


def create_accelerator(recipe: Recipe, device: str) -> Accelerator:
    """accelerate, as the launcher and the recipe say.

    Raises:
        TrainingError: the batch cannot be shared among the processes, or there is no such device.
    """
    try:
        accelerator = Accelerator(mixed_precision=recipe.mixed_precision, cpu=device == "cpu")
    except (ValueError, RuntimeError, ImportError) as error:
        raise TrainingError(f"accelerate cannot start: {error}") from error
    parts = accelerator.num_processes * recipe.accumulate
    if recipe.batch_size % parts:
        raise TrainingError(
            f"a batch of {recipe.batch_size} images cannot be shared by "
            f"{accelerator.num_processes} processes in {recipe.accumulate} parts",
            f"take a multiple of {parts}, such as --set batch_size={parts * 4}",
        )
    return accelerator


def loss_settings(recipe: Recipe) -> LossSettings:
    """The part of a recipe that the losses read."""
    return LossSettings(
        recipe.focal_alpha,
        recipe.focal_gamma,
        recipe.label_smoothing,
        recipe.huber_delta,
        recipe.box_weight,
    )


def _run(session: Session) -> None:
    accelerator, progress = session.accelerator, session.progress
    share = Share(accelerator.process_index, accelerator.num_processes)
    loader = create_loader(
        session.plan.data, session.detector.image_size, session.plan.recipe, progress.step, share
    )
    with asked_to_stop(session.watch) as is_asked:
        session.loop.is_asked_to_stop = is_asked
        for step in session.loop.steps(iter(loader), session.steps):
            _after(session, step)
    if progress.step < session.steps:
        save_state(accelerator, session.plan.folder.states, progress.step)
        raise InterruptedRunError(
            f"stopped after step {progress.step} of {session.steps}; everything is kept",
            f"go on: fpnc train --resume {session.plan.folder.path.as_posix()}",
        )


def _after(session: Session, step: Step) -> None:
    """What follows a step: an epoch may have ended, a checkpoint may be due."""
    accelerator, progress, recipe = session.accelerator, session.progress, session.plan.recipe
    progress.steps.append(
        {
            "loss": step.loss,
            "class_loss": step.class_loss,
            "box_loss": step.box_loss,
            "waited": step.waited,
            "seconds": step.seconds,
        }
    )
    if accelerator.is_main_process:
        session.watch.on_step(step)
    ends = step.step % session.steps_per_epoch == 0
    if ends:
        _end_epoch(session, step)
    if ends or (recipe.checkpoint_steps and step.step % recipe.checkpoint_steps == 0):
        save_state(accelerator, session.plan.folder.states, step.step)


def _end_epoch(session: Session, step: Step) -> None:
    plan, progress, recipe = session.plan, session.progress, session.plan.recipe
    number = step.step // session.steps_per_epoch
    is_last = number == recipe.epochs
    is_due = is_last or (recipe.evaluate_every and number % recipe.evaluate_every == 0)
    epoch = _summary(progress, number, step)
    progress.steps.clear()
    if session.accelerator.is_main_process:
        averaged = session.averaged()
        if plan.validation is not None and is_due:
            evaluation, _ = _evaluate(session, averaged, plan.validation)
            epoch = replace(epoch, figures=dict(evaluation.figures))
        ap = epoch.figures.get("AP") or 0.0  # None where the split has no labels
        is_best = plan.validation is None or (bool(epoch.figures) and ap > progress.best)
        if is_best:
            progress.best = ap
        named = replace(averaged, provenance=plan.folder.provenance(epoch))
        state = averaged.model.state_dict()
        save_detector(plan.folder.last, named, state)
        if is_best:
            save_detector(plan.folder.best, named, state)
        progress.epochs.append(epoch.row())
        plan.folder.write_results(progress.epochs)
        session.watch.on_epoch(epoch)
    session.accelerator.wait_for_everyone()


def _summary(progress: Progress, number: int, step: Step) -> Epoch:
    steps = progress.steps
    means = {key: sum(each[key] for each in steps) / len(steps) for key in steps[0]}
    return Epoch(
        epoch=number,
        step=step.step,
        loss=means["loss"],
        class_loss=means["class_loss"],
        box_loss=means["box_loss"],
        learning_rate=step.learning_rate,
        seconds=means["seconds"] * len(steps),
        waiting=means["waited"] / max(means["seconds"], 1e-9),
    )


def _evaluate(session: Session, detector: Detector, data: DataSet) -> Scored:
    recipe = session.plan.recipe
    settings = Detecting(nms="soft" if recipe.nms == "soft" else "hard")
    return evaluate(
        detector,
        data,
        batch_size=min(16, recipe.batch_size),
        settings=settings,
        device=session.accelerator.device,
    )


def _outcome(session: Session) -> Outcome:
    """The best weights, evaluated again as they were written, and the reports."""
    plan, accelerator = session.plan, session.accelerator
    accelerator.wait_for_everyone()
    detector = open_detector(plan.folder.best, plan.code)
    epochs = tuple(Epoch.of_row(row) for row in session.progress.epochs)
    files = [plan.folder.best, plan.folder.last]
    evaluation = None
    if accelerator.is_main_process:
        files.append(plan.folder.write("curves.svg", loss_curves(epochs)))
        if plan.validation is not None:
            evaluation, found = _evaluate(session, detector, plan.validation)
            files += write_evaluation(plan.folder, plan.validation, evaluation, found)
    accelerator.wait_for_everyone()
    names = {file.relative_to(plan.folder.path).parts[0] for file in files}
    return Outcome(detector, evaluation, epochs, tuple(sorted(names)))


@contextlib.contextmanager
def asked_to_stop(watch: Watch) -> Iterator[Callable[[], bool]]:
    """Whether Control-C or a termination was asked for; the second time it is at once."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        watch.on_note(STOPPING)

    handled = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(each, note) for each in handled]
    except ValueError:  # not the main thread: whoever started it stops it
        yield lambda: False
        return
    try:
        yield lambda: bool(asked)
    finally:
        for each, handler in zip(handled, before, strict=True):
            signal.signal(each, handler)
