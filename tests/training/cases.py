"""Random batches and effdet's answers to them."""

import functools
import importlib

import torch

SIZE = 256
CLASSES = 3


@functools.cache
def anchors():
    from effdet.anchors import Anchors

    return Anchors(3, 7, 3, [(1.0, 1.0), (1.4, 0.7), (0.7, 1.4)], 4.0, (SIZE, SIZE))


def swapped(boxes):
    """(y0, x0, y1, x1) <-> (x0, y0, x1, y1)."""
    return boxes[..., [1, 0, 3, 2]]


def random_boxes(generator, count):
    corners = torch.rand(count, 2, generator=generator) * (SIZE - 8)
    sides = 2 + torch.rand(count, 2, generator=generator) ** 3 * (SIZE / 2)
    return torch.cat([corners, (corners + sides).clamp(max=SIZE)], 1)


def random_batch(seed, counts=(5, 0, 30), room=40):
    """Boxes [B, M, 4] and labels [B, M], with -1 as padding."""
    generator = torch.Generator().manual_seed(seed)
    boxes, labels = torch.zeros(len(counts), room, 4), torch.full((len(counts), room), -1)
    for image, count in enumerate(counts):
        boxes[image, :count] = random_boxes(generator, count)
        labels[image, :count] = torch.randint(CLASSES, (count,), generator=generator)
    return boxes, labels


def effdet_targets(boxes, labels):
    """effdet's class targets, box targets and numbers of positives, as lists a level."""
    from effdet.anchors import AnchorLabeler

    labeler = AnchorLabeler(anchors(), CLASSES, match_threshold=0.5)
    # its classes count from 1, and its padding is -1
    classes = torch.where(labels >= 0, labels + 1, -1).float()
    return labeler.batch_label_anchors(swapped(boxes), classes)


def random_maps(seed, batch, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    sides = [SIZE // 2**level for level in range(3, 8)]
    logits = [scale * torch.randn(batch, 9 * CLASSES, s, s, generator=generator) - 2 for s in sides]
    deltas = [scale / 4 * torch.randn(batch, 36, s, s, generator=generator) for s in sides]
    return [x.requires_grad_() for x in logits], [x.requires_grad_() for x in deltas]


def generated():
    return importlib.import_module("generated.bifpn_d0")
