"""What a node computes, and what an edge does on the way. Ops know shapes, never Python text.

edge:  source --step--step--> slot i of a node      steps: convolution, pool, block, resampling, ...
node:  inputs -> fusion --step--step--> map
"""

from dataclasses import dataclass
from typing import Literal, assert_never, get_args

from fpncompiler.kinds import Value

Granularity = Literal["scalar", "channel", "pixel"]
ConvKind = Literal["separable", "full", "depthwise"]
Part = Literal["act", "conv", "norm"]
Activation = Literal[
    "silu", "relu", "relu6", "leaky_relu", "hard_swish", "mish", "gelu", "sigmoid", "identity"
]
UpMode = Literal["nearest", "bilinear"]
DownMode = Literal["max_pool", "avg_pool", "bilinear"]
PoolKind = Literal["max", "avg"]
Padding = Literal["same", "symmetric", "none"]
Sharing = Literal["per_edge", "per_source_level", "per_source"]

# Fusions that the generated code writes out; others are modules with a `FusionKind` of their own.
WEIGHTED_FUSIONS = ("weighted", "softmax", "fast_normalized")
PLAIN_FUSIONS = ("sum", "concat", "max", "mean")
GRANULARITIES: tuple[str, ...] = get_args(Granularity)
CONV_KINDS: tuple[str, ...] = get_args(ConvKind)
PARTS: tuple[str, ...] = get_args(Part)
ACTIVATIONS: tuple[str, ...] = get_args(Activation)
UP_MODES: tuple[str, ...] = get_args(UpMode)
DOWN_MODES: tuple[str, ...] = get_args(DownMode)
POOL_KINDS: tuple[str, ...] = get_args(PoolKind)
PADDINGS: tuple[str, ...] = get_args(Padding)
SHARINGS: tuple[str, ...] = get_args(Sharing)


@dataclass(frozen=True, slots=True)
class Norm:
    """Constants of a batch norm; `momentum` in PyTorch's sense, the share of the new batch."""

    eps: float
    momentum: float


