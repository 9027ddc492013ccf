"""The losses of EfficientDet: focal loss of classes, Huber loss of boxes."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fpncompiler.training.assignment import IGNORED, Targets


@dataclass(frozen=True, slots=True)
class LossSettings:
    """The paper's section 5.1; the rest is google/automl's (`hparams_config.py`).

    The paper says gamma 1.5 and alpha 0.25. It does not name the box loss or its weight.
    """

    alpha: float = 0.25  # weight of the right class; of all others 1 - alpha
    gamma: float = 1.5
    label_smoothing: float = 0.0
    huber_delta: float = 0.1
    box_weight: float = 50.0


@dataclass(frozen=True, slots=True)
class Losses:
    """Scalars; `total` is classes + box_weight * boxes."""

    total: Tensor
    classes: Tensor
    boxes: Tensor


def detection_loss(
    logits: Tensor,
    deltas: Tensor,
    targets: Targets,
    settings: LossSettings,
    positives: Tensor | None = None,
) -> Losses:
    """The loss of a batch, as effdet's `loss_fn`.

    Args:
        logits: [B, N, C] of every anchor.
        deltas: [B, N, 4] (ty, tx, th, tw).
        targets: of the same anchors.
        settings: weights and exponents.
        positives: how many anchors have a box, in the whole batch where this is only a part of it.
    """
    count = targets.positives.sum() if positives is None else positives
    normalizer = count.to(torch.float32) + 1  # never 0, in a batch without boxes
    classes = focal_loss(logits.float(), targets.labels, settings).sum() / normalizer
    error = F.huber_loss(
        deltas.float(), targets.deltas, reduction="none", delta=settings.huber_delta
    )
    boxes = error.where(targets.deltas != 0, 0).sum() / (normalizer * 4)
    return Losses(classes + settings.box_weight * boxes, classes, boxes)


def focal_loss(logits: Tensor, labels: Tensor, settings: LossSettings) -> Tensor:
    """Focal loss [B, N, C] of logits [B, N, C], labels [B, N] (Lin et al., ICCV 2017, equation 5).

    Each class is a question of its own, so background means that no class is right. The modulating
    factor comes from the labels before they are smoothed (effdet `new_focal_loss`).
    """
    classes = logits.shape[-1]
    right = labels[..., None] == torch.arange(classes, device=labels.device)
    probability = logits.sigmoid()
    missed = torch.where(right, 1 - probability, probability)  # 1 - p_t
    alpha = torch.where(right, settings.alpha, 1 - settings.alpha)
    smooth = settings.label_smoothing
    wanted = right.to(logits.dtype) * (1 - smooth) + 0.5 * smooth
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    counted = alpha * (labels != IGNORED)[..., None]
    return counted * missed**settings.gamma * entropy
