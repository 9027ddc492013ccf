"""Files of weights: torch's and safetensors', read without running anything in them."""

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fpncompiler.weights.errors import WeightsError


def read_weights(path: Path) -> dict[str, Tensor]:
    """A file's state dict."""
    try:
        return state_of_bytes(path.read_bytes(), path.as_posix())
    except OSError as error:
        raise WeightsError(f"{path.as_posix()}: {error.strerror}") from None


def state_of_bytes(data: bytes, name: str) -> dict[str, Tensor]:
    """The state dict in a file's bytes."""
    state: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return dict(state)
