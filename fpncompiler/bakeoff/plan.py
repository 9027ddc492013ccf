"""What a bake-off does: a run for each topology, setting and seed, all under one recipe.

runs/bakeoff/
  bakeoff.json           data, recipe, seeds, and which runs there are
  fpn_lite0-seed0/       a run folder as `fpnc train` makes it; outcome.json once it has ended
  bifpn_lite0-seed0/

Everything is checked before anything is written. A command that is given again finds its runs;
one that asks for other conditions is refused, for their figures could not stand in one table.
"""

import contextlib
import errno
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fpncompiler.codegen.files import put_file
from fpncompiler.codegen.header import digest
from fpncompiler.datasets.model import DataSet
from fpncompiler.detectors.checkpoints import CODE_FILE
from fpncompiler.detectors.detector import Code
from fpncompiler.diagnostics import UserError
from fpncompiler.training.recipe import Recipe
from fpncompiler.training.run_folder import (
    CONFIG,
    code_of_run,
    config_of,
    discard_unused,
    fill_run,
    open_run,
)
from fpncompiler.training.shared import versions

if sys.platform != "win32":
    import fcntl

RECORD, LOCK = "bakeoff.json", "bakeoff.lock"
FORMAT = 1


class BakeoffError(UserError):
    """A bake-off cannot be done as asked: the message says why, `help` what to do."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A topology at one setting; `topology` tells it from others as the comparison does."""

    topology: str
    phi: int
    variant: str
    code: Code


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is the same for all: where the data are and what they are, and how to train.

    The recipe's own seed is of no meaning: each run takes one of `seeds`.
    """

    data: Mapping[str, Any]
    recipe: Recipe
    seeds: tuple[int, ...]

    def shared_recipe(self) -> dict[str, Any]:
        """The recipe without what differs from run to run."""
        return {key: value for key, value in asdict(self.recipe).items() if key != "seed"}


@dataclass(frozen=True, slots=True)
class Run:
    """One training of one contestant, and the folder that it goes into."""

    name: str
    contestant: Contestant
    seed: int
    folder: Path


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder of runs, so that two bake-offs never train the same run.

    Raises:
        BakeoffError: another process holds it.
    """
    with (folder / LOCK).open("ab") as file:
        if sys.platform != "win32":
            # some network file systems have no locks: there it is up to the user
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BakeoffError(
                    f"{folder.as_posix()}: another bake-off is at work there",
                    f"wait for it, or name another folder, such as --runs {folder.as_posix()}-2",
                ) from None
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                    raise
        yield


def data_of(source: Mapping[str, Any], train: DataSet, val: DataSet) -> dict[str, Any]:
    """What runs record of their data: the source, and what was found there.

    Raises:
        BakeoffError: there is nothing that an average precision could be taken of.
    """
    if not any(not crowd for item in val.items for crowd in item.crowd):
        raise BakeoffError(
            f"{source['path']}: no image of the split {source['val']} has a labelled box",
            "without labels to evaluate on there is no average precision",
        )
    images = {"images": len(train.items), "classes": list(train.classes)}
    return {**source, **images, "digest": digest_of(train, val)}


def digest_of(*splits: DataSet) -> str:
    """16 hexadecimal digits for names, sizes and labels of all images (not for their pixels)."""
    text = hashlib.sha256()
    for split in splits:
        text.update(repr((split.split, split.classes)).encode())
        for item in split.items:
            facts = (item.file.name, item.width, item.height, item.boxes, item.labels, item.crowd)
            text.update(repr(facts).encode())
    return text.hexdigest()[:16]


def planned(
    folder: Path, contestants: Sequence[Contestant], conditions: Conditions
) -> tuple[Run, ...]:
    """The runs in their order, each with its folder; those that exist are the same runs.

    All contestants have their turn with a seed before the next seed begins.

    Raises:
        BakeoffError: what is in the folder was made under other conditions.
        WriteRefusedError: the folder cannot be written.
    """
    runs = tuple(
        Run(f"{name}-seed{seed}", each, seed, folder / f"{name}-seed{seed}")
        for seed in conditions.seeds
        for each, name in zip(contestants, _names(contestants), strict=True)
    )
    recorded = _recorded(folder, conditions)
    missing = [run for run in runs if not _exists(run, conditions)]
    _write_record(folder, recorded, runs, conditions)
    for run in missing:
        run.folder.mkdir(exist_ok=True)
        config = config_of(
            run.contestant.code, conditions.data, _recipe(run, conditions), versions()
        )
        fill_run(run.folder, config, run.contestant.code)
    return runs


def _recipe(run: Run, conditions: Conditions) -> Recipe:
    return replace(conditions.recipe, seed=run.seed)


def discard_unbegun(folder: Path, runs: Sequence[Run]) -> None:
    """Remove the folders of runs without a step; if no run is left, nothing is bound to a recipe.

    So whoever mistypes a setting can mend it, and need not name another folder.
    """
    for run in runs:
        if (run.folder / CONFIG).exists():
            discard_unused(open_run(run.folder))
    if not any(folder.glob(f"*/{CONFIG}")):
        (folder / RECORD).unlink(missing_ok=True)


