"""Detections scored by pycocotools: COCO's twelve figures, figures and curves of each class."""

import contextlib
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fpncompiler.datasets.model import DataSet
from fpncompiler.evaluation.detecting import Found
from fpncompiler.evaluation.reading import Skipped

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
CURVES = {0.5: 0, 0.75: 5}  # IoU -> its index among the ten thresholds 0.5, 0.55, ... 0.95
RECALLS = tuple(round(i / 100, 2) for i in range(101))


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Figures of one class in 0..1; None where the data set has no box of it."""

    name: str
    boxes: int  # labels, crowds left out
    detections: int
    ap: float | None
    ap50: float | None
    ar100: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The precision of one class at each of RECALLS, the best at this recall or beyond it."""

    name: str
    iou: float
    precision: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good the detections of a data set are; figures that mean nothing there are None.

    Images that could not be read are `skipped`: they count in no figure.
    """

    figures: Mapping[str, float | None]  # FIGURES, in this order
    classes: tuple[ClassScore, ...]
    curves: tuple[Curve, ...]
    images: int
    boxes: int
    detections: int
    skipped: tuple[Skipped, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return asdict(replace(self, figures=dict(self.figures)))


def score(
    found: Mapping[int, Found], dataset: DataSet, skipped: tuple[Skipped, ...] = ()
) -> Evaluation:
    """Score detections, given by image id, in pixels of the images, labels those of the data set.

    An image without an entry has no detections. Areas are those of boxes, where COCO takes those
    of its masks. pycocotools counts an image's best 100 detections of each class.
    """
    truth = _labels(dataset)
    guesses = _detections(found, dataset)
    evaluated = _evaluated(truth, guesses, dataset)
    return Evaluation(
        figures=dict.fromkeys(FIGURES) if evaluated is None else _figures(evaluated),
        classes=_class_scores(truth, guesses, dataset, evaluated),
        curves=() if evaluated is None else _curves(dataset, evaluated),
        images=len(dataset.items),
        boxes=sum(not each["iscrowd"] for each in truth),
        detections=len(guesses),
        skipped=skipped,
    )


def _labels(dataset: DataSet) -> list[dict[str, Any]]:
    return [
        _annotation(item.image_id, label, (x0, y0, x1 - x0, y1 - y0), iscrowd=int(crowd))
        for item in dataset.items
        for (x0, y0, x1, y1), label, crowd in zip(item.boxes, item.labels, item.crowd, strict=True)
    ]


def _detections(found: Mapping[int, Found], dataset: DataSet) -> list[dict[str, Any]]:
    here = {item.image_id for item in dataset.items}
    guesses = []
    for image, each in found.items():
        rows = zip(
            each["boxes"].tolist(), each["scores"].tolist(), each["labels"].tolist(), strict=True
        )
        for (x0, y0, x1, y1), confidence, label in rows if image in here else ():
            box = (x0, y0, x1 - x0, y1 - y0)
            guesses.append({**_annotation(image, label, box), "score": confidence})
    return guesses


def _annotation(
    image: int, label: int, box: tuple[float, float, float, float], iscrowd: int = 0
) -> dict[str, Any]:
    area = box[2] * box[3]
    return {
        "image_id": image,
        "category_id": label,
        "bbox": [*box],
        "area": area,
        "iscrowd": iscrowd,
    }


def _evaluated(
    truth: list[dict[str, Any]], guesses: list[dict[str, Any]], dataset: DataSet
) -> COCOeval | None:
    """None where there is nothing that could be found."""
    if not dataset.items or not dataset.classes:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        evaluated = COCOeval(_indexed(truth, dataset), _indexed(guesses, dataset), "bbox")
        evaluated.evaluate()
        evaluated.accumulate()
        evaluated.summarize()
    return evaluated


def _indexed(annotations: list[dict[str, Any]], dataset: DataSet) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": item.image_id} for item in dataset.items],
        "categories": [{"id": i, "name": name} for i, name in enumerate(dataset.classes)],
        "annotations": [  # from 1, for pycocotools takes 0 for unmatched
            {**each, "id": number} for number, each in enumerate(annotations, start=1)
        ],
    }
    coco.createIndex()
    return coco


def _figures(evaluated: COCOeval) -> dict[str, float | None]:
    return {
        name: None if value < 0 else float(value)
        for name, value in zip(FIGURES, evaluated.stats, strict=True)
    }


def _class_scores(
    truth: list[dict[str, Any]],
    guesses: list[dict[str, Any]],
    dataset: DataSet,
    evaluated: COCOeval | None,
) -> tuple[ClassScore, ...]:
    boxes, given = [0] * len(dataset.classes), [0] * len(dataset.classes)
    for each in truth:
        boxes[each["category_id"]] += not each["iscrowd"]
    for each in guesses:
        given[each["category_id"]] += 1
    if evaluated is None:
        return tuple(
            ClassScore(name, 0, count, None, None, None)
            for name, count in zip(dataset.classes, given, strict=True)
        )
    # [IoU, recall, class, area, most detections] and [IoU, class, area, most detections]; the first
    # area is all, the last number of detections 100
    precision = evaluated.eval["precision"][..., 0, -1]
    recall = evaluated.eval["recall"][..., 0, -1]
    return tuple(
        ClassScore(
            name,
            boxes[k],
            given[k],
            _mean(precision[..., k]),
            _mean(precision[0, :, k]),
            _mean(recall[:, k]),
        )
        for k, name in enumerate(dataset.classes)
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if known.size else None


def _curves(dataset: DataSet, evaluated: COCOeval) -> tuple[Curve, ...]:
    precision = evaluated.eval["precision"][..., 0, -1]
    return tuple(
        Curve(name, iou, tuple(float(value) for value in precision[index, :, k]))
        for k, name in enumerate(dataset.classes)
        for iou, index in CURVES.items()
        if (precision[index, :, k] > -1).all()
    )
