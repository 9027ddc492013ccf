from torch import Tensor
from torch.nn import functional as F


def upsample_nearest(x: Tensor, like: Tensor) -> Tensor:
    """Resize [B, C, h, w] to the H, W of `like` by nearest neighbour."""
    return F.interpolate(x, size=like.shape[-2:], mode="nearest")


def upsample_bilinear(x: Tensor, like: Tensor) -> Tensor:
    """Resize [B, C, h, w] to the H, W of `like` by bilinear interpolation."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def upsample_nearest_by(x: Tensor, factor: int) -> Tensor:
    """Resize [B, C, H, W] to `factor` times H and W by nearest neighbour."""
    return F.interpolate(x, scale_factor=float(factor), mode="nearest")


def upsample_bilinear_by(x: Tensor, factor: int) -> Tensor:
    """Resize [B, C, H, W] to `factor` times H and W by bilinear interpolation."""
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def crop_like(x: Tensor, like: Tensor) -> Tensor:
    """The first cells of [B, C, h, w], as many as the H, W of `like`."""
    height, width = like.shape[-2:]
    return x[..., :height, :width]


def downsample_bilinear(x: Tensor, stride: int = 2) -> Tensor:
    """Resize [B, C, H, W] to ceil(H / stride), ceil(W / stride), without antialiasing."""
    size = [-(-side // stride) for side in x.shape[-2:]]
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def max_pool_same(x: Tensor, stride: int = 2) -> Tensor:
    """Max-pool [B, C, H, W] with TensorFlow's SAME padding, to ceil(H / stride), ceil(W / stride).

    The kernel is `stride + 1`, the stride 2 or more.
    """
    # SAME pads a side by -side % stride + 1 in all, the smaller half in front, and ceil_mode
    # supplies the part behind without a copy.
    height, width = x.shape[-2:]
    front = ((-height % stride + 1) // 2, (-width % stride + 1) // 2)
    return F.max_pool2d(x, stride + 1, stride, padding=front, ceil_mode=True)


def max_pool_symmetric(x: Tensor, stride: int = 2) -> Tensor:
    """Max-pool [B, C, H, W] with padding on both sides, to ceil(H / stride), ceil(W / stride).

    The kernel is `stride + 1`, the stride even.
    """
    return F.max_pool2d(x, stride + 1, stride, padding=stride // 2)


def max_pool_exact(x: Tensor, stride: int = 2) -> Tensor:
    """Max-pool [B, C, H, W] without overlap, to ceil(H / stride), ceil(W / stride)."""
    return F.max_pool2d(x, stride, stride, ceil_mode=True)


def avg_pool(x: Tensor, stride: int = 2) -> Tensor:
    """Average [B, C, H, W] without overlap, to ceil(H / stride), ceil(W / stride).

    The last windows are means of the cells that there are.
    """
    return F.avg_pool2d(x, stride, stride, ceil_mode=True, count_include_pad=False)
