"""What is in a split: how many boxes of which class, and how large they are."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fpncompiler.datasets.model import DataSet

SMALL, MEDIUM = 32, 96  # COCO's limits: sides of a square as large as the box, in pixels


@dataclass(frozen=True, slots=True)
class Range:
    """The spread of a figure; zeros where there is nothing."""

    low: float
    median: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How often a class comes."""

    name: str
    boxes: int
    images: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of a split; lengths are pixels of the images, as they lie on the disk."""

    images: int
    without_labels: int
    boxes: int
    crowds: int
    classes: tuple[ClassCount, ...]
    small: int
    medium: int
    large: int
    boxes_an_image: Range
    box_width: Range
    box_height: Range
    aspect: Range  # width / height
    image_width: Range
    image_height: Range


def statistics_of(dataset: DataSet) -> Statistics:
    """The figures of a split."""
    items = dataset.items
    boxes = [box for item in items for box in item.boxes]
    widths = [x1 - x0 for x0, _, x1, _ in boxes]
    heights = [y1 - y0 for _, y0, _, y1 in boxes]
    sides = [math.sqrt(width * height) for width, height in zip(widths, heights, strict=True)]
    small, below = sum(side < SMALL for side in sides), sum(side < MEDIUM for side in sides)
    return Statistics(
        images=len(items),
        without_labels=sum(not item.boxes for item in items),
        boxes=len(boxes),
        crowds=sum(sum(item.crowd) for item in items),
        classes=_classes(dataset),
        small=small,
        medium=below - small,
        large=len(sides) - below,
        boxes_an_image=_range([len(item.boxes) for item in items]),
        box_width=_range(widths),
        box_height=_range(heights),
        aspect=_range([width / height for width, height in zip(widths, heights, strict=True)]),
        image_width=_range([item.width for item in items]),
        image_height=_range([item.height for item in items]),
    )


def _classes(dataset: DataSet) -> tuple[ClassCount, ...]:
    boxes = Counter(label for item in dataset.items for label in item.labels)
    images = Counter(label for item in dataset.items for label in {*item.labels})
    return tuple(ClassCount(n, boxes[i], images[i]) for i, n in enumerate(dataset.classes))


def _range(values: Sequence[float]) -> Range:
    if not values:
        return Range(0, 0, 0, 0)
    return Range(min(values), statistics.median(values), statistics.fmean(values), max(values))
