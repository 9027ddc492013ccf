"""Which maps the next step may write into, since nothing else reads them."""

from typing import assert_never

from fpncompiler.ir.ops import (
    Activate,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Fuse,
    Pool,
    Resample,
    Step,
    Unary,
    Upsample,
)
from fpncompiler.kinds import BLOCKS_PACKAGE
from fpncompiler.plugins import fusion_kinds


def can_be_overwritten(step: Step) -> bool:
    """Whether a step makes a new map that its gradient does not need, so that the next may use it.

    The gradients of some activations are computed from what they gave.
    """
    match step:
        case Convolution():
            return step.order[-1] != "act"
        case Adapt() | Pool() | Upsample() | Downsample():
            return True
        case Block() | Activate() | Resample():
            return False
        case _:
            assert_never(step)


def fusion_makes_new(op: Fuse | Unary, arity: int) -> bool:
    """Whether a node's fusion makes a map that its gradient does not need; plug-ins' may not."""
    if isinstance(op, Unary):
        return False
    if op.fusion.is_module:
        return fusion_kinds()[op.fusion.kind].source.startswith(f"{BLOCKS_PACKAGE}.")
    return op.fusion.weighs or arity > 1
