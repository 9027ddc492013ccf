"""BiFPN of phi 0 and effdet's model trained side by side, on the same batches.

    python -m benchmarks.beside_effdet DATA [--epochs 24] [--image-size 320] [--set KEY=VALUE]

Both start from the same ImageNet weights (EfficientNet-Lite0) and take each batch with the same
optimizer, learning rate, clipping and average. effdet's `tf_efficientdet_lite0` has its own loss
and its own labeler. Figures are pycocotools' on the split `val`, after each 4 epochs.
Needs the packages of the extras `test` and `weights`.
"""

import argparse
import json
import statistics
import time
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from effdet import DetBenchPredict, DetBenchTrain, create_model_from_config, get_efficientdet_config
from torch import Tensor, nn

from fpncompiler.datasets.model import DataSet
from fpncompiler.datasets.opening import open_dataset
from fpncompiler.detectors.code import build, code_of_spec
from fpncompiler.detectors.detector import Detector
from fpncompiler.evaluation.coco import score
from fpncompiler.evaluation.detecting import Detecting
from fpncompiler.evaluation.reading import batches, read_ahead
from fpncompiler.evaluation.ready import detect_framed, relabelled, unframed
from fpncompiler.options import Options
from fpncompiler.training.batches import Share, create_loader, steps_per_epoch
from fpncompiler.training.objective import Batch, Objective
from fpncompiler.training.optimization import Average, create_optimizer, create_schedule
from fpncompiler.training.recipe import Recipe, recipe_of
from fpncompiler.training.session import loss_settings
from fpncompiler.weights.backbones import load_backbone

EVERY = 4  # epochs from one evaluation to the next


@dataclass
class Runner(ABC):
    """One of the two: a model with its optimizer, and how its loss is had."""

    name: str
    model: nn.Module
    recipe: Recipe
    steps_per_epoch: int

    def __post_init__(self) -> None:
        self.optimizer = create_optimizer(self.model, self.recipe)
        self.schedule = create_schedule(self.optimizer, self.recipe, self.steps_per_epoch)
        self.average = Average(self.model, self.recipe.ema_decay)
        self.seconds: list[float] = []
        self.losses: list[float] = []

    def step(self, number: int, batch: Batch) -> None:
        """One step on a batch."""
        began = time.perf_counter()
        self.schedule.step_update(number)
        self.model.train()
        loss = self.loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(self.model, number)
        self.seconds.append(time.perf_counter() - began)
        self.losses.append(float(loss))

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The loss of a batch."""

    @abstractmethod
    def found(self, frames: list[Any]) -> list[dict[str, Tensor]]:
        """Detections in framed images, in pixels of the images."""


class Ours(Runner):
    """What `fpnc train` does, step by step."""

    def __init__(self, detector: Detector, recipe: Recipe, per_epoch: int) -> None:
        self.detector = detector
        self.objective = Objective(detector, loss_settings(recipe), recipe.match_threshold)
        super().__init__("fpnc bifpn", detector.model, recipe, per_epoch)

    def loss(self, batch: Batch) -> Tensor:
        """Our targets and losses."""
        targets = self.objective.targets(batch)
        maps = self.objective.outputs(self.model, batch.images)
        return self.objective.losses(maps, targets).total

    def found(self, frames: list[Any]) -> list[dict[str, Tensor]]:
        """As `fpnc eval` has it."""
        averaged = replace(self.detector, model=self.average.module)
        return detect_framed(averaged, frames, Detecting())


class Theirs(Runner):
    """effdet's model, loss, labeler and postprocessing."""

    def __init__(self, detector: Detector, recipe: Recipe, per_epoch: int) -> None:
        config = get_efficientdet_config("tf_efficientdet_lite0")
        config.image_size, config.num_classes = [*detector.image_size], len(detector.classes)
        config.jit_loss = False
        bare = create_model_from_config(config, pretrained=False, pretrained_backbone=False)
        self.normalize = detector.module.EfficientDet.normalize
        # without the script compiler, which makes its labeler anew for each number of boxes
        self.bench = DetBenchTrain(bare, create_labeler=True)
        load_backbone(bare.backbone, "tf_efficientnet_lite0", "package")
        super().__init__("effdet tf_efficientdet_lite0", bare, recipe, per_epoch)

    def loss(self, batch: Batch) -> Tensor:
        """Effdet's labeler and loss; its boxes are (y0, x0, y1, x1), its classes count from 1."""
        images = self.normalize(batch.images).contiguous(memory_format=torch.channels_last)
        swapped = batch.boxes[..., [1, 0, 3, 2]]
        classes = torch.where(batch.labels >= 0, batch.labels + 1, -1).float()
        labels = self.bench.anchor_labeler.batch_label_anchors(swapped, classes)
        maps = self.model(images)
        losses: Tensor = self.bench.loss_fn(*maps, *labels)[0]
        return losses

    def found(self, frames: list[Any]) -> list[dict[str, Tensor]]:
        """Effdet's postprocessing."""
        bench = DetBenchPredict(self.average.module)
        images = self.normalize(torch.stack([frame.frame for frame in frames]))
        found = []
        for rows, frame in zip(bench(images), frames, strict=True):
            kept = rows[rows[:, 4] > 0.001]
            raw = {"boxes": kept[:, :4], "scores": kept[:, 4], "labels": kept[:, 5].long() - 1}
            found.append(unframed(raw, frame))
        return found


