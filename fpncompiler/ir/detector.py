"""What a detector has besides its feature network: backbone, heads, anchors."""

from dataclasses import dataclass, field

from fpncompiler.diagnostics import Span
from fpncompiler.ir.ops import Activation, Norm


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

    `levels` are those that they read, all if None; `bias` is that of convolutions before a norm.
    """

    depth: int
    separable: bool
    activation: Activation
    classes: int
    prior: float
    levels: tuple[int, ...] | None
    bias: bool
    norm: Norm
    span: Span | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Anchors:
    """Anchor boxes of a cell: base size = scale x stride x 2**(octave / octaves)."""

    scales: tuple[float, ...]
    octaves: int
    aspects: tuple[tuple[float, float], ...]

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
