"""The time of targets and losses, as the number of boxes changes from batch to batch.

    python -m benchmarks.targets_time [--batches 40] [--image-size 320]

Ours and effdet's. Each batch has another number of boxes; both see the same ones, in turns. Parts
of effdet's labeler are scripted, which specialise on new shapes. Needs the extra `test`.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable

import torch
from effdet.anchors import AnchorLabeler, Anchors
from effdet.loss import loss_fn
from torch import Tensor

from fpncompiler.training.assignment import assign_targets
from fpncompiler.training.losses import LossSettings, detection_loss
from fpncompiler.training.objective import flatten_maps

CLASSES, BATCH, MOST = 3, 8, 60
Step = Callable[[Tensor, Tensor], Tensor]


def steps(size: int) -> dict[str, Step]:
    """Functions of boxes [B, M, 4] and labels [B, M] (-1 is padding), which give a loss."""
    anchors = Anchors(3, 7, 3, [(1.0, 1.0), (1.4, 0.7), (0.7, 1.4)], 4.0, (size, size))
    sides = [-(-size // 2**level) for level in range(3, 8)]
    logits = [torch.randn(BATCH, 9 * CLASSES, s, s) - 3 for s in sides]
    deltas = [torch.randn(BATCH, 36, s, s) / 4 for s in sides]
    ours = anchors.boxes[:, [1, 0, 3, 2]].contiguous()
    labeler = AnchorLabeler(anchors, CLASSES, match_threshold=0.5)
    settings = LossSettings()

    def our_step(boxes: Tensor, labels: Tensor) -> Tensor:
        targets = assign_targets(ours, boxes, labels)
        maps = flatten_maps(logits, CLASSES), flatten_maps(deltas, 4)
        return detection_loss(*maps, targets, settings).total

    def their_step(boxes: Tensor, labels: Tensor) -> Tensor:
        pairs = [*zip(boxes, labels, strict=True)]
        swapped = [box[label >= 0][:, [1, 0, 3, 2]] for box, label in pairs]
        classes = [label[label >= 0].float() + 1 for _, label in pairs]
        found = labeler.batch_label_anchors(swapped, classes)
        total: Tensor = loss_fn(logits, deltas, *found, CLASSES, 0.25, 1.5, 0.1, 50.0)[0]
        return total

    return {"fpnc": our_step, "effdet": their_step}


def random_batch(size: int, dice: random.Random) -> tuple[Tensor, Tensor]:
    """Boxes and labels of a batch, with room for MOST in each image."""
    boxes, labels = torch.zeros(BATCH, MOST, 4), torch.full((BATCH, MOST), -1)
    for image in range(BATCH):
        count = dice.randint(1, MOST)
        corners = torch.rand(count, 2) * (size - 16)
        boxes[image, :count] = torch.cat([corners, corners + 8 + 40 * torch.rand(count, 2)], 1)
        labels[image, :count] = torch.randint(CLASSES, (count,))
    return boxes, labels


def main() -> None:
    """Time both in turns."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--image-size", type=int, default=320)
    parsed = parser.parse_args()
    torch.manual_seed(0)
    dice = random.Random(0)
    contest = steps(parsed.image_size)
    seconds: dict[str, list[float]] = {name: [] for name in contest}
    for number in range(parsed.batches + 1):
        batch = random_batch(parsed.image_size, dice)
        losses = {}
        for name, step in contest.items():
            began = time.perf_counter()
            losses[name] = float(step(*batch))
            if number:  # the first batch warms up
                seconds[name].append(time.perf_counter() - began)
        assert max(losses.values()) - min(losses.values()) < 1e-3 * abs(losses["fpnc"]), losses
    print(f"{parsed.batches} batches of {BATCH} images, 1 to {MOST} boxes in each; milliseconds")
    for name, found in seconds.items():
        median, worst = statistics.median(found), max(found)
        print(
            f"{name:8} median {median * 1e3:8.1f}  worst {worst * 1e3:8.1f}  "
            f"worst / median {worst / median:5.1f}"
        )


if __name__ == "__main__":
    main()
