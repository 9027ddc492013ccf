import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fpncompiler.datasets.model import DataSet, Item
from fpncompiler.evaluation.coco import FIGURES, score

CLASSES = ("cell", "tree", "car")


def random_boxes(random, count):
    corner = torch.rand(count, 2, generator=random) * 150
    side = torch.rand(count, 2, generator=random) * 120 + 5
    return torch.cat([corner, corner + side], -1)


def random_dataset(seed=0, images=12):
    random = torch.Generator().manual_seed(seed)
    items = []
    for number in range(images):
        boxes = random_boxes(random, number % 5)
        labels = torch.randint(2, (len(boxes),), generator=random).tolist()  # no car
        crowd = tuple(i == 3 for i in range(len(boxes)))
        rows = tuple(tuple(box) for box in boxes.tolist())
        items.append(Item(7 * number, Path(f"{number}.jpg"), 300, 300, rows, tuple(labels), crowd))
    return DataSet("random", "val", CLASSES, (3, 5, 9), tuple(items))


def guesses(dataset, seed=1):
    """Labels, moved a little, and as many boxes that mean nothing."""
    random = torch.Generator().manual_seed(seed)
    found = {}
    for item in dataset.items:
        true = torch.tensor(item.boxes).reshape(-1, 4)
        moved = true + torch.randn(true.shape, generator=random) * 4
        boxes = torch.cat([moved, random_boxes(random, 6)])
        labels = torch.cat(
            [torch.tensor(item.labels).long(), torch.randint(3, (6,), generator=random)]
        )
        scores = torch.rand(len(boxes), generator=random).sort(descending=True).values
        found[item.image_id] = {"boxes": boxes, "scores": scores, "labels": labels}
    return found


def perfect(dataset):
    return {
        item.image_id: {
            "boxes": torch.tensor(item.boxes).reshape(-1, 4),
            "scores": torch.linspace(0.9, 0.5, len(item.boxes)),
            "labels": torch.tensor(item.labels, dtype=torch.int64),
        }
        for item in dataset.items
    }


def by_pycocotools(dataset, found, folder):
    """The twelve figures by files, as pycocotools is used elsewhere."""
    truth = [
        {
            "id": number,
            "image_id": item.image_id,
            "category_id": dataset.category_ids[label],
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (x1 - x0) * (y1 - y0),
            "iscrowd": int(crowd),
        }
        for number, (item, (x0, y0, x1, y1), label, crowd) in enumerate(
            (
                (item, *row)
                for item in dataset.items
                for row in zip(item.boxes, item.labels, item.crowd, strict=True)
            ),
            start=1,
        )
    ]
    given = [
        {
            "image_id": image,
            "category_id": dataset.category_ids[label],
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "score": confidence,
        }
        for image, each in found.items()
        for (x0, y0, x1, y1), confidence, label in zip(
            each["boxes"].tolist(), each["scores"].tolist(), each["labels"].tolist(), strict=True
        )
    ]
    text = {
        "images": [{"id": item.image_id} for item in dataset.items],
        "categories": [{"id": i, "name": str(i)} for i in dataset.category_ids],
        "annotations": truth,
    }
    (folder / "truth.json").write_text(json.dumps(text))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(folder / "truth.json")
        evaluated = COCOeval(coco, coco.loadRes(given), "bbox")
        evaluated.evaluate()
        evaluated.accumulate()
        evaluated.summarize()
    return evaluated


@pytest.mark.parametrize("seed", range(3))
def test_figures_equal_those_of_pycocotools(seed, tmp_path, capsys):
    dataset = random_dataset(seed)
    found = guesses(dataset, seed + 10)
    theirs = by_pycocotools(dataset, found, tmp_path)
    ours = score(found, dataset)
    assert [*ours.figures] == [*FIGURES]
    expected = [None if x < 0 else pytest.approx(x) for x in theirs.stats]
    assert [*ours.figures.values()] == expected
    assert 0 < ours.figures["AP"] < 1
    assert capsys.readouterr() == ("", "")


