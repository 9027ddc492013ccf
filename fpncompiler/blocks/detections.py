import torch
from torch import Tensor
from torchvision.ops import batched_nms

from fpncompiler.blocks.anchors import decode_boxes


def flatten_maps(maps: list[Tensor], outputs_per_anchor: int) -> Tensor:
    """[B, A * K, H_l, W_l] of each level -> [B, N, K], in the order of the anchors.

    K is `outputs_per_anchor`; the channels hold the K outputs of one anchor after another.
    """
    batch = maps[0].shape[0]
    return torch.cat(
        [m.permute(0, 2, 3, 1).reshape(batch, -1, outputs_per_anchor) for m in maps], dim=1
    )


def select_detections(
    class_logits: Tensor,
    box_deltas: Tensor,
    anchors: Tensor,
    image_size: tuple[int, int],
    max_candidates: int = 5000,
    max_detections: int = 100,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """The detections of one image, the best first, from [N, classes], [N, 4] and anchors [N, 4].

    The `max_candidates` best pairs of anchor and class pass the non-maximum suppression of their
    class. Returns boxes [D, 4], (x0, y0, x1, y1) in pixels within `image_size` (height, width);
    scores [D] in 0..1; labels [D] int64 from 0. D is at most `max_detections`, and may be 0.
    """
    classes = class_logits.shape[1]
    logits = class_logits.flatten().float()
    logits, candidates = logits.topk(min(max_candidates, logits.numel()))
    scores = logits.sigmoid()
    rows, labels = candidates // classes, candidates % classes
    boxes = clip_boxes(decode_boxes(box_deltas[rows].float(), anchors[rows]), image_size)

    likely = scores >= score_threshold
    boxes, scores, labels = boxes[likely], scores[likely], labels[likely]
    keep = batched_nms(boxes, scores, labels, iou_threshold)[:max_detections]
    return boxes[keep], scores[keep], labels[keep]


def clip_boxes(boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Move the corners of [N, 4] (x0, y0, x1, y1) that lie outside the image to its border."""
    height, width = image_size
    x0, y0, x1, y1 = boxes.unbind(-1)
    return torch.stack(
        [x0.clamp(0, width), y0.clamp(0, height), x1.clamp(0, width), y1.clamp(0, height)], dim=-1
    )
