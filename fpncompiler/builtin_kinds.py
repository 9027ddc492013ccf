"""The built-in blocks and fusions, and what each costs.

Costs are trainable parameters, and MACs of convolutions per cell of the input map.
"""

from collections.abc import Mapping
from typing import NamedTuple

from fpncompiler import builtin_memory as memory
from fpncompiler.kinds import BlockKind, FusionKind, Option, Value

STAGES = "fpncompiler.blocks.stages"
UPSAMPLING = "fpncompiler.blocks.upsampling"
FUSION = "fpncompiler.blocks.fusion"

DEPTH = Option(1, 1, 64)
EXPANSION = Option(0.5, 1 / 16, 4)
SHORTCUT = Option(False)

Options = Mapping[str, Value]


class Cost(NamedTuple):
    """Trainable parameters, and MACs per cell of the input map."""

    parameters: int
    macs: int

    def plus(self, *others: "Cost") -> "Cost":
        """The sum."""
        return Cost(*map(sum, zip(self, *others, strict=True)))

    def times(self, count: int) -> "Cost":
        """The cost of `count` of them."""
        return Cost(self.parameters * count, self.macs * count)


def unit(in_channels: int, out_channels: int, kernel: int = 1) -> Cost:
    """A convolution without bias, and a batch norm."""
    weights = kernel**2 * in_channels * out_channels
    return Cost(weights + 2 * out_channels, weights)


def biased(in_channels: int, out_channels: int, kernel: int = 1) -> Cost:
    """A convolution with bias."""
    weights = kernel**2 * in_channels * out_channels
    return Cost(weights + out_channels, weights)


def hidden(channels: int, options: Options) -> int:
    """The channels inside a stage."""
    return max(1, int(channels * float(options["expansion"])))


def depth(options: Options) -> int:
    """How many units a stage repeats."""
    return int(options["depth"])


def c2f(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What C2f costs."""
    inner, count = hidden(out_channels, options), depth(options)
    chain = unit(inner, inner, 3).times(2 * count)
    return unit(in_channels, 2 * inner).plus(chain, unit((2 + count) * inner, out_channels))


def c3(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What C3 costs."""
    inner = hidden(out_channels, options)
    chain = unit(inner, inner, 1).plus(unit(inner, inner, 3)).times(depth(options))
    return unit(in_channels, inner).times(2).plus(chain, unit(2 * inner, out_channels))


def csp_stage(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What CspStage costs."""
    inner = hidden(out_channels, options)
    chain = unit(inner, inner, 3).times(2 * depth(options))
    return unit(in_channels, inner).times(2).plus(chain, unit(2 * inner, out_channels))


def csp_rep(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What CspRepStage costs."""
    inner = hidden(out_channels, options)
    chain = rep_conv(inner, inner, {}).times(depth(options))
    last = unit(inner, out_channels) if inner != out_channels else Cost(0, 0)
    return unit(in_channels, inner).times(2).plus(chain, last)


def rep_conv(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What RepConv costs."""
    return unit(in_channels, out_channels, 3).plus(unit(in_channels, out_channels, 1))


def residual(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What Residual costs."""
    inner = hidden(in_channels, options)
    return unit(in_channels, inner).plus(unit(inner, out_channels, 3)).times(depth(options))


def l2_norm(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What L2Norm costs."""
    return Cost(in_channels, 0)


def deconvolution(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What Deconvolution costs."""
    return biased(in_channels, out_channels, 2)


def pixel_shuffle(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What PixelShuffle costs."""
    return biased(in_channels, 4 * out_channels)


def carafe(in_channels: int, out_channels: int, options: Options) -> Cost:
    """What Carafe costs."""
    inner, kernel = int(options["hidden"]), int(options["kernel"])
    return biased(in_channels, inner).plus(biased(inner, 4 * kernel**2, 3))


def gate(arity: int, channels: int, options: Options) -> Cost:
    """What GateFusion costs."""
    return Cost(0, 0)


def spatial_softmax(arity: int, channels: int, options: Options) -> Cost:
    """What SpatialSoftmaxFusion costs."""
    inner = int(options["hidden"])
    return unit(channels, inner).times(arity).plus(biased(arity * inner, arity))


BLOCKS = (
    BlockKind(
        "c2f",
        "C2f",
        STAGES,
        {"depth": DEPTH, "shortcut": SHORTCUT, "expansion": EXPANSION},
        c2f,
        styled=True,
        memory=memory.c2f,
    ),
    BlockKind(
        "c3",
        "C3",
        STAGES,
        {"depth": DEPTH, "shortcut": SHORTCUT, "expansion": EXPANSION},
        c3,
        styled=True,
        memory=memory.c3,
    ),
    BlockKind(
        "csp_stage",
        "CspStage",
        STAGES,
        {"depth": DEPTH, "expansion": EXPANSION},
        csp_stage,
        styled=True,
        memory=memory.csp_stage,
    ),
    BlockKind(
        "csp_rep",
        "CspRepStage",
        STAGES,
        {"depth": Option(3, 1, 64), "expansion": Option(1.0, 1 / 16, 4)},
        csp_rep,
        styled=True,
        memory=memory.csp_rep,
    ),
    BlockKind("rep_conv", "RepConv", STAGES, {}, rep_conv, styled=True, memory=memory.rep_conv),
    BlockKind(
        "residual",
        "Residual",
        STAGES,
        {"depth": DEPTH, "expansion": EXPANSION},
        residual,
        keeps_width=True,
        styled=True,
        memory=memory.residual,
    ),
    BlockKind(
        "l2_norm",
        "L2Norm",
        STAGES,
        {"scale": Option(20.0, 0.001, 1000.0)},
        l2_norm,
        keeps_width=True,
        memory=memory.l2_norm,
    ),
    BlockKind(
        "deconv",
        "Deconvolution",
        UPSAMPLING,
        {},
        deconvolution,
        keeps_width=True,
        levels=-1,
        memory=memory.deconvolution,
    ),
    BlockKind(
        "pixel_shuffle",
        "PixelShuffle",
        UPSAMPLING,
        {},
        pixel_shuffle,
        keeps_width=True,
        levels=-1,
        memory=memory.pixel_shuffle,
    ),
    BlockKind(
        "carafe",
        "Carafe",
        UPSAMPLING,
        {"kernel": Option(5, 1, 15), "hidden": Option(64, 1, 8192)},
        carafe,
        keeps_width=True,
        levels=-1,
        memory=memory.carafe,
    ),
)

FUSIONS = (
    FusionKind(
        "gate",
        "GateFusion",
        FUSION,
        {
            "by": Option("last", choices=("first", "last")),
            "pool": Option("max", choices=("max", "avg")),
        },
        gate,
        takes=(),
        arity=(2, 2),
        memory=memory.gate,
    ),
    FusionKind(
        "spatial_softmax",
        "SpatialSoftmaxFusion",
        FUSION,
        {"hidden": Option(16, 1, 8192)},
        spatial_softmax,
        styled=True,
        memory=memory.spatial_softmax,
    ),
)
