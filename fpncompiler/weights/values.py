"""Whether what a file holds are weights: plain, finite tensors under names."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fpncompiler.weights.errors import WeightsError, some
from fpncompiler.weights.kinds import LARGEST

PLAIN = "save `model.state_dict()` of a model on the CPU"


def check_values(state: Mapping[Any, Any], name: str) -> dict[str, Tensor]:
    """A state dict with its values detached.

    Raises:
        WeightsError: an entry is no tensor, is not stored plainly, or has values that are not
            finite; or all of them together are too large.
    """
    if not state:
        raise WeightsError(f"{name} holds no weights", PLAIN)
    unnamed = [repr(key) for key in state if not isinstance(key, str)]
    if unnamed:
        raise WeightsError(f"{name} has entries without a name: {some(unnamed)}", PLAIN)
    others = [f"{key} ({type(v).__name__})" for key, v in state.items() if not _is_tensor(v)]
    if others:
        raise WeightsError(f"{name}: {_of(others, state)} are no tensors: {some(others)}", PLAIN)
    odd = [f"{key} ({_oddness(value)})" for key, value in state.items() if _oddness(value)]
    if odd:
        raise WeightsError(
            f"{name}: {_of(odd, state)} are not plain tensors of numbers: {some(odd)}", PLAIN
        )
    # Few stored values may be many: a step of 0 from one to the next repeats a value for ever.
    size = sum(value.numel() * value.element_size() for value in state.values())
    if size > LARGEST:
        raise WeightsError(f"{name} has weights of {size:,} bytes, {LARGEST:,} are the most")
    wrong = [key for key, value in state.items() if not _is_finite(value)]
    if wrong:
        raise WeightsError(
            f"{name}: {_of(wrong, state)} have NaN or infinite values: {some(wrong)}",
            "the training that wrote it has diverged: take an earlier checkpoint",
        )
    return {key: value.detach() for key, value in state.items()}


def _is_tensor(value: object) -> bool:
    return type(value) in (Tensor, torch.nn.Parameter)


def _of(some_of: list[str], state: Mapping[Any, Any]) -> str:
    return f"{len(some_of)} of {len(state)} entries"


def _oddness(value: Tensor) -> str:
    """What keeps a tensor from being plain; empty if nothing does."""
    if value.is_quantized:
        return "quantized"
    if value.layout != torch.strided:
        return "sparse"
    if value.device.type != "cpu":
        return f"on device {value.device.type}"
    if value.is_complex():
        return "complex"
    return ""


def _is_finite(value: Tensor) -> bool:
    if not value.is_floating_point():
        return True
    wide = value.float() if value.element_size() == 1 else value  # formats of 8 bits lack the test
    return bool(torch.isfinite(wide).all())
