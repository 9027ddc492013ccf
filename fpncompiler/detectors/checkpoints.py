"""Detectors on disk: weights as safetensors, and in their metadata what they are weights of.

    best.safetensors   tensors, and {"fpnc": "<JSON: spec, choice, digest, classes, image size>"}
    model.py           the generated code, beside the weights or in the folder above

Where there is no `model.py`, the spec is compiled again. Reading weights never runs anything;
`model.py` is run, as any generated file is that one imports.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from fpncompiler.codegen.header import digest
from fpncompiler.detectors.code import build, code_of_file, code_of_spec, options_of_choice
from fpncompiler.detectors.detector import Code, Detector, DetectorError
from fpncompiler.diagnostics import SpecError
from fpncompiler.spec.loading import SpecNotFoundError
from fpncompiler.weights.files import open_weights, write_safetensors

FORMAT = 1
CODE_FILE = "model.py"
BEST, LAST = "best.safetensors", "last.safetensors"
HELP = "`fpnc train` writes such files; `fpnc weights import` makes one of effdet's checkpoint"


def save_detector(
    path: Path, detector: Detector, state: Mapping[str, torch.Tensor], *, half: bool = False
) -> None:
    """Write weights with their card; whole, or not at all.

    Args:
        path: ends in .safetensors; an older file is replaced.
        detector: what the weights are of, and their provenance.
        state: the state dict, of the model itself or averaged.
        half: floating-point values as float16, half as large.
    """
    card = {
        "format": FORMAT,
        "name": detector.code.name,
        "spec": detector.code.spec,
        "choice": dict(detector.code.choice),
        "digest": digest(detector.code.source),
        "classes": list(detector.classes),
        "image_size": list(detector.image_size),
        "provenance": dict(detector.provenance),
    }
    tensors = {key: _stored(value, half) for key, value in state.items()}
    write_safetensors(path, tensors, {"fpnc": json.dumps(card, sort_keys=True)})


def _stored(value: torch.Tensor, half: bool) -> torch.Tensor:
    return value.half() if half and value.is_floating_point() else value


def open_detector(path: Path, code: Code | None = None) -> Detector:
    """Read a detector, in evaluation mode.

    Args:
        path: a run folder of `fpnc train`, or a .safetensors file.
        code: the generated code, where neither a `model.py` nor the spec is at hand.

    Raises:
        DetectorError: the file is missing, or of something else.
        WeightsError: it is broken.
    """
    file = weights_file(path)
    card, state = _read(file)
    try:
        classes = tuple(str(name) for name in card["classes"])
        height, width = (int(side) for side in card["image_size"])
        code = code or _code(file, card)
        provenance = dict(card["provenance"])
    except (KeyError, TypeError, ValueError) as error:
        raise DetectorError(
            f"{file.as_posix()}: the card of these weights is broken", HELP
        ) from error
    detector = build(code, classes, (height, width))
    _load(detector, state, file, edited=digest(code.source) != card.get("digest"))
    detector.model.eval()
    return replace(detector, provenance=provenance)


def weights_file(path: Path) -> Path:
    """The weights that a path stands for.

    Raises:
        DetectorError: there are none.
    """
    if path.is_file():
        return path
    if not path.exists():
        raise DetectorError(f"{path.as_posix()}: no such file or folder", HELP)
    for name in (BEST, LAST):
        if (path / name).is_file():
            return path / name
    raise DetectorError(f"{path.as_posix()}: there is no {BEST} in this folder", HELP)


def _read(file: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    weights = open_weights(file)
    try:
        card = json.loads(weights.metadata.get("fpnc", "null"))
    except ValueError:
        card = None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise DetectorError(
            f"{file.as_posix()}: these weights do not say which detector they are of", HELP
        )
    return card, dict(weights.state)


def _code(file: Path, card: Mapping[str, Any]) -> Code:
    """The code beside the weights, or compiled again."""
    for folder in (file.parent, file.parent.parent):
        if (folder / CODE_FILE).is_file():
            found = code_of_file(folder / CODE_FILE)
            name, spec = str(card["name"]), str(card["spec"])
            return replace(found, name=name, spec=spec, choice=dict(card["choice"]))
    spec = str(card["spec"])
    try:
        if spec.endswith(".py"):
            return code_of_file(Path(spec))
        return code_of_spec(spec, options_of_choice(card["choice"]))
    except (SpecError, SpecNotFoundError, DetectorError) as error:
        raise DetectorError(
            f"{file.as_posix()}: no {CODE_FILE} is beside it, and {spec} does not compile here",
            "name the generated file: --model FILE.py",
        ) from error


def _load(detector: Detector, state: dict[str, torch.Tensor], file: Path, *, edited: bool) -> None:
    own = detector.model.state_dict()
    wrong = sorted(
        {*own} ^ {*state}
        | {key for key in own if key in state and own[key].shape != state[key].shape}
    )
    if wrong:
        shown = ", ".join(wrong[:3]) + (", ..." if len(wrong) > 3 else "")
        raise DetectorError(
            f"{file.as_posix()}: {len(wrong)} weights do not fit {detector.code.spec}: {shown}",
            "the spec has changed since; --model names the code that was trained" if edited else "",
        )
    detector.model.load_state_dict(state)
