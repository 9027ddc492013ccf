"""The full state of a run on disk: weights, optimizer, average, progress, random numbers.

state/step-00000052/     accelerate's files; complete, since it was renamed when it was
state/partial/           being written; whatever a killed run left is written over
"""

import os
import re
import shutil
from pathlib import Path
from pickle import UnpicklingError

from accelerate import Accelerator
from safetensors import SafetensorError

from fpncompiler.training.progress import TrainingError

_NAME = re.compile(r"step-(\d{8,})")
BROKEN = (OSError, RuntimeError, ValueError, KeyError, EOFError, UnpicklingError, SafetensorError)
KEPT = 2  # checkpoints: the last, and the one before, should the disk have lost the last


def save_state(accelerator: Accelerator, folder: Path, step: int) -> Path:
    """Write the state after a step; called by all processes."""
    partial, target = folder / "partial", folder / f"step-{step:08d}"
    if accelerator.is_main_process:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(partial))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        _sync(partial)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        for old in states(folder)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    accelerator.wait_for_everyone()
    return target


def states(folder: Path) -> list[Path]:
    """The complete states, the oldest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def load_state(accelerator: Accelerator, folder: Path) -> Path | None:
    """Go on from the last state; None if there is none.

    Raises:
        TrainingError: what is there cannot be read.
    """
    found = states(folder)
    if not found:
        return None
    try:
        accelerator.load_state(str(found[-1]))
    except BROKEN as error:
        raise TrainingError(
            f"{found[-1].as_posix()}: this state cannot be read: {error}",
            "remove this folder, and the run goes on from the state before it",
        ) from error
    return found[-1]


def _sync(folder: Path) -> None:
    """Wait until the disk has all files, so that a power cut cannot leave half of a state."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
