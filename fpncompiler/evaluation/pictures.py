"""Labels and predictions side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from fpncompiler.codegen.files import put_file
from fpncompiler.datasets.images import ImageError, read_image
from fpncompiler.datasets.model import DataSet, Item
from fpncompiler.detection.labelling import Label, beside, encoded, labelled
from fpncompiler.evaluation.detecting import Found

LONG_SIDE = 800  # pixels, of each of the two
LEAST = 0.3  # score of a prediction that is drawn
MOST = 50
LONGEST_NAME = 100


def write_pictures(
    folder: Path,
    dataset: DataSet,
    found: Mapping[int, Found],
    *,
    most: int = MOST,
    least: float = LEAST,
) -> list[Path]:
    """Write a JPEG for each of the first images that have been evaluated: labels, predictions.

    Args:
        found: detections by image id, as `evaluate` gives them.
        most: images at most.
        least: score of a prediction that is shown.

    Raises:
        WriteRefusedError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for item in [item for item in dataset.items if item.image_id in found][:most]:
        file = folder / f"{item.file.stem[:LONGEST_NAME]}-{item.image_id}.jpg"
        try:
            photo = read_image(item.file)
        except ImageError:  # gone since it was evaluated
            continue
        data = comparison(photo, item, found[item.image_id], dataset.classes, least)
        put_file(file, data, replace=True)
        files.append(file)
    return files


def comparison(
    photo: Tensor, item: Item, found: Found, classes: Sequence[str], least: float = LEAST
) -> bytes:
    """A JPEG of a photo uint8 [3, H, W]: its labels at the left, predictions at the right."""
    scaled, scale = fitted(photo)
    true = [
        Label(_scaled(box, scale), classes[label] + " (crowd)" * crowd, label)
        for box, label, crowd in zip(item.boxes, item.labels, item.crowd, strict=True)
    ]
    guessed = labels_of(found, classes, least, scale)
    titles = (
        f"{item.file.name}: {len(true)} labels",
        f"{len(guessed)} predictions, score {least:g} or more",
    )
    return encoded(beside([labelled(scaled, true), labelled(scaled, guessed)], titles))


def labels_of(
    found: Found, classes: Sequence[str], least: float = 0.0, scale: float = 1.0
) -> list[Label]:
    """Detections of some score as labels, with class and score, in pixels times `scale`."""
    rows = zip(
        found["boxes"].tolist(), found["scores"].tolist(), found["labels"].tolist(), strict=True
    )
    return [
        Label(_scaled(box, scale), f"{classes[label]} {score:.2f}", label)
        for box, score, label in rows
        if score >= least
    ]


def fitted(photo: Tensor, side: int = LONG_SIDE) -> tuple[Tensor, float]:
    """A photo uint8 [3, H, W] scaled to a long side in pixels, and the factor."""
    height, width = photo.shape[-2:]
    scale = side / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    resized = F.interpolate(photo[None].float(), size, mode="bilinear", antialias=True)[0]
    return resized.round().clamp(0, 255).to(torch.uint8), scale


def _scaled(box: Sequence[float], scale: float) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (value * scale for value in box)
    return x0, y0, x1, y1
