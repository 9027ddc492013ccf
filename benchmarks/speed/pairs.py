"""effdet's models and the generated ones with the same weights, in their forms."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from benchmarks.speed.results import Setting
from tests.helpers import ROOT, Generated, generate
from tests.references.effdet_peer import effdet_model, lively, with_weights_of

CACHE = ROOT / "build" / "benchmarks"
FUSIONS = {"fast_normalized": "bifpn_fa", "softmax": "bifpn_attn"}


@dataclass(frozen=True)
class Pair:
    """A peer and its twin in training form, both in eval mode and contiguous, and images."""

    peer: nn.Module
    ours: nn.Module
    generated: Generated
    images: Tensor

    @property
    def module(self) -> ModuleType:
        """The generated module, with its blocks and functions."""
        return self.generated.module


@cache
def pair_of(phi: int, side: int, fusion: str = "fast_normalized") -> Pair:
    """Both models for square images, and one image; made once a process."""
    torch.manual_seed(0)
    generated = generate(_spec(fusion), phi=phi)
    peer = _calibrated(f"tf_efficientdet_d{phi}", side, fusion)
    ours = with_weights_of(peer, generated)
    torch.manual_seed(1)
    return Pair(peer, ours, generated, torch.randn(1, 3, side, side))


def _spec(fusion: str) -> str:
    if fusion == "fast_normalized":
        return "bifpn"
    return f"fpnc: 1\nname: bifpn_{fusion}\nextends: bifpn\nfusion: {fusion}\n"


def _calibrated(name: str, side: int, fusion: str) -> nn.Module:
    """Effdet's model with lively weights, which are kept on disk: finding them takes a while."""
    made_by = [*(version(p) for p in ("torch", "timm", "effdet")), name, str(side), fusion]
    digest = hashlib.sha256(" ".join(made_by).encode()).hexdigest()[:12]
    path = CACHE / "weights" / f"{name}_{side}_{digest}.pt"
    model = effdet_model(name, (side, side), fpn_name=FUSIONS[fusion])
    if path.exists():
        model.load_state_dict(torch.load(path))
        return model.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    lively(model)
    part = path.with_suffix(".part")
    torch.save(model.state_dict(), part)
    part.rename(path)
    return model.eval()


def pair_for(setting: Setting, fusion: str = "fast_normalized") -> Pair:
    """The pair of a setting."""
    return pair_of(setting.phi, setting.sized().side, fusion)


def batch_of(pair: Pair, batch: int) -> Tensor:
    """Different images."""
    torch.manual_seed(2)
    return torch.randn(batch, *pair.images.shape[1:])


def channels_last(model: nn.Module) -> nn.Module:
    """A copy in that layout."""
    copied: nn.Module = copy.deepcopy(model).to(memory_format=torch.channels_last)
    return copied


def laid_out(tensor: Tensor) -> Tensor:
    """A tensor in channels_last."""
    return tensor.contiguous(memory_format=torch.channels_last)


def half(model: nn.Module) -> nn.Module:
    """A copy with weights in bfloat16."""
    return copy.deepcopy(model).bfloat16()


def fused(model: nn.Module) -> nn.Module:
    """A generated model's inference form."""
    form: nn.Module = model.fuse_for_inference()
    return form


def inference(function: Callable[..., object], *inputs: object) -> Callable[[], object]:
    """A call without autograd. Lists are handed over as copies: effdet's network extends them."""

    def call() -> object:
        with torch.inference_mode():
            return function(*(list(x) if isinstance(x, list) else x for x in inputs))

    return call


def features_of(pair: Pair) -> list[Tensor]:
    """What the peer's backbone makes of the image."""
    with torch.no_grad():
        return [feature.contiguous() for feature in pair.peer.backbone(pair.images)]


def class_and_box(heads: tuple[nn.Module, nn.Module]) -> Callable[[list[Tensor]], list[Tensor]]:
    """Both heads on the same maps, as one function."""
    return lambda maps: [*heads[0](maps), *heads[1](maps)]


def source_digest(pair: Pair) -> str:
    """Names what was generated, for artefacts that are kept."""
    return hashlib.sha256(pair.generated.compiled.source.encode()).hexdigest()[:12]


def cached(*parts: str) -> Path:
    """A path for artefacts; its folder exists."""
    path = CACHE.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