@torch.no_grad()
def figures(runner: Runner, detector: Detector, data: DataSet) -> dict[str, float | None]:
    """The twelve figures on a data set."""
    names = {name: i for i, name in enumerate(data.classes)}
    table = torch.tensor([names.get(name, -1) for name in detector.classes])
    found = {}
    reads = read_ahead(data.items, lambda item: item.file, detector.image_size, 24)
    for batch in batches(reads, 8):
        frames = [each.framed for each in batch if each.framed is not None]
        results = runner.found(frames)
        for each, result in zip(batch, results, strict=True):
            found[each.asked.image_id] = relabelled(result, table)
    return dict(score(found, data).figures)


def compare(parsed: argparse.Namespace) -> dict[str, Any]:
    """Train both, and return all figures."""
    torch.manual_seed(parsed.seed)
    data, val = (open_dataset(parsed.data, split).dataset for split in ("train", "val"))
    given = {"epochs": parsed.epochs, "image_size": parsed.image_size, "seed": parsed.seed}
    recipe = recipe_of("small", parsed.set, **given)
    code = code_of_spec(parsed.spec, Options(variant="lite0"))
    detector = build(code, data.classes, (recipe.image_size, recipe.image_size))
    load_backbone(detector.model.backbone, detector.module.BACKBONE, "package")
    per_epoch = steps_per_epoch(len(data.items), recipe.batch_size)
    detector.model.to(memory_format=torch.channels_last)
    theirs = Theirs(detector, recipe, per_epoch)
    theirs.model.to(memory_format=torch.channels_last)
    runners = [Ours(detector, recipe, per_epoch), theirs]
    loader = create_loader(data, detector.image_size, recipe, 0, Share())
    rows = []
    for number, batch in enumerate(loader):
        for runner in runners if number % 2 else reversed(runners):
            runner.step(number, batch)
        epoch = (number + 1) / per_epoch
        if epoch % EVERY == 0 or epoch == recipe.epochs:
            for runner in runners:
                row = {"epoch": int(epoch), "model": runner.name}
                rows.append(row | figures(runner, detector, val))
                print(json.dumps(rows[-1]), flush=True)
    return {
        "recipe": asdict(recipe),
        "steps": len(runners[0].losses),
        "evaluations": rows,
        "median_step_seconds": {r.name: statistics.median(r.seconds) for r in runners},
        "losses": {r.name: r.losses for r in runners},
    }


def main() -> None:
    """Compare, and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--spec", default="bifpn")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--image-size", type=int, default=320)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, default=Path("build/beside_effdet.json"))
    parsed = parser.parse_args()
    found = compare(parsed)
    parsed.out.parent.mkdir(parents=True, exist_ok=True)
    parsed.out.write_text(json.dumps(found, indent=1) + "\n")
    print(f"wrote {parsed.out.as_posix()}; seconds a step: {found['median_step_seconds']}")


if __name__ == "__main__":
    main()
