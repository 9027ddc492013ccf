"""A block and a fusion for fpnc: what specs call them, their settings, their costs."""

from collections.abc import Mapping

from fpncompiler.plugins import BlockKind, FusionKind, Option, Value

SOURCE = "fpnc_shuffle.modules"


def shuffle_block(
    in_channels: int, out_channels: int, options: Mapping[str, Value]
) -> tuple[int, int]:
    """Trainable parameters, and MACs of convolutions per cell."""
    half = max(1, out_channels // 2)
    enter = in_channels * out_channels
    unit = 2 * half * half + 9 * half  # 1x1, depthwise 3x3, 1x1
    norms = 2 * out_channels + int(options["depth"]) * 3 * 2 * half
    macs = enter + int(options["depth"]) * unit
    return macs + norms, macs


def squeeze_fusion(arity: int, channels: int, options: Mapping[str, Value]) -> tuple[int, int]:
    """Trainable parameters, and MACs of convolutions per cell."""
    hidden = max(1, channels // int(options["reduction"]))
    macs = channels * hidden + hidden * arity * channels
    return macs + 2 * hidden + arity * channels, macs


KINDS = (
    BlockKind(
        name="shuffle_block",
        module="ShuffleBlock",
        source=SOURCE,
        options={"depth": Option(1, low=1, high=16)},
        cost=shuffle_block,
        styled=True,
    ),
    FusionKind(
        name="squeeze_fusion",
        module="SqueezeFusion",
        source=SOURCE,
        options={"reduction": Option(4, low=1, high=64)},
        cost=squeeze_fusion,
        styled=True,
    ),
)