@dataclass(frozen=True, slots=True)
class Styled:
    """What a block or a fusion module takes from the network's style.

    With `folded`, its batch norms are part of its convolutions.
    """

    activation: Activation
    norm: Norm
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the inputs of a node become one map (paper section 3.3).

    `granularity` is what one weight covers: an input, a channel of it, or a pixel of it. `eps`
    belongs to fast_normalized alone, `options` and `style` to fusions that are modules. `fixed`
    weights are learned no more.
    """

    kind: str = "sum"
    granularity: Granularity = "scalar"
    eps: float = 1e-4
    options: tuple[tuple[str, Value], ...] = ()
    style: Styled | None = None
    fixed: bool = False

    @property
    def weighs(self) -> bool:
        """Whether it has one learned weight an input, channel or pixel."""
        return self.kind in WEIGHTED_FUSIONS

    @property
    def is_module(self) -> bool:
        """Whether it is a module that a `FusionKind` describes."""
        return not self.weighs and self.kind not in PLAIN_FUSIONS

    @property
    def concatenates(self) -> bool:
        """Whether it takes inputs of any width, and yields the sum of their widths."""
        return self.kind == "concat"


@dataclass(frozen=True, slots=True)
class Convolution:
    """The parts in `order`, among them exactly one `conv`; to `width` channels, or as many as come.

    `valid` convolutions have no padding. The map has kernel - 1 cells less a side, which counts
    as one level coarser (SSD's last maps).
    """

    kind: ConvKind
    kernel: int
    order: tuple[Part, ...]
    activation: Activation
    bias: bool
    norm: Norm
    stride: int = 1
    width: int | None = None
    valid: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool with a kernel of its own: odd, or equal to its stride. Sizes are rounded up."""

    kind: PoolKind
    kernel: int
    stride: int


@dataclass(frozen=True, slots=True)
class Activate:
    """An activation alone."""

    activation: Activation


@dataclass(frozen=True, slots=True)
class Block:
    """A module that a `BlockKind` describes; to `width` channels, or as many as come.

    `levels` is -1 where it doubles the map's height and width.
    """

    kind: str
    width: int | None
    options: tuple[tuple[str, Value], ...]
    style: Styled | None
    levels: int = 0


@dataclass(frozen=True, slots=True)
class Adapt:
    """A 1x1 convolution to another width, with a batch norm unless `norm` is None."""

    width: int
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


@dataclass(frozen=True, slots=True)
class Resample:
    """The place, within the steps of an edge, of the resampling that the edge needs."""


Step = Convolution | Pool | Activate | Block | Adapt | Upsample | Downsample | Resample


@dataclass(frozen=True, slots=True)
class Resampling:
    """How maps change their level on the edges into a node; a learned way is a step a level."""

    up: UpMode | Block
    down: DownMode | Convolution
    padding: Padding


@dataclass(frozen=True, slots=True)
class Adapting:
    """How maps change their width on the edges into a node: 1x1 convolution, batch norm.

    `sharing` says which edges have one such convolution in common.
    """

    norm: Norm | None
    bias: bool
    sharing: Sharing = "per_edge"


@dataclass(frozen=True, slots=True)
class Input:
    """A map that the layer is given: its own input, or the backbone's feature in every layer."""

    level: int
    width: int
    source: Literal["in", "backbone"] = "in"


@dataclass(frozen=True, slots=True)
class Fuse:
    """A node whose family declares two inputs or more; `keep` exempts it from pruning.

    Its inputs have `fuse_width` channels, or any number where that is None. `width` is what it
    yields; 0 until the widths of the layer's inputs are known. Nodes of one `share` have their
    steps in common. `nested` nodes stand for a fusion within the inputs of another.
    """

    level: int
    width: int
    fusion: Fusion
    steps: tuple[Step, ...]
    resampling: Resampling
    adapting: Adapting
    fuse_width: int | None = None
    keep: bool = False
    share: str = ""
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Unary:
    """A node whose family declares one input: a lateral, an output convolution. Never pruned."""

    level: int
    width: int
    steps: tuple[Step, ...]
    resampling: Resampling
    adapting: Adapting
    fuse_width: int | None = None
    share: str = ""


Op = Input | Fuse | Unary


def step_levels(step: Step) -> int:
    """How many levels coarser a map is after a step; negative if finer."""
    match step:
        case Convolution():
            return step.stride.bit_length() - 1 + step.valid
        case Pool():
            return step.stride.bit_length() - 1
        case Block() | Downsample():
            return step.levels
        case Upsample():
            return -step.levels
        case Activate() | Adapt() | Resample():
            return 0
        case _:
            assert_never(step)


def step_width(step: Step, width: int) -> int:
    """How many channels a map of `width` channels has after a step."""
    match step:
        case Convolution() | Block():
            return width if step.width is None else step.width
        case Adapt():
            return step.width
        case Pool() | Activate() | Upsample() | Downsample() | Resample():
            return width
        case _:
            assert_never(step)


def levels_of(steps: tuple[Step, ...]) -> int:
    """How many levels coarser a map is after some steps."""
    return sum(step_levels(step) for step in steps)


def width_after(steps: tuple[Step, ...], width: int) -> int:
    """How many channels a map of `width` channels has after some steps."""
    for step in steps:
        width = step_width(step, width)
    return width


def sets_width(steps: tuple[Step, ...]) -> bool:
    """Whether the steps lead to the same width whatever comes."""
    return width_after(steps, 0) != 0


def adapter_node(level: int, step: Adapt) -> Unary:
    """A node that brings a map to another width for several readers; it takes the map as it is."""
    as_it_is = Resampling("nearest", "max_pool", "same")
    return Unary(level, step.width, (step,), as_it_is, Adapting(None, bias=False))


def is_adapter(op: Fuse | Unary) -> bool:
    """Whether a node is such an adapter and nothing else."""
    match op:
        case Unary(steps=(Adapt() as step,)):
            return op == adapter_node(op.level, step)
        case _:
            return False


def entry_level(op: Fuse | Unary) -> int:
    """The level at which a node's inputs arrive, before its own steps."""
    return op.level - levels_of(op.steps)
