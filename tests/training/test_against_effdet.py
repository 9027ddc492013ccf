"""Targets, losses and gradients are those of effdet, on random inputs."""

import pytest
import torch
from effdet.loss import loss_fn
from effdet.object_detection.box_coder import FasterRcnnBoxCoder
from effdet.object_detection.box_list import BoxList

from fpncompiler.training.assignment import BACKGROUND, IGNORED, assign_targets
from fpncompiler.training.coding import encode_boxes
from fpncompiler.training.losses import LossSettings, detection_loss
from fpncompiler.training.objective import flatten_maps
from tests.training.cases import (
    CLASSES,
    anchors,
    effdet_targets,
    generated,
    random_batch,
    random_boxes,
    random_maps,
    swapped,
)

CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def our_anchors():
    return swapped(anchors().boxes)


def flat(levels):
    """effdet's targets a level -> [B, N] or [B, N, 4]."""
    return torch.cat([x.flatten(1) for x in levels], 1)


def assert_same_targets(boxes, labels):
    ours = assign_targets(our_anchors(), boxes, labels)
    classes, deltas, positives = effdet_targets(boxes, labels)
    assert torch.equal(ours.labels, flat(classes))
    assert torch.equal(ours.positives, positives.long())
    found = flat([x.reshape(len(boxes), -1, 4).flatten(1) for x in deltas])
    torch.testing.assert_close(ours.deltas.flatten(1), found, **CLOSE)
    return ours


