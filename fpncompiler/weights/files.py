"""Files of weights: torch's and safetensors', read without running anything in them.

file -> its format, by how it begins -> torch.load of weights only, or safetensors
     -> the state dict among a checkpoint's entries -> wrappers' prefixes off -> checked
"""

import io
import json
import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from fpncompiler.codegen.files import put_file
from fpncompiler.weights.errors import WeightsError as WeightsError
from fpncompiler.weights.errors import some
from fpncompiler.weights.kinds import Format, check_archive, format_of
from fpncompiler.weights.values import PLAIN, check_values

AVERAGED = ("state_dict_ema", "model_ema")
TRAINED = ("state_dict", "model")
PREFIXES = ("_orig_mod.", "module.", "model.")  # of torch.compile, DDP, effdet's benches
BUFFERS = ("anchors.boxes",)  # of effdet's benches, computed anew from the configuration
DEEPEST = 3  # entries within entries
# What training scripts save beside weights. None of it is made: `_Ignored` stands in for it.
BESIDE = (
    "argparse.Namespace",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
)
_GLOBAL = re.compile(r"GLOBAL (\S+)")
# What torch, pickle and zip raise on bytes that somebody has cut or changed.
_BROKEN = (
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    EOFError,
    MemoryError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Weights:
    """A state dict, and what was around it in its file.

    `part` is the entry of a checkpoint that it was, `prefix` what all keys began with, and
    `dropped` are the names of all that is no weight of a model: other entries, buffers of benches.
    """

    state: Mapping[str, Tensor]
    format: Format
    part: str = ""
    prefix: str = ""
    dropped: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where it was, in words."""
        where = f"`{self.part}` in a checkpoint" if self.part else "a state dict"
        return f"{where} of {'torch.save' if self.format == 'torch' else 'safetensors'}"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a file, on the CPU; averaged weights where a checkpoint has both.

    Raises:
        WeightsError: there is none, or it cannot be read without running code.
    """
    return dict(open_weights(path).state)


def open_weights(path: Path, *, averaged: bool = True) -> Weights:
    """A state dict and what is around it.

    Args:
        averaged: take exponential moving averages (EMA) where a checkpoint has them.

    Raises:
        WeightsError: as `read_weights`.
    """
    name = path.as_posix()
    if format_of(path) == "safetensors":
        state, metadata = _read_safetensors(path)
        return _unwrapped(state, name, Weights({}, "safetensors", metadata=metadata), averaged)
    with path.open("rb") as file:
        is_archive = file.read(1) == b"P"
    if is_archive:
        check_archive(path)
    return _unwrapped(_load(path, name), name, Weights({}, "torch"), averaged)


def state_of_bytes(data: bytes, name: str) -> dict[str, Tensor]:
    """The state dict in the bytes of a file that torch.save wrote.

    Raises:
        WeightsError: as `read_weights`.
    """
    return dict(_unwrapped(_load(io.BytesIO(data), name), name, Weights({}, "torch"), True).state)


def write_safetensors(
    path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a state dict, whole or not at all; an older file is replaced.

    Tensors that share memory are written as often as they have names.

    Raises:
        WriteRefusedError: it cannot be written.
    """
    tensors = {
        key: value.detach().to("cpu").contiguous().clone() for key, value in sorted(state.items())
    }
    data = safetensors_bytes(tensors, dict(metadata) if metadata else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    put_file(path, _with_ordered_header(data), replace=True)


def _with_ordered_header(data: bytes) -> bytes:
    """The same file with its metadata in order, which safetensors leaves to chance.

    A file is 8 bytes, little-endian, with the length of a header in JSON; the header; the values.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # so that values stay aligned
    return len(header).to_bytes(8, "little") + header + data[end:]


class _Ignored:
    """Stands in for an object that is no weight: takes whatever it is made of, and keeps none."""

    def __init__(self, *parts: object, **named: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def _load(source: Path | io.BytesIO, name: str) -> Any:
    """What torch.save wrote: tensors, numbers, texts and containers, and nothing else."""
    stand_ins: list[Any] = [(_Ignored, path) for path in BESIDE]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(stand_ins):
            warnings.simplefilter("ignore")
            return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refusal(str(error), name) from None
    except OSError as error:
        raise WeightsError(f"{name}: {error.strerror or error}") from None
    except _BROKEN as error:
        raise WeightsError(
            f"{name} is cut short or damaged: {_first_line(error)}", "get the file again"
        ) from None


def _refusal(message: str, name: str) -> WeightsError:
    found = _GLOBAL.search(message)
    if found is None:
        reason = message.rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0]
        return WeightsError(f"{name} is no checkpoint, or damaged: {reason[:200]}", PLAIN)
    return WeightsError(
        f"{name} is refused: it asks for {found[1]}, and to make objects of any kind is to run "
        "any code",
        "take a .safetensors file, or have its author save `model.state_dict()` alone",
    )


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    name = path.as_posix()
    try:
        with safe_open(path, framework="pt") as file:
            keys = sorted(file.keys())
            return {key: file.get_tensor(key) for key in keys}, dict(file.metadata() or {})
    except SafetensorError as error:
        raise WeightsError(
            f"{name} is no safetensors file, cut short or damaged: {_first_line(error)}",
            "get the file again",
        ) from None
    except OSError as error:
        raise WeightsError(f"{name}: {error.strerror or _first_line(error)}") from None
    except _BROKEN as error:
        raise WeightsError(f"{name} cannot be read: {_first_line(error)}") from None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:200]


def _unwrapped(found: Any, name: str, around: Weights, averaged: bool) -> Weights:
    """The state dict in whatever a training script has saved, with the keys of its model."""
    part, dropped = "", set()
    for _ in range(DEEPEST):
        if not isinstance(found, Mapping):
            what = type(found).__name__
            raise WeightsError(f"{name} holds no state dict, but an object `{what}`", PLAIN)
        entry = _state_entry(found, averaged)
        if not entry:
            break
        dropped |= {str(key) for key in found if key != entry}
        part, found = entry, found[entry]
    if not isinstance(found, Mapping):
        raise WeightsError(f"{name}: `{part}` holds no state dict", PLAIN)
    _refuse_other_entries(found, name)
    state = check_values(found, name)
    buffers = {key for key in state if key.endswith(BUFFERS)}
    kept = {key: value for key, value in state.items() if key not in buffers}
    plain, prefix = _without_prefixes(kept)
    return Weights(
        plain, around.format, part, prefix, tuple(sorted(dropped | buffers)), around.metadata
    )


def _state_entry(found: Mapping[Any, Any], averaged: bool) -> str:
    """The entry of a checkpoint that is a state dict; empty where it is one itself."""
    names = (*AVERAGED, *TRAINED) if averaged else TRAINED
    return next((key for key in names if isinstance(found.get(key), Mapping)), "")


def _refuse_other_entries(found: Mapping[Any, Any], name: str) -> None:
    """Say it shortly where nothing is a tensor: then it is no state dict at all."""
    if found and not any(isinstance(value, Tensor) for value in found.values()):
        entries = sorted(f"`{key}`" for key in found)
        wanted = " or ".join(f"`{key}`" for key in TRAINED)
        raise WeightsError(
            f"{name} holds no state dict, but entries {some(entries, 6)}", f"one called {wanted} is"
        )


def _without_prefixes(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """A state dict without what all its keys begin with."""
    taken = ""
    while state and (
        prefix := next((p for p in PREFIXES if all(k.startswith(p) for k in state)), "")
    ):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
        taken += prefix
    return state, taken
