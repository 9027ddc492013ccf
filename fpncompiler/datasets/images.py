"""Images as tensors."""

from pathlib import Path

import torch
from torch import Tensor

from fpncompiler.datasets.decoding import FORMATS, ImageError, decode

__all__ = ["FORMATS", "ImageError", "read_image"]


def read_image(path: Path) -> Tensor:
    """An image as uint8 [3, H, W], red, green, blue, turned as its EXIF orientation says.

    Raises:
        ImageError: the file is missing, truncated, no image, or has too many pixels, which is
            seen before it is decoded.
    """
    picture = decode(path)
    flat = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return flat.view(picture.height, picture.width, 3).permute(2, 0, 1).contiguous()
