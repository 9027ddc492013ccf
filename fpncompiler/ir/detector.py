"""What a detector has besides its feature network: backbone, heads, anchors."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

from fpncompiler.diagnostics import Span
from fpncompiler.ir.ops import Activation, Norm

HeadKind = Literal["detection", "segmentation"]
HEAD_KINDS: tuple[str, ...] = get_args(HeadKind)


@dataclass(frozen=True, slots=True)
class BackboneChoice:
    """A timm backbone; `channels` only where the spec states them, level -> channels."""

    name: str
    drop_path_rate: float
    channels: dict[int, int]
    taps: dict[int, int]
    span: Span | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Heads:
    """The class and box heads, which share their form but no weights (paper section 4).

    A segmentation has one head instead, on one level (section 5.2). `levels` are those that the
    network gives them; `width` is theirs, that of the network if None; `bias` is that of
    convolutions before a norm.
    """

    kind: HeadKind
    width: int | None
    depth: int
    separable: bool
    activation: Activation
    classes: int
    prior: float
    levels: tuple[int, ...] | None
    bias: bool
    norm: Norm
    span: Span | None = field(default=None, repr=False, compare=False)

    @property
    def segments(self) -> bool:
        """Whether it is a head for segmentation."""
        return self.kind == "segmentation"

    def read(self, available: Iterable[int]) -> tuple[int, ...]:
        """The levels that they read: all if none are named, or the finest for a segmentation."""
        found = tuple(sorted(available))
        return self.levels or (found[:1] if self.segments else found)

    def common_width(self, widths: Iterable[int]) -> int:
        """The width that the heads work at: their own, or the narrowest of the maps'."""
        return self.width or min(widths)


@dataclass(frozen=True, slots=True)
class Anchors:
    """Anchor boxes of a cell: base size = scale x stride x 2**(octave / octaves)."""

    scales: tuple[float, ...]
    octaves: int
    aspects: tuple[tuple[float, float], ...]
    span: Span | None = field(default=None, repr=False, compare=False)

    @property
    def per_cell(self) -> int:
        """The number of anchors of a cell."""
        return self.octaves * len(self.aspects)


@dataclass(frozen=True, slots=True)
class Model:
    """Everything of a detector that is not its topology."""

    name: str
    title: str
    variant: str
    source: str
    phi: int
    backbone: BackboneChoice
    resolution: tuple[int, int]
    heads: Heads
    anchors: Anchors
    mean: tuple[float, ...]
    std: tuple[float, ...]
