"""effdet's checkpoints in generated models: what becomes of every key.

class_net.predict.conv_pw.bias    -> class_head.predict.pointwise.bias     renamed
backbone.conv_stem.weight         -> backbone.conv_stem.weight             loaded
fpn.cell.3.fnode.0.*              -> nothing of this name                  unexpected
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from fpncompiler.detection.weights import renamed_key
from fpncompiler.weights.errors import WeightsError, some

Fate = Literal["loaded", "renamed", "initial", "missing", "unexpected", "shape", "dtype"]
FATES: Mapping[Fate, str] = {
    "loaded": "loaded under the same name",
    "renamed": "loaded under another name",
    "initial": "left at their initial values",
    "missing": "missing in the checkpoint",
    "unexpected": "of the checkpoint without a place here",
    "shape": "of another shape",
    "dtype": "of another kind of numbers",
}
MISFITS: tuple[Fate, ...] = ("missing", "unexpected", "shape", "dtype")
PREDICTION = "class_head.predict."
COUNTER = "num_batches_tracked"  # older checkpoints lack it; nothing reads it
MEAN = "running_mean"
FUSION = ".edge_weights"
OURS = "network."  # what keys of effdet never begin with
PARTS = ("backbone.", "fpn.", "class_net.", "box_net.")
_REPEAT_FIRST = re.compile(r"class_net\.bn_rep\.\d+\.\d+\.bn\.")
_LEVEL_FIRST = re.compile(r"class_net\.bn_rep\.\d+\.\d+\.weight$")


@dataclass(frozen=True, slots=True)
class Key:
    """A weight of the model, or of the checkpoint, or of both, and what becomes of it."""

    fate: Fate
    ours: str = ""
    theirs: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Matching:
    """All keys, the model's in its order and then what is left of the checkpoint.

    `state` has what is loaded, by the model's names; `hints` say what may be behind misfits.
    """

    keys: tuple[Key, ...]
    state: Mapping[str, Tensor]
    hints: tuple[str, ...] = ()

    def of(self, *fates: Fate) -> list[Key]:
        """The keys of some fates."""
        return [key for key in self.keys if key.fate in fates]

    @property
    def fits(self) -> bool:
        """Whether nothing stays random but the prediction of other classes."""
        return not self.of(*MISFITS)


def is_ours(state: Mapping[str, Tensor]) -> bool:
    """Whether a state dict has the names of a generated model already."""
    return any(key.startswith(OURS) for key in state)


def is_level_first(state: Mapping[str, Tensor]) -> bool:
    """Whether the heads' batch norms are nested by level first (effdet `head_bn_level_first`)."""
    return any(map(_LEVEL_FIRST.match, state)) and not any(map(_REPEAT_FIRST.match, state))


def check_is_detector(state: Mapping[str, Tensor], name: str) -> None:
    """See that a state dict is one of effdet's or of ours.

    Raises:
        WeightsError: it is of something else.
    """
    absent = [part for part in PARTS[1:] if not any(key.startswith(part) for key in state)]
    if is_ours(state) or not absent:
        return
    if len(absent) < len(PARTS) - 1 or any(key.startswith(PARTS[0]) for key in state):
        raise WeightsError(f"{name} has no weights of {' and '.join(p[:-1] for p in absent)}")
    raise WeightsError(
        f"{name} is no EfficientDet of effdet: its keys are {some([*state])}",
        "weights of a backbone alone are for `fpnc train --set backbone_weights=FILE`",
    )


def classes_of(state: Mapping[str, Tensor], anchors: int) -> int | None:
    """How many classes a checkpoint knows; None where its prediction does not say.

    Args:
        anchors: of a cell, each with a logit a class.
    """
    for key, value in state.items():
        is_bias = key.startswith(("class_net.predict.", PREDICTION)) and key.endswith(".bias")
        if is_bias and value.ndim == 1 and len(value) and len(value) % anchors == 0:
            return len(value) // anchors
    return None


def match(
    own: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    key_map: Mapping[str, str] | None,
    classes: tuple[int | None, int],
) -> Matching:
    """Say of every key what becomes of it; loads nothing.

    Args:
        own: the model's state dict.
        state: the checkpoint's.
        key_map: module path of the model -> of effdet; None where the names are the same.
        classes: how many the checkpoint knows, and how many the model is for.

    Raises:
        WeightsError: the key map is not that of the model.
    """
    names = _names(own, key_map)
    keys = [_fate(key, own[key], names[key], state, classes) for key in own]
    used = {*names.values()}
    keys += [Key("unexpected", theirs=key) for key in state if key not in used]
    loaded = {
        key.ours: state[key.theirs].to(own[key.ours].dtype)
        for key in keys
        if key.fate in ("loaded", "renamed")
    }
    renamed = {names[key]: value for key, value in own.items()}
    return Matching(tuple(keys), loaded, tuple(_hints(keys, renamed, state)))