def _names(contestants: Sequence[Contestant]) -> list[str]:
    """A name for each: that of its code; where several have one, after their files too."""
    plain = [each.code.name for each in contestants]
    found = []
    for name, each in zip(plain, contestants, strict=True):
        if plain.count(name) > 1:
            file = re.sub(r"\W+", "_", each.topology.removesuffix(".yaml"), flags=re.ASCII)
            name = f"{file.strip('_')}_{each.variant}"
        found.append(name)
    clashes = sorted({name for name in found if found.count(name) > 1})
    if clashes:
        raise BakeoffError(f"several topologies would be called {', '.join(clashes)}")
    return found


def _recorded(folder: Path, conditions: Conditions) -> dict[str, Any]:
    """The record of an earlier command; empty if there is none."""
    file = folder / RECORD
    try:
        record = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BakeoffError(f"{file.as_posix()}: this is no JSON: {error}", _other(folder)) from None
    if not _is_record(record):
        message = f"{file.as_posix()}: this is no record of a bake-off that this fpnc can read"
        raise BakeoffError(message, _other(folder))
    _insist(folder, record["data"], record["recipe"], conditions.data, conditions.shared_recipe())
    return dict(record)


def _is_record(record: object) -> bool:
    kinds = {"data": dict, "recipe": dict, "seeds": list, "runs": dict}
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        return False
    return all(isinstance(record.get(key), kind) for key, kind in kinds.items())


def _exists(run: Run, conditions: Conditions) -> bool:
    """Whether a run was begun under these conditions.

    Raises:
        BakeoffError: it was begun under others, or something else has its name.
    """
    if not (run.folder / CONFIG).exists():
        _insist_on_room(run)
        return False
    folder = open_run(run.folder)
    data, recipe = folder.config.get("data"), folder.config.get("recipe")
    if not isinstance(data, dict) or not isinstance(recipe, dict):
        raise BakeoffError(f"{run.folder.as_posix()}: its {CONFIG} is broken", _other_run(run))
    _insist(run.folder, data, recipe, conditions.data, asdict(_recipe(run, conditions)))
    if digest(code_of_run(folder).source) != digest(run.contestant.code.source):
        raise BakeoffError(
            f"{run.folder.as_posix()}: its {CODE_FILE} is not what {run.contestant.code.spec} "
            "compiles to now",
            _other_run(run),
        )
    return True


def _insist_on_room(run: Run) -> None:
    """A folder is new, or was being made when its process ended."""
    if not run.folder.exists():
        return
    found = {path.name for path in run.folder.iterdir() if not path.name.startswith(".")}
    if not found <= {CODE_FILE}:
        message = f"{run.folder.as_posix()}: something that is no run is in this folder"
        raise BakeoffError(message, _other_run(run))


def _insist(
    place: Path,
    data: Mapping[str, Any],
    recipe: Mapping[str, Any],
    data_now: Mapping[str, Any],
    recipe_now: Mapping[str, Any],
) -> None:
    found = _differences(data, data_now, "data: ") + _differences(recipe, recipe_now, "")
    if not found:
        return
    shown = "; ".join(found[:4]) + ("; ..." if len(found) > 4 else "")
    folder = place.parent if (place / CONFIG).exists() else place
    raise BakeoffError(f"{place.as_posix()} was begun otherwise: {shown}", _other(folder))


def _differences(there: Mapping[str, Any], here: Mapping[str, Any], what: str) -> list[str]:
    keys = dict.fromkeys((*here, *there))
    return [
        f"{what}{key} {_shown(there.get(key))} there, {_shown(here.get(key))} here"
        for key in keys
        if there.get(key) != here.get(key)
    ]


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _other(folder: Path) -> str:
    return f"name another folder, such as --runs {folder.as_posix()}-2"


def _other_run(run: Run) -> str:
    return _other(run.folder.parent)


def _write_record(
    folder: Path, before: Mapping[str, Any], runs: Sequence[Run], conditions: Conditions
) -> None:
    """The record, with the runs of earlier commands."""
    own = {
        run.name: {
            "topology": run.contestant.topology,
            "phi": run.contestant.phi,
            "variant": run.contestant.variant,
            "spec": run.contestant.code.spec,
            "choice": dict(run.contestant.code.choice),
            "code": digest(run.contestant.code.source),
            "seed": run.seed,
        }
        for run in runs
    }
    record = {
        "format": FORMAT,
        "data": dict(conditions.data),
        "recipe": conditions.shared_recipe(),
        "seeds": sorted({*before.get("seeds", ()), *conditions.seeds}),
        "runs": {**before.get("runs", {}), **own},
    }
    text = json.dumps(record, indent=2) + "\n"
    put_file(folder / RECORD, text.encode(), replace=True)
