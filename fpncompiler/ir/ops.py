"""What a node computes, and what an edge does on the way. Ops know shapes, never Python text.

edge:  source --[Adapt?]--[Downsample | Upsample?]--> slot i of a node
node:  inputs -> fusion -> convolution op
"""

from dataclasses import dataclass
from typing import Literal, get_args

FusionKind = Literal["sum", "weighted", "softmax", "fast_normalized"]
Granularity = Literal["scalar", "channel", "pixel"]
ConvKind = Literal["separable", "full"]
Step = Literal["act", "conv", "norm"]
Activation = Literal["silu", "relu", "relu6", "leaky_relu", "hard_swish", "mish", "gelu"]
UpMode = Literal["nearest", "bilinear"]
DownMode = Literal["max_pool", "bilinear"]
Padding = Literal["same", "symmetric"]

FUSION_KINDS: tuple[str, ...] = get_args(FusionKind)
GRANULARITIES: tuple[str, ...] = get_args(Granularity)
CONV_KINDS: tuple[str, ...] = get_args(ConvKind)
STEPS: tuple[str, ...] = get_args(Step)
ACTIVATIONS: tuple[str, ...] = get_args(Activation)
UP_MODES: tuple[str, ...] = get_args(UpMode)
DOWN_MODES: tuple[str, ...] = get_args(DownMode)
PADDINGS: tuple[str, ...] = get_args(Padding)


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the inputs of a node become one map (paper section 3.3).

    `granularity` is what one weight covers: an input, a channel of it, or a pixel of it.
    `eps` belongs to fast_normalized alone.
    """

    kind: FusionKind = "sum"
    granularity: Granularity = "scalar"
    eps: float = 1e-4


@dataclass(frozen=True, slots=True)
class Norm:
    """Constants of a batch norm; `momentum` in PyTorch's sense, the share of the new batch."""

    eps: float
    momentum: float


@dataclass(frozen=True, slots=True)
class Convolution:
    """What runs after a fusion: the steps in `order`, among them exactly one `conv`."""

    kind: ConvKind
    kernel: int
    order: tuple[Step, ...]
    activation: Activation
    bias: bool
    norm: Norm


@dataclass(frozen=True, slots=True)
class Resampling:
    """How maps change their level on the edges into a node."""

    up: UpMode
    down: DownMode
    padding: Padding


@dataclass(frozen=True, slots=True)
class Adapting:
    """How maps change their width on the edges into a node: 1x1 convolution, batch norm."""

    norm: Norm | None
    bias: bool


@dataclass(frozen=True, slots=True)
class Input:
    """A map that the layer is given: its own input, or the backbone's feature in every layer."""

    level: int
    width: int
    source: Literal["in", "backbone"] = "in"


@dataclass(frozen=True, slots=True)
class Fuse:
    """A node whose family declares two inputs or more; `keep` exempts it from pruning."""

    level: int
    width: int
    fusion: Fusion
    conv: Convolution | None
    resampling: Resampling
    adapting: Adapting
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Unary:
    """A node whose family declares one input: a lateral, an output convolution. Never pruned."""

    level: int
    width: int
    conv: Convolution | None
    resampling: Resampling
    adapting: Adapting


Op = Input | Fuse | Unary


@dataclass(frozen=True, slots=True)
class Adapt:
    """A 1x1 convolution between widths, with a batch norm unless `norm` is None."""

    in_width: int
    out_width: int
    norm: Norm | None
    bias: bool


@dataclass(frozen=True, slots=True)
class Upsample:
    """To the size of a level that is `levels` finer."""

    mode: UpMode
    levels: int


@dataclass(frozen=True, slots=True)
class Downsample:
    """To the size of a level that is `levels` coarser: ceil(size / 2**levels)."""

    mode: DownMode
    levels: int
    padding: Padding


EdgeOp = Adapt | Upsample | Downsample
