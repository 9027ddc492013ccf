"""Photos in, pictures with boxes out."""

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import draw_bounding_boxes

GREY = 128  # around images in their frames, in training as in prediction


def letterbox(photo: Tensor, size: tuple[int, int]) -> tuple[Tensor, float]:
    """Scale a photo into a frame, its aspect kept, at the upper left; the rest is mid-grey.

    Args:
        photo: uint8 [3, h, w].
        size: height and width of the frame in pixels.

    Returns:
        uint8 [3, *size], and the factor from the photo's pixels to the frame's.
    """
    height, width = photo.shape[-2:]
    scale = min(size[0] / height, size[1] / width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    frame = torch.full((3, *size), GREY, dtype=torch.uint8)
    resized = F.interpolate(photo[None], inner, mode="bilinear", antialias=True)[0]
    frame[:, : inner[0], : inner[1]] = resized
    return frame, scale


def draw_boxes(
    photo: Tensor, boxes: Tensor, captions: Sequence[str], note: str = ""
) -> Image.Image:
    """A photo uint8 [3, H, W] with boxes [D, 4] (x0, y0, x1, y1) in its pixels, and captions.

    A `note` stands at the lower left, on a dark ground.
    """
    if len(boxes):
        photo = draw_bounding_boxes(photo, boxes, list(captions), width=2, colors="orange")
    picture: Image.Image = to_pil_image(photo)
    if note:
        draw = ImageDraw.Draw(picture)
        place = (4, picture.height - 16)
        draw.rectangle(draw.textbbox(place, note), fill="black")
        draw.text(place, note, fill="white")
    return picture
