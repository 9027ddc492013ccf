"""Compiled specs, and the modules generated from them, each made once in a test process."""

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from fpncompiler import compile_spec, load_model
from fpncompiler.pipeline import Compiled

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
SPEC_FOLDERS = (ROOT / "specs", TESTS / "data" / "specs")
PARTS = ("backbone", "network", "class_head", "box_head")  # of a detector and of its cost


@dataclass(frozen=True)
class Generated:
    """A compiled spec and the Python module that its source is."""

    compiled: Compiled
    module: ModuleType

    def on_meta(self) -> nn.Module:
        """The detector in eval mode, without memory for its weights."""
        with torch.device("meta"):
            return self.module.EfficientDet().eval()


@cache
def generate(spec: str, **options) -> Generated:
    """What a spec becomes, given by its name, or as YAML text; options as of `compile_spec`."""
    path = next((f / f"{spec}.yaml" for f in SPEC_FOLDERS if (f / f"{spec}.yaml").exists()), spec)
    detector = load_model(path, **options)
    return Generated(compile_spec(path, **options), sys.modules[detector.__module__])


def trainable(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def flatten_outputs(outputs: tuple[list[Tensor], list[Tensor]]) -> list[Tensor]:
    """Class and box maps of a detector, one list."""
    return [*outputs[0], *outputs[1]]
