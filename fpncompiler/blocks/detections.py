import torch
from torch import Tensor
from torchvision.ops import nms

from fpncompiler.blocks.anchors import decode_boxes


def flatten_map(x: Tensor, outputs_per_anchor: int) -> Tensor:
    """[B, A * K, H, W] -> [B, H * W * A, K], in the order of the anchors; a view if channels-last.

    K is `outputs_per_anchor`; the channels hold the K outputs of one anchor after another.
    """
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, outputs_per_anchor)


def take_anchors(maps: list[Tensor], outputs_per_anchor: int, anchors: Tensor) -> Tensor:
    """The outputs [B, R, K] of some anchors, by their indices [B, R], of maps [B, A * K, H_l, W_l].

    Levels are read in turn, since to join them first would copy all anchors to keep a few.
    """
    taken = maps[0].new_zeros(*anchors.shape, outputs_per_anchor)
    for x in maps:
        flat = flatten_map(x, outputs_per_anchor)
        here = anchors == anchors.clamp(0, flat.shape[1] - 1)
        image, row = here.nonzero(as_tuple=True)
        taken[image, row] = flat[image, anchors[image, row]]
        anchors = anchors - flat.shape[1]  # from here on counted from the next level
    return taken


def best_pairs(logits: Tensor, count: int, least: Tensor) -> tuple[Tensor, Tensor]:
    """The `count` largest of each row of logits [B, P] and their indices, the largest first.

    In each row `count` of them or more are not below `least` [B], so that others need no sorting.
    """
    if not torch.compiler.is_compiling():  # for how many are left is no shape to compile for
        likely = [(row >= low).nonzero()[:, 0] for row, low in zip(logits, least, strict=True)]
        if min(len(found) for found in likely) >= count:  # not where some are no numbers
            rows = [row[found].topk(count) for row, found in zip(logits, likely, strict=True)]
            pairs = [found[i] for found, (_, i) in zip(likely, rows, strict=True)]
            return torch.stack([best for best, _ in rows]), torch.stack(pairs)
    best, pair = logits.topk(count)
    return best, pair


def top_candidates(
    class_maps: list[Tensor],
    box_maps: list[Tensor],
    anchors: Tensor,
    num_classes: int,
    image_size: tuple[int, int],
    max_candidates: int = 5000,
) -> tuple[Tensor, Tensor, Tensor]:
    """The `max_candidates` best pairs of anchor and class of each image, the best first.

    Maps are [B, A * num_classes, H_l, W_l] logits and [B, A * 4, H_l, W_l] deltas; anchors [N, 4].
    Returns boxes [B, C, 4], (x0, y0, x1, y1) in pixels within `image_size` (height, width); scores
    [B, C] in 0..1; labels [B, C] int64 from 0. As many anchors, those whose best class is best,
    hold all of these pairs, so the other anchors' classes need no sorting.
    """
    best = torch.cat([flatten_map(x, num_classes).amax(-1) for x in class_maps], dim=1).float()
    best, rows = best.topk(min(max_candidates, best.shape[1]), sorted=False)
    logits = take_anchors(class_maps, num_classes, rows).flatten(1).float()
    count = min(max_candidates, logits.shape[1])
    logits, pairs = best_pairs(logits, count, best.amin(-1))
    rows = rows.gather(1, pairs // num_classes)
    deltas = take_anchors(box_maps, 4, rows).float()
    boxes = clip_boxes(decode_boxes(deltas, anchors[rows]), image_size)
    return boxes, logits.sigmoid(), pairs % num_classes


def select_detections(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    max_detections: int = 100,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """What is left of one image's candidates after the non-maximum suppression of each class.

    Candidates are boxes [C, 4], scores [C], the best first, and labels [C], as are the results,
    [D, 4], [D] and [D]. D is at most `max_detections`, and may be 0.
    """
    count = int((scores >= score_threshold).sum())
    seen, kept = 0, labels[:0]
    while seen < count and len(kept) < max_detections:
        seen = min(count, max(2 * seen, 5 * max_detections))  # worse ones change nothing for these
        kept = suppress(boxes[:seen], scores[:seen], labels[:seen], iou_threshold)
    kept = kept[:max_detections]
    return boxes[kept], scores[kept], labels[kept]


def suppress(boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float) -> Tensor:
    """The indices of the boxes [C, 4] that no better one of their class overlaps, best first."""
    # Each class is moved to a place of its own, where float32 could not tell boxes apart any more.
    wide = boxes if boxes.device.type == "mps" else boxes.double()
    moved = wide + labels[:, None] * (wide.max() + 1)
    kept: Tensor = nms(moved, scores.to(moved.dtype), iou_threshold)
    return kept


def clip_boxes(boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Move the corners of [..., 4] (x0, y0, x1, y1) that lie outside the image to its border."""
    height, width = image_size
    x0, y0, x1, y1 = boxes.unbind(-1)
    return torch.stack(
        [x0.clamp(0, width), y0.clamp(0, height), x1.clamp(0, width), y1.clamp(0, height)], dim=-1
    )
