"""What several processes of one run must agree on."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import accelerate
import timm
import torch
import torchvision
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

import fpncompiler
from fpncompiler.detectors.detector import Code
from fpncompiler.training.run_folder import RunFolder, new_run


def made_once(parent: Path, name: str, config: Mapping[str, Any], code: Code) -> RunFolder:
    """The folder of a new run, made by the main process and known to all.

    Raises:
        OSError: it cannot be made.
    """
    state = PartialState()
    found = [""]
    if state.is_main_process:
        found = [new_run(parent, name, config, code).path.as_posix()]
    if state.num_processes > 1:
        broadcast_object_list(found)
    return RunFolder(Path(found[0]), config)


def versions() -> dict[str, str]:
    """What a run was made with."""
    modules = (fpncompiler, torch, torchvision, timm, accelerate)
    found = {module.__name__: str(module.__version__) for module in modules}
    return found | {"python": platform.python_version()}
