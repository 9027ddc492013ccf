"""From a batch to its loss: forward pass, anchors, targets, losses."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from fpncompiler.detectors.detector import Detector
from fpncompiler.training.assignment import Targets, assign_targets
from fpncompiler.training.losses import Losses, LossSettings, detection_loss


@dataclass(frozen=True, slots=True)
class Batch:
    """Images with their boxes, padded to equal shapes.

    `images` [B, 3, H, W] uint8; `boxes` [B, M, 4] float32 (x0, y0, x1, y1) in pixels of the frame;
    `labels` [B, M] int64, -1 for padding; `crowd` [B, M] bool. `names` tells the files.
    """

    images: Tensor
    boxes: Tensor
    labels: Tensor
    crowd: Tensor
    names: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()  # files in whose place others stand

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return replace(
            self,
            images=self.images.to(device, non_blocking=True),
            boxes=self.boxes.to(device, non_blocking=True),
            labels=self.labels.to(device, non_blocking=True),
            crowd=self.crowd.to(device, non_blocking=True),
        )


@dataclass(slots=True)
class Objective:
    """The loss of a detector; keeps the anchors of the last image size."""

    detector: Detector
    settings: LossSettings
    threshold: float = 0.5
    ignores_crowds: bool = False
    _anchors: dict[tuple[int, int], Tensor] = field(default_factory=dict)

    def targets(self, batch: Batch) -> Targets:
        """What the heads should say about a batch."""
        size = (batch.images.shape[-2], batch.images.shape[-1])
        if size not in self._anchors:
            self._anchors = {size: self.detector.anchors(size).to(batch.boxes.device)}
        anchors = self._anchors[size]
        if self.ignores_crowds:
            return assign_targets(
                anchors, batch.boxes, batch.labels, self.threshold, crowd=batch.crowd
            )
        labels = batch.labels.masked_fill(batch.crowd, -1)
        return assign_targets(anchors, batch.boxes, labels, self.threshold)

    def outputs(self, model: nn.Module, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Class logits and box deltas, as the generated model's `forward` gives them."""
        normalized = self.detector.module.EfficientDet.normalize(images)
        maps: tuple[list[Tensor], list[Tensor]] = model(
            normalized.contiguous(memory_format=torch.channels_last)
        )
        return maps

    def losses(
        self,
        maps: tuple[list[Tensor], list[Tensor]],
        targets: Targets,
        positives: Tensor | None = None,
    ) -> Losses:
        """The loss of what a model said; `positives` as `detection_loss` has it."""
        logits = flatten_maps(maps[0], len(self.detector.classes))
        deltas = flatten_maps(maps[1], 4)
        return detection_loss(logits, deltas, targets, self.settings, positives)


def flatten_maps(maps: list[Tensor], outputs: int) -> Tensor:
    """Maps [B, A * K, H_l, W_l] -> [B, N, K], in the order of the anchors."""
    flat = [x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, outputs) for x in maps]
    return torch.cat(flat, dim=1)
