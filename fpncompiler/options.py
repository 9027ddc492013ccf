"""What a command chooses, beside the spec."""

from dataclasses import dataclass

from fpncompiler.spec.reading import Levels


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line chooses; the same choice gives the same bytes."""

    phi: int | None = None
    variant: str | None = None
    model: str | None = None
    backbone: str | None = None
    classes: int | None = None
    levels: Levels | None = None
    formula_scaling: bool = False
    pretrained_backbone: bool = False
    inference: bool = False
    name: str | None = None
