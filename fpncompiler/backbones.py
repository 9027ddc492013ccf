"""What the compiler knows of timm's backbones without importing torch.

The facts stand in `data/backbones.json`, which `fpncompiler.detection.measure_backbones` writes
from timm itself and `tests/test_backbones.py` holds against it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class BackboneMacs:
    """Multiply-accumulates of one image through convolutions and linear layers.

    Counted as `torch.utils.flop_counter.FlopCounterMode` does, halved: no bias, normalisation,
    activation or pooling.
    """

    per_cell: Mapping[int, int]  # level -> MACs for each output position at that level
    per_image: int  # at any image size: squeeze-and-excitation and the like

    def at(self, height: int, width: int) -> int:
        """Return the MACs for one image of `height` x `width` pixels.

        A map at level l has ceil(height / 2**l) x ceil(width / 2**l) cells; see
        `Backbone.rounding` for the sizes at which that is so.
        """
        total = self.per_image
        for level, macs in self.per_cell.items():
            stride = 1 << level
            total += macs * -(-height // stride) * -(-width // stride)
        return total


@dataclass(frozen=True, slots=True)
class Backbone:
    """The feature maps of one timm model, built with `features_only=True`.

    "Deepest" is the deepest level tapped: timm drops the stages beyond it where it can. Shallower
    taps cost nothing. Mappings by level run from the shallowest to the deepest.

    `rounding` is "ceil" where maps round up, so that every figure holds at any image size. It is
    "floor" where some map rounds down, or odd sizes are refused: then figures and map sizes hold
    for images whose sides are multiples of the deepest stride, which is 32 for nearly all.
    """

    name: str  # timm's, without a weight tag
    channels: Mapping[int, int]  # level -> channels; its stride is 2**level pixels
    taps: Mapping[int, int]  # level -> entry of timm's `out_indices`
    parameters: Mapping[int, int]  # deepest level, from 3 -> trainable parameters
    # Deepest level, from 3 -> MACs; None where they are no sum over cells, as with attention.
    macs: Mapping[int, BackboneMacs] | None
    rounding: Literal["ceil", "floor"] = "ceil"

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels on offer, shallowest first."""
        return tuple(self.channels)


def find_backbone(name: str) -> Backbone | None:
    """Return what the table says of timm model `name`; None where it is not listed."""
    row = _table().get(name)
    return None if row is None else _backbone(name, row)


def backbone_names() -> tuple[str, ...]:
    """Return the timm models in the table, sorted."""
    return tuple(_table())


@cache
def _table() -> dict[str, dict[str, Any]]:
    text = files("fpncompiler").joinpath("data/backbones.json").read_text(encoding="utf-8")
    models: dict[str, dict[str, Any]] = json.loads(text)["models"]
    return models


def _backbone(name: str, row: dict[str, Any]) -> Backbone:
    return Backbone(
        name=name,
        channels=_by_level(row["channels"]),
        taps=_by_level(row["taps"]),
        parameters=_by_level(row["parameters"]),
        macs=None if row["macs"] is None else _macs(row["macs"]),
        rounding=row["rounding"],
    )


def _macs(row: dict[str, Any]) -> dict[int, BackboneMacs]:
    return {
        int(deepest): BackboneMacs(_by_level(per_cell), per_image)
        for deepest, (per_cell, per_image) in row.items()
    }


def _by_level(row: dict[str, int]) -> dict[int, int]:
    return {int(level): value for level, value in row.items()}
