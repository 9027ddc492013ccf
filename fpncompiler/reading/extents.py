"""How wide each map of a program is, and how modules change the size of a map."""

from collections.abc import Mapping

from fpncompiler.reading.file import GeneratedFile
from fpncompiler.reading.program import Operation
from fpncompiler.reading.torch_modules import ACTIVATIONS
from fpncompiler.reading.values import Instance, Value

# Blocks that divide sizes as their parts do, one after another or side by side.
BLOCKS_LIKE_THEIR_PARTS = frozenset(
    """
    ActConv ActConvNorm Adapter Bottleneck C2f C3 ConvAct ConvNorm ConvNormAct ConvUnit CspRepStage
    CspStage FastNormalizedFusion FixedFusion GateFusion L2Norm Node PixelFastNormalizedFusion
    PixelSoftmaxFusion PixelWeightedFusion RepConv Residual SeparableConv2d SoftmaxFusion
    SpatialSoftmaxFusion WeightedFusion nn.Sequential
    """.split()
)
# Functions that divide sizes by their `stride`, rounding up.
DIVIDING = frozenset(
    "avg_pool downsample_bilinear max_pool_exact max_pool_same max_pool_symmetric".split()
)
# Functions whose result has the size of the map that is their `like`.
SIZED_LIKE = frozenset("crop_like upsample_bilinear upsample_nearest".split())


def widths(file: GeneratedFile) -> list[int | None]:
    """The channels of each map of the file's program; None where they are not known."""
    assert file.program is not None
    found: list[int | None] = []
    levels = _levels(file)
    for operation in file.program.operations:
        found.append(_width(operation, found, levels, file.modules))
    return found


def _levels(file: GeneratedFile) -> dict[str, int]:
    levels = file.constants.get("BACKBONE_LEVELS")
    names = [str(level) for level in levels] if isinstance(levels, tuple) else []
    return dict(zip(names, file.channels, strict=False))


def _width(
    operation: Operation,
    found: list[int | None],
    levels: Mapping[str, int],
    modules: Mapping[str, Instance],
) -> int | None:
    if operation.kind == "given":
        return levels.get(operation.name)
    arriving = [found[index] for index in operation.inputs]
    if operation.kind == "module":
        return width_after(modules[operation.name], arriving[0])
    if operation.name == "torch.cat":
        known = [width for width in arriving if width is not None]
        return sum(known) if len(known) == len(arriving) else None
    return arriving[0]


def width_after(module: Instance, width: int | None) -> int | None:
    """The channels that a module gives, by the names of what it was constructed with."""
    for name in ("outputs", "out_channels"):
        if isinstance(given := module.given.get(name), int):
            return given
    if module.opaque:
        return None
    if module.kind == "nn.Sequential":
        for part in module.children.values():
            width = width_after(part, width)
        return width
    for name in ("predict", "conv"):
        if name in module.children:
            return width_after(module.children[name], width)
    return width


def division(module: Instance) -> int | None:
    """By what a module divides the sides of a map, rounding up; None where that is not so."""
    if module.opaque:
        return None
    match module.torch_kind or module.kind:
        case "nn.Conv2d":
            return _of_convolution(module.settings)
        case "nn.MaxPool2d" | "nn.AvgPool2d":
            return _of_pool(module.settings)
        case "nn.BatchNorm2d" | "nn.Dropout" | "nn.GroupNorm":
            return 1
        case kind if kind in ACTIVATIONS:
            return 1
    if module.kind not in BLOCKS_LIKE_THEIR_PARTS:
        return None
    total = 1
    for part in module.children.values():
        own = division(part)
        if own is None:
            return None
        total *= own
    return total


def _of_convolution(settings: Mapping[str, Value]) -> int | None:
    kernel, padding, stride, dilation = (
        settings.get(name) for name in ("kernel_size", "padding", "stride", "dilation")
    )
    if not isinstance(kernel, int) or not isinstance(stride, int) or dilation != 1:
        return None
    return stride if kernel % 2 and padding == kernel // 2 else None


def _of_pool(settings: Mapping[str, Value]) -> int | None:
    kernel, padding = settings.get("kernel_size"), settings.get("padding")
    stride = settings.get("stride") or kernel
    if not isinstance(kernel, int) or not isinstance(stride, int):
        return None
    if kernel == stride and padding == 0 and settings.get("ceil_mode") is True:
        return stride
    return stride if kernel % 2 and padding == kernel // 2 and not settings["ceil_mode"] else None