def test_anchors_are_those_of_the_generated_files():
    file = generated()
    sizes = [(256 // 2**level,) * 2 for level in range(3, 8)]
    made = file.make_anchors(
        (256, 256), sizes, file.ANCHOR_SCALES, file.ANCHOR_OCTAVES, file.ANCHOR_ASPECTS
    )
    assert torch.equal(made, our_anchors())


def test_boxes_are_coded_alike_and_decoded_to_themselves():
    generator = torch.Generator().manual_seed(0)
    boxes = random_boxes(generator, len(our_anchors()))
    ours = encode_boxes(boxes, our_anchors())
    theirs = FasterRcnnBoxCoder().encode(BoxList(swapped(boxes)), BoxList(anchors().boxes.clone()))
    torch.testing.assert_close(ours, theirs, **CLOSE)
    back = generated().decode_boxes(ours, our_anchors())
    torch.testing.assert_close(back, boxes, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("seed", range(10))
def test_targets_are_those_of_effdet(seed):
    targets = assert_same_targets(*random_batch(seed))
    assert targets.positives[0] > 0
    assert targets.positives[1] == 0


def test_first_of_two_equal_boxes_has_the_anchor():
    boxes, labels = random_batch(3, counts=(2,))
    boxes[0, 1] = boxes[0, 0]
    labels[0, :2] = torch.tensor([2, 1])
    targets = assert_same_targets(boxes, labels)
    assert set(targets.labels.unique().tolist()) == {BACKGROUND, 2}


def test_boxes_without_a_good_anchor_take_their_best_one():
    boxes = torch.tensor([[[3.0, 5.0, 5.5, 7.0], [250.0, 3.0, 256.0, 4.0]]])
    targets = assert_same_targets(boxes, torch.tensor([[0, 1]]))
    assert targets.positives.tolist() == [2]


def test_a_batch_without_boxes_is_background():
    targets = assert_same_targets(*random_batch(0, counts=(0, 0)))
    assert (targets.labels == BACKGROUND).all()
    no_room = assign_targets(our_anchors(), torch.zeros(2, 0, 4), torch.zeros(2, 0).long())
    assert torch.equal(no_room.labels, targets.labels)


def losses_of_both(seed, boxes, labels, settings, scale=2.0):
    logits, deltas = random_maps(seed, len(boxes), scale)
    targets = assign_targets(our_anchors(), boxes, labels)
    ours = detection_loss(flatten_maps(logits, CLASSES), flatten_maps(deltas, 4), targets, settings)
    leaves = [*logits, *deltas]
    gradients = torch.autograd.grad(ours.total, leaves)
    theirs = loss_fn(
        logits,
        deltas,
        *effdet_targets(boxes, labels),
        CLASSES,
        alpha=settings.alpha,
        gamma=settings.gamma,
        delta=settings.huber_delta,
        box_loss_weight=settings.box_weight,
        label_smoothing=settings.label_smoothing,
    )
    return ours, theirs, gradients, torch.autograd.grad(theirs[0], leaves)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("settings", [LossSettings(), LossSettings(0.4, 2.0, 0.1, 0.2, 10.0)])
def test_losses_and_gradients_are_those_of_effdet(seed, settings):
    ours, theirs, gradients, wanted = losses_of_both(seed, *random_batch(seed), settings)
    for mine, other in zip((ours.total, ours.classes, ours.boxes), theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6)
    for mine, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("counts", [(0,), (0, 0, 0), (1,)])
def test_losses_of_empty_images_are_those_of_effdet(counts):
    ours, theirs, gradients, wanted = losses_of_both(
        1, *random_batch(1, counts=counts), LossSettings()
    )
    torch.testing.assert_close(ours.total, theirs[0], **CLOSE)
    for mine, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(mine, other, **CLOSE)


def test_extreme_logits_give_finite_losses():
    ours, theirs, gradients, _ = losses_of_both(0, *random_batch(0), LossSettings(), scale=60.0)
    torch.testing.assert_close(ours.classes, theirs[1], rtol=1e-6, atol=0)
    assert all(x.isfinite().all() for x in gradients)


def test_crowds_are_background_or_ignored_as_asked():
    boxes, labels = random_batch(5, counts=(4, 6))
    crowd = torch.zeros_like(labels, dtype=torch.bool)
    crowd[0, 1] = crowd[1, 0] = crowd[1, 5] = True
    dropped = labels.masked_fill(crowd, -1)
    theirs = assert_same_targets(boxes, dropped)
    ignoring = assign_targets(our_anchors(), boxes, labels, crowd=crowd)
    ignored = ignoring.labels == IGNORED
    assert ignored.any()
    assert torch.equal(ignoring.labels.where(~ignored, theirs.labels), theirs.labels)
    assert (theirs.labels[ignored] == BACKGROUND).all()
    assert torch.equal(ignoring.deltas, theirs.deltas)
    assert torch.equal(ignoring.positives, theirs.positives)
    centres = our_anchors().reshape(-1, 2, 2).mean(1)
    x0, y0, x1, y1 = boxes[0, 1]
    cell = (centres[:, 0] > x0) & (centres[:, 0] < x1) & (centres[:, 1] > y0) & (centres[:, 1] < y1)
    assert cell[ignored[0]].float().mean() > 0.9


def test_ignored_anchors_cost_nothing_as_in_effdet():
    boxes, labels = random_batch(6, counts=(5,))
    crowd = torch.zeros_like(labels, dtype=torch.bool)
    crowd[0, 2] = True
    targets = assign_targets(our_anchors(), boxes, labels, crowd=crowd)
    logits, deltas = random_maps(6, 1)
    ours = detection_loss(
        flatten_maps(logits, CLASSES), flatten_maps(deltas, 4), targets, LossSettings()
    )
    sides = [256 // 2**level for level in range(3, 8)]
    counts = [side * side * 9 for side in sides]
    classes = [
        part.reshape(1, side, side, 9)
        for part, side in zip(targets.labels.split(counts, 1), sides, strict=True)
    ]
    boxes_ = [
        part.reshape(1, side, side, 36)
        for part, side in zip(targets.deltas.split(counts, 1), sides, strict=True)
    ]
    theirs = loss_fn(
        logits, deltas, classes, boxes_, targets.positives, CLASSES, 0.25, 1.5, 0.1, 50.0
    )
    torch.testing.assert_close(ours.total, theirs[0], **CLOSE)
