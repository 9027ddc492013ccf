"""Boxes as what the box head predicts: offsets and sizes relative to anchors."""

import torch
from torch import Tensor

EPSILON = 1e-7  # added to all sides, as effdet does (`box_coder.py`)


def encode_boxes(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Boxes [..., N, 4] against anchors [N, 4], both (x0, y0, x1, y1) -> deltas [..., N, 4].

    Deltas are (ty, tx, th, tw), what generated files' `decode_boxes` takes back to boxes (Faster
    R-CNN, section 3.1.2, without scale factors; effdet `FasterRcnnBoxCoder`).
    """
    x, y, width, height = _centres(boxes)
    anchor_x, anchor_y, anchor_width, anchor_height = _centres(anchors)
    width, height = width + EPSILON, height + EPSILON
    anchor_width, anchor_height = anchor_width + EPSILON, anchor_height + EPSILON
    return torch.stack(
        [
            (y - anchor_y) / anchor_height,
            (x - anchor_x) / anchor_width,
            torch.log(height / anchor_height),
            torch.log(width / anchor_width),
        ],
        dim=-1,
    )


def _centres(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x0, y0, x1, y1 = boxes.unbind(-1)
    width, height = x1 - x0, y1 - y0
    return x0 + width / 2, y0 + height / 2, width, height