def test_figures_of_a_class_are_those_of_the_class_alone(tmp_path):
    dataset = random_dataset()
    found = guesses(dataset)
    whole = by_pycocotools(dataset, found, tmp_path)
    for k, of_class in enumerate(score(found, dataset).classes[:2]):
        whole.params.catIds = [dataset.category_ids[k]]
        with contextlib.redirect_stdout(io.StringIO()):
            whole.evaluate()
            whole.accumulate()
            whole.summarize()
        expected = pytest.approx([whole.stats[0], whole.stats[1], whole.stats[8]])
        assert [of_class.ap, of_class.ap50, of_class.ar100] == expected


def test_perfect_detections_score_one():
    dataset = random_dataset()
    evaluation = score(perfect(dataset), dataset)
    known = {name: value for name, value in evaluation.figures.items() if value is not None}
    assert [known[name] for name in sorted(known.keys() - {"AR1", "AR10"})] == pytest.approx(
        [1] * 10
    )
    for each in evaluation.classes[:2]:
        assert (each.ap, each.ap50, each.ar100) == pytest.approx((1, 1, 1))
    for curve in evaluation.curves:
        assert curve.precision == pytest.approx([1] * 101)


def test_class_without_labels_has_no_figures():
    evaluation = score(guesses(random_dataset()), random_dataset())
    car = evaluation.classes[2]
    assert (car.name, car.boxes, car.ap, car.ap50, car.ar100) == ("car", 0, None, None, None)
    assert car.detections > 0
    assert {curve.name for curve in evaluation.curves} == {"cell", "tree"}
    assert {curve.iou for curve in evaluation.curves} == {0.5, 0.75}
    assert {len(curve.precision) for curve in evaluation.curves} == {101}


@pytest.mark.parametrize("found", [{}, {0: None}], ids=["no entries", "empty entries"])
def test_no_detections_score_zero(found):
    dataset = random_dataset()
    nothing = {
        "boxes": torch.zeros(0, 4),
        "scores": torch.zeros(0),
        "labels": torch.zeros(0, dtype=torch.int64),
    }
    evaluation = score(dict.fromkeys(found, nothing), dataset)
    assert evaluation.figures["AP"] == 0
    assert evaluation.classes[0].ap == 0
    assert evaluation.detections == 0


@pytest.mark.parametrize("classes", [CLASSES, ()])
def test_empty_data_set_has_no_figures(classes):
    evaluation = score({}, DataSet("empty", "val", classes, tuple(range(len(classes))), ()))
    assert set(evaluation.figures.values()) == {None}
    assert [each.name for each in evaluation.classes] == [*classes]
    assert (evaluation.images, evaluation.boxes, evaluation.curves) == (0, 0, ())


def test_images_without_labels_have_no_figures():
    items = tuple(replace(item, boxes=(), labels=(), crowd=()) for item in random_dataset().items)
    evaluation = score(guesses(random_dataset()), replace(random_dataset(), items=items))
    assert set(evaluation.figures.values()) == {None}


def test_detections_inside_a_crowd_are_no_mistakes():
    item = Item(
        1, Path("1.jpg"), 300, 300, ((0, 0, 9, 9), (50, 50, 250, 250)), (0, 0), (False, True)
    )
    dataset = DataSet("crowd", "val", ("cell",), (1,), (item,))
    inside = torch.tensor([[60.0, 60, 90, 90], [100, 100, 130, 130], [0, 0, 9, 9]])
    labels = torch.zeros(3, dtype=torch.int64)
    found = {"boxes": inside, "scores": torch.tensor([0.9, 0.8, 0.7]), "labels": labels}
    evaluation = score({1: found}, dataset)
    assert evaluation.figures["AP"] == pytest.approx(1)
    assert evaluation.boxes == 1


def test_evaluation_is_json():
    dataset = random_dataset()
    document = json.loads(json.dumps(score(guesses(dataset), dataset).as_dict(), allow_nan=False))
    assert [*document["figures"]] == [*FIGURES]
    assert document["classes"][0]["name"] == "cell"
