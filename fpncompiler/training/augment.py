"""Images and their boxes, changed at random so that few serve as many.

Flips, quarter turns and colours are `torchvision.transforms.v2`; the scale jitter is EfficientDet's
(section 5.1; google/automl `dataloader.py`): an image is resized by a random factor of its frame,
and cut or padded to it.
"""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as transform
from torchvision.tv_tensors import BoundingBoxes, Image

from fpncompiler.detection.pictures import GREY
from fpncompiler.training.recipe import Recipe

LEAST_SIDE = 1.0  # pixels of the frame


@dataclass(frozen=True, slots=True)
class Sample:
    """An image uint8 [3, H, W]; boxes [n, 4] float32 (x0, y0, x1, y1), labels [n], crowd [n]."""

    image: Tensor
    boxes: Tensor
    labels: Tensor
    crowd: Tensor

    def keep(self, mask: Tensor) -> "Sample":
        """With these boxes alone."""
        return replace(
            self, boxes=self.boxes[mask], labels=self.labels[mask], crowd=self.crowd[mask]
        )


def augment(sample: Sample, frame: tuple[int, int], recipe: Recipe) -> Sample:
    """A random variant in a frame of (height, width); torch's generator decides."""
    image = Image(sample.image)
    boxes = BoundingBoxes(sample.boxes, format="XYXY", canvas_size=sample.image.shape[-2:])
    image, boxes = _turns(recipe)(image, boxes)
    turned = replace(
        sample, image=image.as_subclass(Tensor), boxes=boxes.as_subclass(Tensor).reshape(-1, 4)
    )
    scale = recipe.scale_min + (recipe.scale_max - recipe.scale_min) * _uniform()
    placed = place(turned, frame, scale, recipe.least_visible)
    if _uniform() < recipe.colour:
        return replace(placed, image=_colours()(placed.image))
    return placed


def place(
    sample: Sample, frame: tuple[int, int], scale: float, least_visible: float = 0.0
) -> Sample:
    """Resize to `scale` times what fits a frame, and cut a random part of that size out of it.

    Boxes of which less than `least_visible` is left are dropped.
    """
    height, width = sample.image.shape[-2:]
    factor = scale * min(frame[0] / height, frame[1] / width)
    inner = max(1, round(height * factor)), max(1, round(width * factor))
    image = transform.resize(sample.image, [*inner], antialias=True)
    top, left = (int(max(0, inner[i] - frame[i]) * _uniform()) for i in (0, 1))
    image = image[:, top : top + frame[0], left : left + frame[1]]
    seen = image.shape[-2:]
    image = transform.pad(image, [0, 0, frame[1] - seen[1], frame[0] - seen[0]], fill=[GREY] * 3)
    stretch = torch.tensor([inner[1] / width, inner[0] / height] * 2)
    moved = sample.boxes * stretch - torch.tensor([left, top, left, top])
    limits = torch.tensor([seen[1], seen[0]] * 2)
    clipped = torch.minimum(moved.clamp(min=0), limits)
    visible = _areas(clipped) >= least_visible * _areas(moved)
    large = (clipped[:, 2:] - clipped[:, :2] >= LEAST_SIDE).all(1)
    return replace(sample, image=image.contiguous(), boxes=clipped).keep(visible & large)


def _turns(recipe: Recipe) -> v2.Transform:
    parts: list[v2.Transform] = [
        v2.RandomHorizontalFlip(recipe.horizontal_flip),
        v2.RandomVerticalFlip(recipe.vertical_flip),
    ]
    if _uniform() < recipe.quarter_turn:
        parts.append(v2.Lambda(partial(_quarter_turned), Image, BoundingBoxes))
    return v2.Compose(parts)


def _quarter_turned(x: Tensor) -> Tensor:
    turned: Tensor = transform.rotate(x, 90, expand=True)
    return turned


def _colours() -> v2.Transform:
    return v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.03)


def _uniform() -> float:
    return float(torch.rand(()))


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
