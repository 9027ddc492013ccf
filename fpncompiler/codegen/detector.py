"""What a file is generated from."""

from dataclasses import dataclass

from fpncompiler.analysis.cost import DetectorCost
from fpncompiler.analysis.limits import SizeLimits
from fpncompiler.ir.detector import Model
from fpncompiler.ir.network import Network


@dataclass(frozen=True, slots=True)
class Detector:
    """All that a file is made of; `taps` are timm's out_indices for the network's taps.

    `limits` are those of the images that it takes; `inference` is the network's inference form,
    where that is wanted.
    """

    network: Network
    model: Model
    taps: tuple[int, ...]
    cost: DetectorCost
    title: str
    source: str
    classes: int
    pretrained_backbone: bool
    limits: SizeLimits
    inference: Network | None = None
