"""Class maps and box maps to detections, by hard or soft non-maximum suppression."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fpncompiler.detectors.detector import Detector

Found = dict[str, Tensor]  # boxes [D, 4] (x0, y0, x1, y1), scores [D] the best first, labels [D]


@dataclass(frozen=True, slots=True)
class Detecting:
    """How detections are chosen among the candidates.

    With `soft` suppression a candidate's score shrinks by exp(-IoU**2 / sigma) for each better box
    of its class, and `iou_threshold` has no say (Bodla et al. 2017, the Gaussian form).
    """

    nms: Literal["hard", "soft"] = "hard"
    iou_threshold: float = 0.5
    score_threshold: float = 0.001  # below which effdet's evaluation drops a detection, too
    max_detections: int = 100  # an image
    sigma: float = 0.5
    max_candidates: int = 5000  # an image, before suppression


@torch.inference_mode()
def detect(detector: Detector, images: Tensor, settings: Detecting) -> list[Found]:
    """The objects in normalized images [B, 3, H, W]; the model is in evaluation mode.

    For each image `boxes` [D, 4] float32 (x0, y0, x1, y1) in pixels of the input, `scores` [D] in
    0..1, the best first, `labels` [D] int64. Candidates that are no numbers are left out.
    """
    class_maps, box_maps = detector.model(images)
    size = (images.shape[-2], images.shape[-1])
    anchors = detector.anchors(size).to(images.device)
    boxes, scores, labels = detector.module.top_candidates(
        class_maps, box_maps, anchors, len(detector.classes), size, settings.max_candidates
    )
    is_number = boxes.isfinite().all(-1) & scores.isfinite()
    if settings.nms == "soft":
        scores = scores.where(is_number, -1.0)
        return soften(boxes.nan_to_num(), scores, labels, settings)
    found = []
    for box, score, label, good in zip(boxes, scores, labels, is_number, strict=True):
        if not good.all():
            box, score, label = box[good], score[good], label[good]
        kept = detector.module.select_detections(
            box,
            score,
            label,
            settings.max_detections,
            settings.iou_threshold,
            settings.score_threshold,
        )
        found.append(dict(zip(("boxes", "scores", "labels"), kept, strict=True)))
    return found


def soften(boxes: Tensor, scores: Tensor, labels: Tensor, settings: Detecting) -> list[Found]:
    """Gaussian soft-NMS of each class, of all images at once; equals effdet's `soft_nms`.

    Candidates are boxes [B, C, 4], scores [B, C] and labels [B, C], in any order. The best that is
    left is taken in each step, over all classes: its score can only be the next largest, so that
    the first `max_detections` of them are those of all.
    """
    least = settings.score_threshold
    left = scores.where(scores > least, -1.0)
    steps = min(settings.max_detections, left.shape[1])
    taken = labels.new_zeros(len(left), steps)
    given = left.new_full((len(left), steps), -1.0)
    for step in range(steps if left.shape[1] else 0):
        best, index = left.max(1, keepdim=True)
        if not bool((best > 0).any()):
            break
        taken[:, step], given[:, step] = index[:, 0], best[:, 0]
        box = boxes.gather(1, index[..., None].expand(-1, -1, 4))
        same = labels == labels.gather(1, index)
        decay = (-overlap(box, boxes).square() / settings.sigma).exp().where(same, 1.0)
        left = (left * decay).scatter(1, index, -1.0)
        left = left.where(left > least, -1.0)
    return [
        {
            "boxes": boxes[i, taken[i, good]],
            "scores": given[i, good],
            "labels": labels[i, taken[i, good]],
        }
        for i, good in enumerate(given > 0)
    ]


def overlap(one: Tensor, others: Tensor) -> Tensor:
    """The IoU [B, C] of boxes [B, 1, 4] and [B, C, 4]; 0 where they share no area."""
    low = torch.maximum(one[..., :2], others[..., :2])
    high = torch.minimum(one[..., 2:], others[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    union = _area(one) + _area(others) - shared
    return (shared / union).where(shared > 0, 0.0)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)
