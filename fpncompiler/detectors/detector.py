"""A generated model with all that is needed to use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from fpncompiler.diagnostics import UserError


class DetectorError(UserError):
    """A detector cannot be had: the message says why, `help` what to do."""


@dataclass(frozen=True, slots=True)
class Code:
    """A generated file that has an EfficientDet, and what made it.

    `choice` is what `fpnc compile` was told beside the spec, such as {"variant": "lite0"}; empty
    where the code came as a file.
    """

    name: str  # an identifier, such as bifpn_lite0
    spec: str
    source: str
    choice: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Detector:
    """A model of a generated file, its module, the names of its classes and its image size.

    `module` has the file's constants and functions: IMAGE_SIZE, ANCHOR_SCALES, `make_anchors`,
    `top_candidates` and so on. `image_size` is (height, width) in pixels, what it was trained on.
    """

    code: Code
    module: ModuleType
    model: nn.Module
    classes: tuple[str, ...]
    image_size: tuple[int, int]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def anchors(self, image_size: tuple[int, int]) -> Tensor:
        """Boxes [N, 4] float32 (x0, y0, x1, y1) in pixels of images of this (height, width).

        N runs over levels, rows, columns and shapes, as the maps of the model's `forward` do.
        """
        code = self.module
        height, width = image_size
        sizes = [(-(-height // 2**level), -(-width // 2**level)) for level in code.LEVELS]
        made: Tensor = code.make_anchors(
            image_size, sizes, code.ANCHOR_SCALES, code.ANCHOR_OCTAVES, code.ANCHOR_ASPECTS
        )
        return made
