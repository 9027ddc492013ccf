"""From a detector's maps to detections, in tensor operations of known rank that exporters trace.

A generated file's `detect` goes image by image and returns lists; what is here gives the same
detections of a whole batch as four tensors.
"""

import math
from types import ModuleType

import torch
from torch import Tensor, nn
from torchvision.ops import nms

DETECTIONS = ("boxes", "scores", "labels", "image")  # the outputs of `Detections`


class Detections(nn.Module):
    """A detector and its postprocessing.

    Anchors are constants if `image_size` (height, width) is given; else images may have any size of
    whole cells of the coarsest level, and anchors are computed.
    """

    def __init__(
        self,
        model: nn.Module,
        module: ModuleType,
        *,
        iou_threshold: float = 0.5,
        image_size: tuple[int, int] | None = None,
        score_threshold: float = 0.0,
        max_detections: int = 100,
        max_candidates: int = 5000,
    ) -> None:
        super().__init__()
        self.model = model
        self.module = module
        self.num_classes = int(model.num_classes)  # type: ignore[arg-type]
        self.iou_threshold = iou_threshold
        self.score_threshold = score_threshold
        self.max_detections = max_detections
        smallest = (module.SMALLEST_SIDE, module.SMALLEST_SIDE)
        self.max_candidates = max_candidates
        self.anchors: Tensor | None
        if image_size is None:
            # More than the smallest image has would make the number a matter of the size.
            self.max_candidates = min(max_candidates, len(make_anchors(module, smallest)))
            self.register_buffer("anchors", None)
        else:
            self.register_buffer("anchors", make_anchors(module, image_size))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Detections of normalized images [B, 3, H, W], image by image, the best of each first.

        Boxes [D, 4] float32 (x0, y0, x1, y1) in pixels of the input, scores [D] float32 in 0..1,
        labels [D] int64, and for each the index [D] int64 of its image in the batch. An image has
        `max_detections` at most, with scores of `score_threshold` or more.
        """
        class_maps, box_maps = self.model(images)
        height, width = images.shape[-2:]
        anchors = self.anchors
        if anchors is None:
            anchors = anchors_of_maps(self.module, class_maps)
        boxes, scores, labels = self.module.top_candidates(
            class_maps, box_maps, anchors, self.num_classes, (height, width), self.max_candidates
        )
        image, candidate = suppress(
            boxes, scores, labels, self.num_classes, self.iou_threshold, self.score_threshold
        )
        image, candidate = first_of_each(image, candidate, scores.shape[0], self.max_detections)
        return (
            boxes[image, candidate],
            scores[image, candidate],
            labels[image, candidate],
            image,
        )


class Segmentation(nn.Module):
    """A segmentation model that gives the class of every pixel."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Normalized images [B, 3, H, W] -> labels [B, H, W] int64."""
        labels: Tensor = self.model.segment(images)  # type: ignore[operator]
        return labels


def make_anchors(module: ModuleType, image_size: tuple[int, int]) -> Tensor:
    """The anchors [N, 4] of a generated file for images of a size (height, width) in pixels."""
    height, width = image_size
    sizes = [(-(-height // 2**level), -(-width // 2**level)) for level in module.LEVELS]
    anchors: Tensor = module.make_anchors(
        image_size, sizes, module.ANCHOR_SCALES, module.ANCHOR_OCTAVES, module.ANCHOR_ASPECTS
    )
    return anchors


def anchors_of_maps(module: ModuleType, maps: list[Tensor]) -> Tensor:
    """The anchors [N, 4] of `make_anchors`, from maps [B, C, H_l, W_l] whose sizes are symbols.

    Images consist of whole cells of every level.
    """
    octaves = module.ANCHOR_OCTAVES
    shapes = [(2 ** (i / octaves), w, h) for i in range(octaves) for w, h in module.ANCHOR_ASPECTS]
    levels = []
    for level, scale, map_of_level in zip(module.LEVELS, module.ANCHOR_SCALES, maps, strict=True):
        stride = 2**level
        half = torch.tensor(
            [(scale * stride * o * w / 2, scale * stride * o * h / 2) for o, w, h in shapes],
            dtype=torch.float64,
        )
        rows, columns = map_of_level.shape[-2:]
        y = ((torch.arange(rows) + 0.5) * stride).double()
        x = ((torch.arange(columns) + 0.5) * stride).double()
        centres = torch.stack(
            [x[None, :].expand(rows, columns), y[:, None].expand(rows, columns)], dim=-1
        )[:, :, None]
        boxes = torch.cat([centres - half, centres + half], dim=-1)
        levels.append(boxes.reshape(-1, 4))
    return torch.cat(levels).float()


def first_of_each(image: Tensor, candidate: Tensor, batch: int, most: int) -> tuple[Tensor, Tensor]:
    """The first `most` of every image, image by image, of pairs [D] in order of score."""
    belongs = image[:, None] == torch.arange(batch, device=image.device)
    rank = belongs.long().cumsum(0).gather(1, image[:, None])[:, 0] - 1
    few = rank < most
    slots = torch.full((batch * most,), -1, device=image.device)
    slots = slots.scatter(0, (image * most + rank)[few], candidate[few])
    taken = (slots >= 0).nonzero()[:, 0]
    return taken // most, slots[taken]


def suppress(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    num_classes: int,
    iou_threshold: float,
    score_threshold: float,
) -> tuple[Tensor, Tensor]:
    """Non-maximum suppression of candidates [B, C, ...], of all images and classes at once.

    Gives image and candidate [D] of those that stay, the best first. Boxes of each image and class
    are moved to a cell of their own: of a grid, since the end of a line would be too far out for
    float32 to tell boxes apart.
    """
    batch, count = scores.shape
    columns = math.isqrt(num_classes - 1) + 1
    rows = -(-num_classes // columns)
    image = torch.arange(batch, device=labels.device)[:, None].expand(batch, count)
    candidate = torch.arange(count, device=labels.device).expand(batch, count)
    column, row = labels % columns, image * rows + labels // columns
    cell = boxes.max() + 1
    moved = boxes + torch.stack([column, row, column, row], dim=-1) * cell
    if score_threshold > 0:
        likely = scores >= score_threshold
        image, candidate, moved, scores = (x[likely] for x in (image, candidate, moved, scores))
    else:
        image, candidate, moved, scores = (
            x.flatten(0, 1) for x in (image, candidate, moved, scores)
        )
    kept = nms(moved, scores, iou_threshold)
    return image[kept], candidate[kept]
