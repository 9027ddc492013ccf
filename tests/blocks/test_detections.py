import pytest
import torch
from effdet.anchors import Anchors, generate_detections
from effdet.bench import _post_process
from torchvision.ops import nms

from fpncompiler.blocks.anchors import decode_boxes, make_anchors
from fpncompiler.blocks.detections import (
    clip_boxes,
    flatten_map,
    select_detections,
    take_anchors,
    top_candidates,
)

SIZE = (128, 192)
CLASSES = 5
RATIOS = [(1.0, 1.0), (1.4, 0.7), (0.7, 1.4)]
FEATURE_SIZES = [(16, 24), (8, 12), (4, 6), (2, 3), (1, 2)]


def random_outputs(seed):
    """Head outputs whose scores and boxes spread like those of a trained model."""
    torch.manual_seed(seed)
    logits = [torch.randn(2, 9 * CLASSES, h, w) * 2 - 4.6 for h, w in FEATURE_SIZES]
    deltas = [torch.randn(2, 9 * 4, h, w) * 0.3 for h, w in FEATURE_SIZES]
    return logits, deltas


def anchors():
    return make_anchors(SIZE, FEATURE_SIZES, [4.0] * 5, 3, RATIOS)


def detections(logits, deltas, anchors, classes, size=SIZE, most=5000, **limits):
    """The detections of each image, from maps."""
    found = top_candidates(logits, deltas, anchors, classes, size, most)
    return [select_detections(*each, **limits) for each in zip(*found, strict=True)]


def detections_of_one(logits, deltas, anchors, size=(32, 32), **limits):
    """The detections of anchors in a row, from [N, classes] and [N, 4]."""
    maps = [x.T.reshape(1, x.shape[1], len(x), 1) for x in (logits, deltas)]
    return detections(maps[:1], maps[1:], anchors, logits.shape[1], size, **limits)[0]


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_detections_equal_those_of_effdet(seed, channels_last):
    logits, deltas = random_outputs(seed)
    scores, boxes, indices, classes = _post_process(logits, deltas, 5, CLASSES)
    size = torch.tensor([SIZE[1], SIZE[0]])
    if channels_last:
        logits, deltas = (
            [x.contiguous(memory_format=torch.channels_last) for x in maps]
            for maps in (logits, deltas)
        )
    found = detections(logits, deltas, anchors(), CLASSES)
    for i in range(2):
        expected = generate_detections(
            scores[i], boxes[i], Anchors(3, 7, 3, RATIOS, 4.0, SIZE).boxes,
            indices[i], classes[i], torch.tensor(1.0), size,
        )  # fmt: skip
        got_boxes, got_scores, got_labels = found[i]
        assert torch.equal(got_boxes, expected[:, :4])
        assert torch.equal(got_scores, expected[:, 4])
        assert torch.equal(got_labels, expected[:, 5].long() - 1)


@pytest.mark.parametrize("most", [1, 7, 300, 5000, 10**6])
def test_candidates_are_the_best_pairs_of_all(most):
    logits, deltas = random_outputs(4)
    count = sum(x.numel() for x in logits)
    every = iter(torch.randperm(count).float().div(9000).split([x.numel() for x in logits]))
    logits = [next(every).view(x.shape) for x in logits]  # no two alike
    boxes, scores, labels = top_candidates(logits, deltas, anchors(), CLASSES, SIZE, most)
    flat = torch.cat([flatten_map(x, CLASSES) for x in logits], 1).flatten(1)
    best, pairs = flat.topk(min(most, flat.shape[1]))
    assert torch.equal(scores, best.sigmoid())
    assert torch.equal(labels, pairs % CLASSES)
    flat = torch.cat([flatten_map(x, 4) for x in deltas], 1)
    for i in range(2):
        whole = decode_boxes(flat[i], anchors())[pairs[i] // CLASSES]
        assert torch.equal(boxes[i], clip_boxes(whole, SIZE))


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.9])
def test_growing_prefixes_give_what_all_candidates_give(overlap):
    torch.manual_seed(0)
    centres = torch.rand(3000, 2) * 40  # crowded, so that many prefixes are needed
    boxes = torch.cat([centres, centres + 20 + torch.rand(3000, 2)], 1)
    scores = torch.rand(3000).sort(descending=True).values
    labels = torch.randint(90, (3000,))
    kept = torch.cat(
        [(labels == c).nonzero()[:, 0][nms(boxes[labels == c], scores[labels == c], overlap)]
         for c in range(90)]
    ).sort().values[:300]  # fmt: skip
    assert len(kept) > 20
    got = select_detections(boxes, scores, labels, 300, overlap)
    assert torch.equal(got[0], boxes[kept])
    assert torch.equal(got[2], labels[kept])


def test_maps_are_flattened_level_by_level_and_anchor_by_anchor():
    maps = [torch.arange(12).reshape(1, 6, 1, 2), torch.arange(100, 106).reshape(1, 6, 1, 1)]
    flat = torch.cat([flatten_map(x, 3) for x in maps], 1)
    assert flat.tolist() == [
        [[0, 2, 4], [6, 8, 10], [1, 3, 5], [7, 9, 11], [100, 101, 102], [103, 104, 105]]
    ]
    assert torch.equal(take_anchors(maps, 3, torch.tensor([[5, 0, 3]])), flat[:, [5, 0, 3]])


BOX = torch.tensor([[8.0, 8.0, 24.0, 24.0]])


def test_overlapping_boxes_suppress_each_other_within_a_class_only():
    logits = torch.tensor([[3.0, -9.0], [2.0, -9.0], [-9.0, 1.0]])
    _, scores, labels = detections_of_one(
        logits, torch.zeros(3, 4), BOX.repeat(3, 1), score_threshold=0.1
    )
    torch.testing.assert_close(scores, torch.tensor([3.0, 1.0]).sigmoid())
    assert labels.tolist() == [0, 1]
    assert labels.dtype == torch.int64


def test_boxes_are_clipped_to_the_image():
    boxes, _, _ = detections_of_one(
        torch.ones(1, 1), torch.zeros(1, 4), torch.tensor([[-5.0, -6.0, 50.0, 60.0]]), (20, 30)
    )
    assert boxes.tolist() == [[0, 0, 30, 20]]


def test_limits_hold():
    logits, deltas = random_outputs(0)
    maps = logits, deltas, anchors(), CLASSES
    assert [len(found[0]) for found in detections(*maps, max_detections=7)] == [7, 7]
    assert all(len(found[0]) <= 3 for found in detections(*maps, most=3))


def test_no_candidates_give_no_detections():
    boxes, scores, labels = detections_of_one(
        torch.zeros(1, 2), torch.zeros(1, 4), BOX, score_threshold=0.9
    )
    assert (boxes.shape, scores.shape, labels.shape) == ((0, 4), (0,), (0,))
    assert labels.dtype == torch.int64


def test_half_precision_outputs_are_decoded_in_single_precision():
    boxes, scores, _ = detections_of_one(
        torch.ones(1, 1).bfloat16(), torch.zeros(1, 4).bfloat16(), BOX
    )
    assert (boxes.dtype, scores.dtype) == (torch.float32, torch.float32)