def _names(own: Mapping[str, Tensor], key_map: Mapping[str, str] | None) -> dict[str, str]:
    """The checkpoint's name of each of the model's keys."""
    if key_map is None:
        return {key: key for key in own}
    names = {key: renamed_key(key, key_map) or "" for key in own}
    unknown = sorted(key for key, name in names.items() if not name)
    if unknown:
        raise WeightsError(
            f"the spec does not make this file any more: it knows no {some(unknown)}",
            "compile it again, or name the right spec by `--spec`",
        )
    return names


def _fate(
    ours: str,
    value: Tensor,
    theirs: str,
    state: Mapping[str, Tensor],
    classes: tuple[int | None, int],
) -> Key:
    found = state.get(theirs)
    if ours.startswith(PREDICTION) and classes[0] not in (None, classes[1]):
        return Key("initial", ours, theirs, f"{classes[0]} classes there, {classes[1]} here")
    if found is None and ours.endswith(COUNTER) and theirs.replace(COUNTER, MEAN) in state:
        return Key("initial", ours, theirs, "older checkpoints lack it, nothing needs it")
    if found is None:
        return Key("missing", ours, theirs)
    if found.shape != value.shape:
        return Key("shape", ours, theirs, f"{[*found.shape]} there, {[*value.shape]} here")
    if found.is_floating_point() != value.is_floating_point():
        return Key("dtype", ours, theirs, f"{_dtype(found)} there, {_dtype(value)} here")
    converted = "" if found.dtype == value.dtype else f"{_dtype(found)} -> {_dtype(value)}"
    return Key("loaded" if ours == theirs else "renamed", ours, theirs, converted)


def _dtype(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _hints(
    keys: Sequence[Key], own: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> Iterator[str]:
    """What misfits have in common, in words; `own` has the checkpoint's names."""
    missing = [key.theirs for key in keys if key.fate == "missing"]
    surplus = [key.theirs for key in keys if key.fate == "unexpected"]
    if not any(key.fate in MISFITS for key in keys):
        return
    if any(name.startswith(PARTS[0]) for name in missing + surplus):
        yield "its backbone is another: `fpnc compile --backbone` or `--variant` names one"
    if sizes := _sizes(own, state):
        yield sizes
        return
    if missing and all(map(_is_redundant_bias, missing)):
        yield (
            "it has no biases in front of batch norms, as effdet's models without `tf_` in their "
            "names: compile with a model spec that says `redundant_bias: false`, and has the "
            "padding and the backbone of that model"
        )
    if surplus and all(map(_is_redundant_bias, surplus)):
        yield (
            "it has biases in front of batch norms: compile with a model spec that says "
            "`redundant_bias: true`"
        )
    weighs, should = (any(key.endswith(FUSION) for key in each) for each in (state, own))
    if weighs != should:
        wanted = "`fast` or `softmax`" if weighs else "`sum`"
        told = "fusion weights" if weighs else "no fusion weights"
        yield f"it has {told}: compile a spec with fusion {wanted}"


def _is_redundant_bias(name: str) -> bool:
    """Whether it is a bias in front of a batch norm."""
    place = re.search(r"^fpn\..*\.(conv|conv_pw)\.bias$|_net\.conv_rep\..*\.bias$", name)
    return place is not None


def _sizes(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """In which sizes the two differ; empty if in none."""
    here, there = _facts(own), _facts(state)
    differing = [what for what in here if here[what] != there[what]]
    if not differing:
        return ""
    told = [", ".join(f"{facts[what]} {what}" for what in differing) for facts in (there, here)]
    return (
        f"the checkpoint has {told[0]}, this model has {told[1]}: compile the one that it is of, "
        "by another `--phi`, `--variant` or spec"
    )


def _facts(state: Mapping[str, Tensor]) -> dict[str, int]:
    """Sizes of a detector, by effdet's names."""
    adapters = [
        value.shape[0]
        for key, value in state.items()
        if value.ndim == 4 and re.match(r"fpn\.cell\..*\.after_combine\.conv\.conv(_pw)?\.", key)
    ]
    return {
        "channels": max(adapters, default=0),
        "layers": _count(r"fpn\.cell\.(\d+)\.", state),
        "nodes a layer": _count(r"fpn\.cell\.\d+\.fnode\.(\d+)\.", state),
        "convolutions a head": _count(r"class_net\.conv_rep\.(\d+)\.", state),
    }


def _count(pattern: str, state: Mapping[str, Tensor]) -> int:
    found = (re.match(pattern, key) for key in state)
    return max((int(each[1]) + 1 for each in found if each), default=0)
