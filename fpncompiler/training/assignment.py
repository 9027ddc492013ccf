"""Which anchor is to find which box.

An anchor takes the box that it overlaps most, if their IoU is at least a threshold; and each box
takes the anchor that overlaps it most, however little, so that no box is lost. Where two boxes
claim one anchor in that second way, the first box has it. (RetinaNet, section 4, without its band
of ignored anchors; effdet `ArgMaxMatcher` with `force_match_for_each_row`.)

Shapes depend on the padded number of boxes alone, so that a step takes the same time whatever the
images hold.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fpncompiler.training.coding import encode_boxes

BACKGROUND, IGNORED = -1, -2
COVERED = 0.5  # an anchor lies in a crowd if this part of its area does


@dataclass(frozen=True, slots=True)
class Targets:
    """What the heads should say at each anchor of a batch.

    `labels` [B, N] int64 are classes from 0, BACKGROUND or IGNORED; `deltas` [B, N, 4] are 0 where
    there is no box; `positives` [B] counts the anchors with a box.
    """

    labels: Tensor
    deltas: Tensor
    positives: Tensor


def assign_targets(
    anchors: Tensor,
    boxes: Tensor,
    labels: Tensor,
    threshold: float = 0.5,
    crowd: Tensor | None = None,
) -> Targets:
    """Targets of a batch.

    Args:
        anchors: [N, 4] (x0, y0, x1, y1) in pixels.
        boxes: [B, M, 4] alike; rows whose label is negative are padding.
        labels: [B, M] int64, classes from 0.
        threshold: the least IoU of a match.
        crowd: [B, M] bool: groups, which are no boxes to be found. Anchors without a box of their
            own that lie in one are IGNORED; without this argument crowds must have been left out.
    """
    if boxes.shape[1] == 0:  # a row of padding, for there is no largest of nothing
        boxes, labels = boxes.new_zeros(len(boxes), 1, 4), labels.new_full((len(boxes), 1), -1)
        crowd = None
    groups = labels.new_zeros(labels.shape, dtype=torch.bool) if crowd is None else crowd
    images = zip(boxes, labels, groups, strict=True)  # one by one, since caches are small
    each = [_assigned(anchors, *image, threshold, crowd is not None) for image in images]
    named, deltas, positives = (torch.stack(parts) for parts in zip(*each, strict=True))
    return Targets(named, deltas, positives)


def _assigned(
    anchors: Tensor,
    boxes: Tensor,
    labels: Tensor,
    groups: Tensor,
    threshold: float,
    ignores_groups: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Labels [N], deltas [N, 4] and the number of positives of one image."""
    counts = (labels >= 0) & ~groups
    overlap = overlaps(boxes, anchors)
    overlap[~counts] = -1
    best, match = overlap.max(dim=0)
    match = match.where(best >= threshold, BACKGROUND)
    forced = _forced(overlap, counts)
    match = forced.where(forced >= 0, match)
    found = match >= 0
    index = match.clamp(min=0)
    named = labels[index].where(found, BACKGROUND)
    deltas = encode_boxes(boxes[index], anchors).where(found[:, None], 0)
    if ignores_groups:
        inside = _covered(boxes, anchors, groups & (labels >= 0)) & ~found
        named = named.masked_fill(inside, IGNORED)
    return named, deltas, found.sum()


def overlaps(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Intersection over union [M, N] of boxes [M, 4] and anchors [N, 4]."""
    shared = _intersections(boxes, anchors)
    union = (_areas(boxes)[:, None] + _areas(anchors)).sub_(shared)
    return shared.div_(union).nan_to_num_(0.0)  # where padding and anchor both have no area


def _forced(overlap: Tensor, counts: Tensor) -> Tensor:
    """The box [N] that has each anchor as its best one; BACKGROUND where there is none."""
    boxes, anchors = overlap.shape
    rank = torch.arange(boxes, device=overlap.device).where(counts, boxes)
    first = rank.new_full((anchors,), boxes)
    first = first.scatter_reduce(0, overlap.argmax(dim=1), rank, "amin")
    return first.where(first < boxes, BACKGROUND)


def _covered(boxes: Tensor, anchors: Tensor, groups: Tensor) -> Tensor:
    """Whether each anchor [N] lies in a group."""
    part = _intersections(boxes, anchors) / _areas(anchors).clamp(min=1e-9)
    return (part.masked_fill(~groups[:, None], 0) > COVERED).any(dim=0)


def _intersections(boxes: Tensor, anchors: Tensor) -> Tensor:
    width = _lengths(boxes[:, 0], boxes[:, 2], anchors[:, 0], anchors[:, 2])
    return width.mul_(_lengths(boxes[:, 1], boxes[:, 3], anchors[:, 1], anchors[:, 3]))


def _lengths(low: Tensor, high: Tensor, anchor_low: Tensor, anchor_high: Tensor) -> Tensor:
    """How long the shared part of each pair of spans is, [M, N]."""
    end = torch.minimum(high[:, None], anchor_high)
    return end.sub_(torch.maximum(low[:, None], anchor_low)).clamp_(min=0)


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
