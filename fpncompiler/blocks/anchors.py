from collections.abc import Sequence

import torch
from torch import Tensor


def make_anchors(
    image_size: tuple[int, int],
    feature_sizes: Sequence[tuple[int, int]],
    scales: Sequence[float],
    octaves: int,
    aspect_ratios: Sequence[tuple[float, float]],
) -> Tensor:
    """Boxes [N, 4] float32, (x0, y0, x1, y1) in pixels of the input image, not clipped to it.

    Sizes are (height, width); `feature_sizes` and `scales` have an entry a level. Every cell of a
    level centres boxes of side `scale * stride * 2 ** (octave / octaves)`, its width and height
    times each aspect ratio's (w, h). Order, as in effdet: level, row, column, octave, ratio.
    """
    shapes = [(2 ** (i / octaves), w, h) for i in range(octaves) for w, h in aspect_ratios]
    levels = []
    for (rows, columns), scale in zip(feature_sizes, scales, strict=True):
        # Not 2**level where the image's side is no multiple of it.
        stride_y, stride_x = image_size[0] / rows, image_size[1] / columns
        half = cpu_float64(
            [(scale * stride_x * o * w / 2, scale * stride_y * o * h / 2) for o, w, h in shapes]
        )
        y = cpu_float64([(row + 0.5) * stride_y for row in range(rows)])
        x = cpu_float64([(column + 0.5) * stride_x for column in range(columns)])
        centres = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[:, :, None]
        boxes = torch.cat([centres - half, centres + half], dim=-1)  # [rows, columns, shapes, 4]
        levels.append(boxes.reshape(-1, 4))
    return torch.cat(levels).float()


def cpu_float64(values: Sequence[float] | Sequence[tuple[float, float]]) -> Tensor:
    """A tensor in double precision, which not every accelerator has."""
    return torch.tensor(values, dtype=torch.float64, device="cpu")


def decode_boxes(deltas: Tensor, anchors: Tensor) -> Tensor:
    """Apply deltas [..., 4] (ty, tx, th, tw) to anchors [..., 4], giving boxes [..., 4].

    Anchors and boxes are (x0, y0, x1, y1) in pixels. Centres move by t times the anchor's side, and
    sides grow by exp(t) (Faster R-CNN, section 3.1.2; the order is EfficientDet's).
    """
    ty, tx, th, tw = deltas.unbind(-1)
    x0, y0, x1, y1 = anchors.unbind(-1)
    width, height = x1 - x0, y1 - y0
    x = tx * width + (x0 + x1) / 2
    y = ty * height + (y0 + y1) / 2
    half_width, half_height = tw.exp() * width / 2, th.exp() * height / 2
    return torch.stack([x - half_width, y - half_height, x + half_width, y + half_height], dim=-1)
