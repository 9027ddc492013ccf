import pytest
import torch
from effdet.soft_nms import soft_nms

from fpncompiler.evaluation.detecting import Detecting, detect, soften
from tests.evaluation.tiny import tiny_detector


@pytest.fixture(scope="module")
def detector():
    return tiny_detector()


def images(count=2, seed=0):
    return torch.randn(count, 3, 128, 160, generator=torch.Generator().manual_seed(seed))


def candidates(seed, count=400, classes=3):
    random = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=random) * 60
    boxes = torch.cat([corner, corner + torch.rand(count, 2, generator=random) * 40], -1)
    boxes[::50, 2] = boxes[::50, 0]  # of no area
    scores = torch.rand(count, generator=random) ** 3
    labels = torch.randint(classes, (count,), generator=random)
    return boxes, scores, labels


def softened_by_effdet(boxes, scores, labels, most):
    """effdet's, a class at a time; the best of all classes first."""
    rows = []
    for label in labels.unique():
        of_class = (labels == label).nonzero()[:, 0]
        kept, given = soft_nms(boxes[of_class], scores[of_class], True, 0.5, 0.3, 0.001)
        rows += [(s, int(of_class[i])) for i, s in zip(kept.tolist(), given.tolist(), strict=True)]
    rows.sort(reverse=True)
    return [i for _, i in rows[:most]], [s for s, _ in rows[:most]]


@pytest.mark.parametrize("iou", [0.3, 0.5])
def test_hard_suppression_equals_that_of_the_generated_model(detector, iou):
    settings = Detecting(iou_threshold=iou, score_threshold=0.02, max_detections=50)
    ours = detect(detector, images(), settings)
    theirs = detector.model.detect(
        images(), iou_threshold=iou, score_threshold=0.02, max_detections=50
    )
    assert min(len(each["scores"]) for each in ours) > 0
    for one, other in zip(ours, theirs, strict=True):
        assert {key: value.tolist() for key, value in one.items()} == {
            key: value.tolist() for key, value in other.items()
        }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [7, 100, 1000])
def test_soft_suppression_equals_effdets(seed, most):
    both = [candidates(seed), candidates(seed + 100)]
    batch = [torch.stack(each) for each in zip(*both, strict=True)]
    found = soften(*batch, Detecting(nms="soft", max_detections=most))
    for one, (boxes, scores, labels) in zip(found, both, strict=True):
        kept, given = softened_by_effdet(boxes, scores, labels, most)
        assert one["boxes"].equal(boxes[kept])
        assert one["labels"].equal(labels[kept])
        torch.testing.assert_close(one["scores"], torch.tensor(given), rtol=1e-6, atol=0)


def test_soft_suppression_finds_what_hard_suppression_hides():
    boxes = torch.tensor([[[0.0, 0, 10, 10], [1, 0, 11, 10]]])
    scores, labels = torch.tensor([[0.9, 0.8]]), torch.zeros(1, 2, dtype=torch.int64)
    [found] = soften(boxes, scores, labels, Detecting(nms="soft"))
    assert found["scores"].tolist() == pytest.approx(
        [0.9, 0.8 * 2.718281828 ** (-2 * (9 / 11) ** 2)]
    )


@pytest.mark.parametrize("nms", ["hard", "soft"])
def test_nothing_is_found_above_a_high_threshold(detector, nms):
    for found in detect(detector, images(), Detecting(nms=nms, score_threshold=1.0)):
        assert [value.shape[0] for value in found.values()] == [0, 0, 0]


@pytest.mark.parametrize("nms", ["hard", "soft"])
def test_scores_fall_and_boxes_lie_inside(detector, nms):
    for found in detect(detector, images(), Detecting(nms=nms)):
        assert (found["scores"].diff() <= 0).all()
        assert found["boxes"].min() >= 0
        assert found["boxes"][:, 0::2].max() <= 160
        assert found["boxes"][:, 1::2].max() <= 128


@pytest.mark.parametrize("nms", ["hard", "soft"])
def test_model_that_gives_no_numbers_finds_nothing(nms):
    broken = tiny_detector()
    with torch.no_grad():
        for weight in broken.model.class_head.parameters():
            weight.fill_(float("nan"))
    found = detect(broken, images(), Detecting(nms=nms))
    assert [len(each["scores"]) for each in found] == [0, 0]
