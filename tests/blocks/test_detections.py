import pytest
import torch
from effdet.anchors import Anchors, generate_detections
from effdet.bench import _post_process

from fpncompiler.blocks.anchors import make_anchors
from fpncompiler.blocks.detections import flatten_maps, select_detections

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


@pytest.mark.parametrize("seed", range(3))
def test_detections_equal_those_of_effdet(seed):
    logits, deltas = random_outputs(seed)
    scores, boxes, indices, classes = _post_process(logits, deltas, 5, CLASSES)
    size = torch.tensor([SIZE[1], SIZE[0]])
    for i in range(2):
        expected = generate_detections(
            scores[i], boxes[i], Anchors(3, 7, 3, RATIOS, 4.0, SIZE).boxes,
            indices[i], classes[i], torch.tensor(1.0), size,
        )  # fmt: skip
        got_boxes, got_scores, got_labels = select_detections(
            flatten_maps(logits, CLASSES)[i], flatten_maps(deltas, 4)[i], anchors(), SIZE
        )
        assert torch.equal(got_boxes, expected[:, :4])
        assert torch.equal(got_scores, expected[:, 4])
        assert torch.equal(got_labels, expected[:, 5].long() - 1)


def test_maps_are_flattened_level_by_level_and_anchor_by_anchor():
    maps = [torch.arange(12).reshape(1, 6, 1, 2), torch.arange(100, 106).reshape(1, 6, 1, 1)]
    assert flatten_maps(maps, 3).tolist() == [
        [[0, 2, 4], [6, 8, 10], [1, 3, 5], [7, 9, 11], [100, 101, 102], [103, 104, 105]]
    ]


BOX = torch.tensor([[8.0, 8.0, 24.0, 24.0]])


def test_overlapping_boxes_suppress_each_other_within_a_class_only():
    logits = torch.tensor([[3.0, -9.0], [2.0, -9.0], [-9.0, 1.0]])
    _, scores, labels = select_detections(
        logits, torch.zeros(3, 4), BOX.repeat(3, 1), (32, 32), score_threshold=0.1
    )
    torch.testing.assert_close(scores, torch.tensor([3.0, 1.0]).sigmoid())
    assert labels.tolist() == [0, 1]
    assert labels.dtype == torch.int64


def test_boxes_are_clipped_to_the_image():
    boxes, _, _ = select_detections(
        torch.ones(1, 1), torch.zeros(1, 4), torch.tensor([[-5.0, -6.0, 50.0, 60.0]]), (20, 30)
    )
    assert boxes.tolist() == [[0, 0, 30, 20]]


def test_limits_hold():
    logits, deltas = random_outputs(0)
    flat = flatten_maps(logits, CLASSES)[0], flatten_maps(deltas, 4)[0]
    assert len(select_detections(*flat, anchors(), SIZE, max_detections=7)[0]) == 7
    assert len(select_detections(*flat, anchors(), SIZE, max_candidates=3)[0]) <= 3


@pytest.mark.parametrize(
    ("logits", "threshold"), [(torch.zeros(0, 2), 0.0), (torch.zeros(1, 2), 0.9)]
)
def test_no_candidates_give_no_detections(logits, threshold):
    n = len(logits)
    boxes, scores, labels = select_detections(
        logits, torch.zeros(n, 4), BOX[:n], (32, 32), score_threshold=threshold
    )
    assert (boxes.shape, scores.shape, labels.shape) == ((0, 4), (0,), (0,))
    assert labels.dtype == torch.int64


def test_half_precision_outputs_are_decoded_in_single_precision():
    boxes, scores, _ = select_detections(
        torch.ones(1, 1).bfloat16(), torch.zeros(1, 4).bfloat16(), BOX, (32, 32)
    )
    assert (boxes.dtype, scores.dtype) == (torch.float32, torch.float32)
