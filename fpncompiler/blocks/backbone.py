from collections.abc import Sequence

import timm
import torch
from torch import Tensor, nn


def find_taps(name: str, levels: tuple[int, ...]) -> tuple[int, ...]:
    """The `out_indices` at which the timm model gives features of stride 2**level.

    Raises ValueError where it has none.
    """
    with torch.device("meta"):
        info = timm.create_model(name, features_only=True).feature_info
    assert isinstance(info, timm.models.FeatureInfo)
    by_stride = dict(zip(info.reduction(), info.out_indices, strict=True))
    missing = [level for level in levels if 2**level not in by_stride]
    if missing:
        has = [level for level in range(max(by_stride).bit_length()) if 2**level in by_stride]
        raise ValueError(f"{name} lacks levels {missing} of {[*levels]}; it has {has}")
    return tuple(by_stride[2**level] for level in levels)


def create_backbone(
    name: str,
    levels: tuple[int, ...],
    pretrained: bool,
    taps: tuple[int, ...] | None = None,
    drop_path_rate: float = 0.0,
) -> nn.Module:
    """A timm model that maps images [B, 3, H, W] to a list of features, one a level.

    `taps` are timm's `out_indices`, and are found from the levels where they are None. Raises
    ValueError where the model lacks a level, RuntimeError where its weights cannot be had.
    """
    try:
        return timm.create_model(
            name,
            pretrained=pretrained,
            features_only=True,
            out_indices=taps if taps is not None else find_taps(name, levels),
            drop_path_rate=drop_path_rate or None,  # timm drops None: not every model takes it
        )
    except OSError as error:
        raise RuntimeError(
            f"cannot download the pretrained weights of {name}: "
            "pass pretrained_backbone=False, or load weights of your own"
        ) from error


def feature_channels(backbone: nn.Module) -> list[int]:
    """The channels of each feature that a backbone of `create_backbone` gives."""
    info = backbone.feature_info
    assert isinstance(info, timm.models.FeatureInfo)
    channels: list[int] = info.channels()
    return channels


def is_known(side: int) -> bool:
    """Whether an image's side is a plain number, and not a compiler's or a tracer's symbol."""
    return isinstance(side, int) and not torch.compiler.is_compiling()


def check_image_size(height: int, width: int, stride: int, multiple: int = 1) -> None:
    """Raise ValueError, naming the nearest size that works, where an image's does not.

    A side has `stride` pixels, that of the coarsest level, or more, and is a multiple of
    `multiple`, which a backbone that rounds down needs.
    """
    if not is_known(height):
        return
    near = [max(stride, round(side / multiple) * multiple) for side in (height, width)]
    if min(height, width) < stride or height % multiple or width % multiple:
        rule = f"{stride} pixels or more" + (
            f", in multiples of {multiple}" if multiple > 1 else ""
        )
        raise ValueError(
            f"an image of {height}x{width} pixels (height x width) does not fit: "
            f"sides have {rule}; the nearest size is {near[0]}x{near[1]}"
        )


def check_feature_sizes(
    features: Sequence[Tensor], image_size: tuple[int, int], levels: tuple[int, ...]
) -> None:
    """Raise ValueError where a feature [B, C, H, W] is not of size ceil(side / 2**level).

    Some backbones round down, so that their levels do not fit together. `image_size` is (height,
    width) in pixels.
    """
    height, width = image_size
    if not is_known(height):
        return
    for feature, level in zip(features, levels, strict=True):
        got = tuple(feature.shape[-2:])
        expected = (-(-height // 2**level), -(-width // 2**level))
        if got != expected and tuple(feature.shape[1:3]) == expected:
            raise ValueError("the backbone's maps are [B, H, W, C]: choose one with [B, C, H, W]")
        if got != expected:
            unit = 2 ** max(levels)
            if height % unit == width % unit == 0:
                raise ValueError(
                    f"the backbone's level {level} is {got[0]}x{got[1]}, not "
                    f"{expected[0]}x{expected[1]}: it does not halve its maps evenly; take another"
                )
            near = [max(1, round(side / unit)) * unit for side in image_size]
            raise ValueError(
                f"the backbone's level {level} is {got[0]}x{got[1]}, not "
                f"{expected[0]}x{expected[1]}, for an image of {height}x{width} pixels "
                f"(height x width): use multiples of {unit}, such as {near[0]}x{near[1]}"
            )
