import torch
from torch import Tensor


def normalize_images(
    images: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Tensor:
    """Images [B, 3, H, W] or [3, H, W] -> [B, 3, H, W] float32, each channel (x - mean) / std.

    Images are uint8 in 0..255 or floating point in 0..1, as are `mean` and `std`. Raises ValueError
    for others.
    """
    if images.ndim not in (3, 4) or images.shape[-3] != 3:
        raise ValueError(f"images must be [B, 3, H, W] or [3, H, W], not {[*images.shape]}")
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ValueError(f"images must be uint8 or floating point, not {images.dtype}")
    x = images.float() if images.ndim == 4 else images.float()[None]
    if images.dtype == torch.uint8:
        x = x / 255
    center = torch.tensor(mean, device=x.device).view(3, 1, 1)
    scale = torch.tensor(std, device=x.device).view(3, 1, 1)
    return (x - center) / scale
