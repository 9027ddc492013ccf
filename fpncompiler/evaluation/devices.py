"""Where a detector runs."""

import torch

from fpncompiler.diagnostics import UserError


class DeviceError(UserError):
    """There is no such device here."""


def devices() -> tuple[str, ...]:
    """The devices that torch can use here."""
    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    apple = ["mps"] if torch.backends.mps.is_available() else []
    return ("cpu", *gpus, *apple)


def device_of(word: str) -> str:
    """`auto` is the first GPU, or else the CPU; `cuda` is `cuda:0`.

    Raises:
        DeviceError: there is no such device.
    """
    known = devices()
    if word == "auto":
        return known[1] if len(known) > 1 else "cpu"
    name = "cuda:0" if word == "cuda" else word
    if name not in known:
        there = f"there are: auto, {', '.join(known)}"
        raise DeviceError(f"there is no device {word!r} here", there)
    return name
