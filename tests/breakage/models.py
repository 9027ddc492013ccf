"""Both generated files of a pair, imported and run, and what really differs between them."""

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from fpncompiler.pipeline import Compiled
from tests.oracle.equality import draw_weights, features_of, image_sizes

META = torch.device("meta")
BATCH = 2


@contextmanager
def imported(source: str, name: str, folder: Path) -> Iterator[ModuleType]:
    path = folder / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[name]


CREATED: dict[tuple, nn.Module] = {}


def detector(module: ModuleType) -> nn.Module:
    """The model with a backbone on the meta device, each made once; the rest holds numbers."""
    create = module.create_backbone

    def kept(name, levels, pretrained, *, taps=None, **_) -> nn.Module:
        key = (name, levels, taps)
        if key not in CREATED:
            with META:
                CREATED[key] = create(name, levels, False, taps=taps)
        return CREATED[key]

    module.create_backbone = kept
    if hasattr(module, "fold_backbone"):  # which runs it; its keys are not compared
        module.fold_backbone = lambda backbone, side: backbone
    kind = getattr(module, "EfficientDet", None) or module.SegmentationModel
    return kind().eval()


class Given(nn.Module):
    """Stands for a backbone: gives maps that it was made with."""

    def __init__(self, maps: list[Tensor]) -> None:
        super().__init__()
        self.maps = maps

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.maps


def outputs(model: nn.Module, compiled: Compiled, size: tuple[int, int]) -> list[Tensor]:
    """What a model gives for maps drawn from a seed, as of images of a size."""
    random = torch.Generator().manual_seed(1)
    kept = model.backbone
    model.backbone = Given(features_of(compiled.network, size, random))
    try:
        with torch.no_grad():
            found = model(torch.zeros(BATCH, 3, *size))
    finally:
        model.backbone = kept
    if isinstance(found, Tensor):
        return [found]
    return [each for part in found for each in part]


def loaded(old: nn.Module, new: nn.Module) -> tuple[set[str], set[str], set[str], bool]:
    """Unexpected, missing and misshapen keys as PyTorch finds them; whether a strict load works."""
    state = old.state_dict()
    mine = new.state_dict()
    try:
        new.load_state_dict(state, strict=True)
        works = True
    except RuntimeError:
        works = False
    misshapen = {key for key in state.keys() & mine.keys() if state[key].shape != mine[key].shape}
    for key in misshapen:
        del state[key]
    result = new.load_state_dict(state, strict=False)
    missing = mine.keys() - state.keys() - misshapen
    # PyTorch forgives the lack of counters where it knows no version of their modules
    forgiven = missing - {*result.missing_keys}
    assert all(key.endswith("num_batches_tracked") for key in forgiven)
    assert forgiven <= missing
    return {*result.unexpected_keys}, missing, misshapen, works


def constants(module: ModuleType) -> dict[str, object]:
    return {
        name: value
        for name, value in vars(module).items()
        if name.isupper() and not isinstance(value, type | ModuleType)
    }


def signatures(kind: type, name_of_backbone: str) -> dict[str, str]:
    """Public method -> its signature, defaults included; that of the backbone by its constant."""
    text = str(inspect.signature(kind)).replace(repr(name_of_backbone), "BACKBONE")
    found = {"__init__": text}
    for name, value in vars(kind).items():
        if not name.startswith("_") and callable(getattr(kind, name)):
            raw = value.__func__ if isinstance(value, staticmethod) else value
            found[name] = str(inspect.signature(raw))
    return found


def common_size(old: Compiled, new: Compiled) -> tuple[int, int]:
    """An image size, odd where that is possible, that both take."""
    sizes = [image_sizes(each.network)[0] for each in (old, new)]
    return max(sizes)


def lively(model: nn.Module) -> None:
    for name, part in model.named_children():
        if name != "backbone":
            draw_weights(part, torch.Generator().manual_seed(len(name)))
