"""Detections as COCO's results format: a list that pycocotools' `loadRes` reads."""

from collections.abc import Mapping, Sequence
from typing import Any

from fpncompiler.evaluation.detecting import Found


def results_of(found: Mapping[int, Found], category_ids: Sequence[int]) -> list[dict[str, Any]]:
    """An entry a detection: image_id, category_id, bbox [x, y, width, height] and score."""
    return [
        {"image_id": image, **each}
        for image, detections in found.items()
        for each in entries(detections, category_ids)
    ]


def entries(found: Found, category_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The detections of one image: category_id, bbox in pixels to a hundredth, score."""
    rows = zip(
        found["boxes"].tolist(), found["scores"].tolist(), found["labels"].tolist(), strict=True
    )
    return [
        {
            "category_id": category_ids[label],
            "bbox": [round(value, 2) for value in (x0, y0, x1 - x0, y1 - y0)],
            "score": round(score, 5),
        }
        for (x0, y0, x1, y1), score, label in rows
    ]
