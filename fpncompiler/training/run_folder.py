"""The folder of a run: what was asked, what came of it.

runs/train/bifpn_lite0/
  config.json           code, data, recipe, versions: what `--resume` goes on with
  model.py              the generated code
  results.csv           a row an epoch
  best.safetensors      the weights with the highest AP, and last.safetensors
  state/                the full state, to go on from
"""

import csv
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fpncompiler.codegen.files import put_file
from fpncompiler.detectors.checkpoints import BEST, CODE_FILE, LAST
from fpncompiler.detectors.code import code_of_file
from fpncompiler.detectors.detector import Code
from fpncompiler.training.progress import Epoch, TrainingError
from fpncompiler.training.recipe import Recipe

CONFIG, RESULTS, STATES = "config.json", "results.csv", "state"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of a run, and its configuration as JSON has it."""

    path: Path
    config: Mapping[str, Any]

    @property
    def best(self) -> Path:
        """The weights with the highest AP."""
        return self.path / BEST

    @property
    def last(self) -> Path:
        """The weights after the last epoch."""
        return self.path / LAST

    @property
    def states(self) -> Path:
        """Where the full states are."""
        return self.path / STATES

    def provenance(self, epoch: Epoch) -> dict[str, Any]:
        """What weights say of how they came to be."""
        return {
            "data": _portable(self.config["data"]),
            "recipe": self.config["recipe"],
            "versions": self.config["versions"],
            "epoch": epoch.epoch,
            "step": epoch.step,
            "figures": epoch.figures,
        }

    def write_results(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write `results.csv` anew."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        put_file(self.path / RESULTS, text.getvalue().encode(), replace=True)

    def write(self, name: str, data: bytes) -> Path:
        """Write another file of the run, whole."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        put_file(path, data, replace=True)
        return path


def _portable(data: Mapping[str, Any]) -> dict[str, Any]:
    """What data a run had, without where it lay on this machine."""
    others = {key: value for key, value in data.items() if key != "path"}
    return {"name": Path(data["path"]).name, **others}


def new_run(parent: Path, name: str, config: Mapping[str, Any], code: Code) -> RunFolder:
    """Make a folder that no other run has: NAME, NAME-2, NAME-3, ..."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
            continue
        return fill_run(path, config, code)


def fill_run(path: Path, config: Mapping[str, Any], code: Code) -> RunFolder:
    """Write what was asked into an empty folder."""
    folder = RunFolder(path, {"format": FORMAT, **config})
    folder.write(CODE_FILE, code.source.encode())
    folder.write(CONFIG, (json.dumps(folder.config, indent=2) + "\n").encode())
    return folder


def discard_unused(folder: RunFolder) -> None:
    """Remove the folder of a run that has not made a step; whatever else is in it stays."""
    if {path.name for path in folder.path.iterdir()} <= {CONFIG, CODE_FILE, "tensorboard"}:
        shutil.rmtree(folder.path)


def open_run(path: Path) -> RunFolder:
    """The folder of a run that has begun.

    Raises:
        TrainingError: it is none.
    """
    file = path / CONFIG
    help = "runs are folders that `fpnc train` has made, such as runs/train/bifpn_lite0"
    try:
        config = json.loads(file.read_bytes())
    except OSError as error:
        raise TrainingError(f"{file.as_posix()}: {error.strerror}", help) from None
    except ValueError as error:
        raise TrainingError(f"{file.as_posix()}: this is no JSON: {error}", help) from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise TrainingError(f"{file.as_posix()}: this is no configuration of a run", help)
    return RunFolder(path, config)


def code_of_run(folder: RunFolder) -> Code:
    """The generated code of a run.

    Raises:
        DetectorError: its file is missing or broken.
    """
    config = folder.config
    found = code_of_file(folder.path / CODE_FILE)
    return replace(found, name=config["name"], spec=config["spec"], choice=config["choice"])


def config_of(
    code: Code, data: Mapping[str, Any], recipe: Recipe, versions: Mapping[str, str]
) -> dict[str, Any]:
    """What a run's `config.json` says; all of it is needed to do the run again."""
    return {
        "name": code.name,
        "spec": code.spec,
        "choice": dict(code.choice),
        "data": dict(data),
        "recipe": asdict(recipe),
        "versions": dict(versions),
    }
