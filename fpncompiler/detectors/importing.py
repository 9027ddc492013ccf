"""effdet's checkpoints, or state dicts of a generated model, as detectors."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from fpncompiler.detectors.code import build
from fpncompiler.detectors.detector import Code, Detector
from fpncompiler.pipeline import Compiled
from fpncompiler.weights.coco_names import class_names
from fpncompiler.weights.effdet import (
    Matching,
    check_is_detector,
    classes_of,
    is_level_first,
    is_ours,
    match,
)
from fpncompiler.weights.errors import WeightsError
from fpncompiler.weights.files import Weights, open_weights

MOST_CLASSES = 100_000
COUNT = "say how many by `--classes`"


@dataclass(frozen=True, slots=True)
class Imported:
    """A detector with a checkpoint's weights in all that fits, and what fits.

    Where `matching.fits` is False, part of the detector is random: it is good for nothing.
    """

    detector: Detector
    weights: Weights
    matching: Matching


def import_checkpoint(
    path: Path,
    code: Code,
    compiled: Compiled,
    *,
    classes: int | Sequence[str] | None = None,
    averaged: bool = True,
    seed: int = 0,
) -> Imported:
    """Load a checkpoint into a generated model.

    Args:
        code: the generated file.
        compiled: its spec, compiled with the same options.
        classes: their number or names; as many as the checkpoint has if None. Where it has
            another number, the prediction of classes keeps its initial values.
        averaged: take exponential moving averages (EMA) where a checkpoint has them.
        seed: of what keeps its initial values.

    Raises:
        WeightsError: the checkpoint cannot be read, or is of something else.
        DetectorError: the code does not run.
    """
    weights = open_weights(path, averaged=averaged)
    name = path.as_posix()
    check_is_detector(weights.state, name)
    there = classes_of(weights.state, compiled.model.anchors.per_cell)
    names = _class_names(classes, there, name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = build(code, names)
    key_map = _key_map(compiled, weights.state)
    own = detector.model.state_dict()
    matching = match(own, weights.state, key_map, (there, len(names)))
    if matching.fits:
        detector.model.load_state_dict({**own, **matching.state})
    provenance = {
        "imported_from": path.name,
        "sha256": _sha256(path),
        "part": weights.part,
        "initial": [key.ours for key in matching.of("initial")],
    }
    return Imported(replace(detector, provenance=provenance), weights, matching)


def _class_names(
    classes: int | Sequence[str] | None, there: int | None, name: str
) -> tuple[str, ...]:
    """The names of the classes that the detector is to have."""
    if classes is not None and not isinstance(classes, int):
        return tuple(classes)
    count = there if classes is None else classes
    if count is None:
        raise WeightsError(f"{name} does not say how many classes it knows", COUNT)
    if count > MOST_CLASSES:
        raise WeightsError(f"{name} has {count:,} classes, {MOST_CLASSES:,} are the most", COUNT)
    return tuple(class_names(count))


def _key_map(compiled: Compiled, state: Mapping[str, Tensor]) -> dict[str, str] | None:
    """Module paths of the model -> of the checkpoint; None where they are the same."""
    if is_ours(state):
        return None
    try:
        return compiled.effdet_key_map(level_first=is_level_first(state))
    except ValueError as error:
        raise WeightsError(
            f"{compiled.name} has what effdet cannot have: {error}",
            "a checkpoint of effdet fits a network that effdet can build, such as specs/bifpn.yaml",
        ) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
