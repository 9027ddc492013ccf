"""Optimisations one by one: each entry makes the same computation without and with it.

To add one, write a function that takes `Bench` and gives `Sides`, and list it in `OPTIMISATIONS`.
Both sides should differ in that one thing.
"""

import copy
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.speed.pairs import Pair, channels_last, class_and_box, features_of, laid_out
from benchmarks.speed.sections.postprocess import UNSATURATED, own
from fpncompiler import load_model
from fpncompiler.analysis import liveness, statements
from fpncompiler.blocks.anchors import decode_boxes
from fpncompiler.blocks.detections import clip_boxes, flatten_map, suppress
from tests.helpers import ROOT


@dataclass(frozen=True)
class Sides:
    """The same computation without the optimisation and with it, on the same inputs."""

    without: Callable[..., object]
    optimised: Callable[..., object]
    inputs: tuple[object, ...]
    inputs_optimised: tuple[object, ...] | None = None


@dataclass(frozen=True)
class Optimisation:
    """A name, the part that it applies to, and how to turn it off and on."""

    name: str
    part: str
    sides: Callable[["Bench"], Sides]


class Bench:
    """A pair and what entries share; channels_last unless they say otherwise."""

    def __init__(self, pair: Pair, phi: int) -> None:
        self.pair = pair
        self.phi = phi

    @cached_property
    def features(self) -> list[Tensor]:
        """The backbone's maps."""
        return [laid_out(feature) for feature in features_of(self.pair)]

    @cached_property
    def maps(self) -> list[Tensor]:
        """The feature network's maps."""
        with torch.no_grad():
            return [laid_out(m) for m in self.pair.ours.network(list(self.features))]

    @cached_property
    def images(self) -> Tensor:
        """One image."""
        return laid_out(self.pair.images)

    def part(self, name: str) -> nn.Module:
        """A copy of a part of the training form."""
        return channels_last(self.pair.ours.get_submodule(name))


def with_fusion(
    network: nn.Module, add: Callable[[list[Tensor], Tensor], Tensor], frozen: bool = False
) -> nn.Module:
    """The network with another way to add up maps; `frozen` weights are computed once, now."""
    for part in network.modules():
        if not callable(getattr(part, "weights", None)):
            continue
        fixed = part.weights().detach() if frozen else None

        def forward(
            self: Any, *inputs: Tensor, add: Any = add, fixed: Tensor | None = fixed
        ) -> Tensor:
            weights = self.weights() if fixed is None else fixed
            total: Tensor = add([*inputs], weights)
            return total

        part.forward = types.MethodType(forward, part)
    return network


def stacked(inputs: list[Tensor], weights: Tensor) -> Tensor:
    """Effdet's way: a stack of weighed copies, and its sum."""
    return torch.stack([x * w for x, w in zip(inputs, weights, strict=True)], dim=-1).sum(dim=-1)


def added(inputs: list[Tensor], weights: Tensor) -> Tensor:
    """Term by term, each sum a new map."""
    total = inputs[0] * weights[0]
    for x, weight in zip(inputs[1:], weights[1:], strict=True):
        total = total + x * weight
    return total


def accumulated(inputs: list[Tensor], weights: Tensor) -> Tensor:
    """Term by term, into one map."""
    total = inputs[0] * weights[0]
    for x, weight in zip(inputs[1:], weights[1:], strict=True):
        total.addcmul_(x, weight)
    return total


def explicit_adds(bench: Bench) -> Sides:
    """Sums of terms in place of a stack."""
    return Sides(
        with_fusion(bench.part("network"), stacked),
        with_fusion(bench.part("network"), added),
        (bench.features,),
    )


def in_place(bench: Bench) -> Sides:
    """Sums in one map in place of a new one each."""
    return Sides(
        with_fusion(bench.part("network"), added),
        with_fusion(bench.part("network"), accumulated),
        (bench.features,),
    )


def frozen_weights(bench: Bench) -> Sides:
    """Fusion weights that are normalized once and for all."""
    return Sides(
        with_fusion(bench.part("network"), accumulated),
        with_fusion(bench.part("network"), accumulated, frozen=True),
        (bench.features,),
    )


def padded_pool(x: Tensor, stride: int = 2) -> Tensor:
    """The SAME max-pool of a copy that is padded with -inf, timm's way."""
    pads = [max(0, (-(-n // stride) - 1) * stride + stride + 1 - n) for n in x.shape[-2:]]
    padding = [pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2]
    return F.max_pool2d(F.pad(x, padding, value=-torch.inf), stride + 1, stride)


@contextmanager
def patched(module: types.ModuleType, name: str, value: object) -> Iterator[None]:
    """Another value for a module's name."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def with_other(
    module: types.ModuleType, name: str, value: object, function: Callable[..., object]
) -> Callable[..., object]:
    """The function, while a module's name has another value."""

    def call(*inputs: object) -> object:
        with patched(module, name, value):
            return function(*inputs)

    return call


def pool_without_copy(bench: Bench) -> Sides:
    """`ceil_mode` in place of a padded copy."""
    network = bench.part("network")
    without = with_other(bench.pair.module, "max_pool_same", padded_pool, network)
    return Sides(without, network, (bench.features,))


def layout_of_network(bench: Bench) -> Sides:
    """channels_last against contiguous, feature network."""
    plain = [feature.contiguous() for feature in bench.features]
    network = bench.pair.ours.network
    return Sides(network, bench.part("network"), (plain,), (bench.features,))


def layout_of_backbone(bench: Bench) -> Sides:
    """channels_last against contiguous, backbone."""
    backbone = bench.pair.ours.backbone
    return Sides(backbone, bench.part("backbone"), (bench.pair.images,), (bench.images,))


def layout_of_heads(bench: Bench) -> Sides:
    """channels_last against contiguous, heads."""
    plain = [m.contiguous() for m in bench.maps]
    ours = bench.pair.ours
    return Sides(
        class_and_box((ours.class_head, ours.box_head)), heads(bench), (plain,), (bench.maps,)
    )


def heads(bench: Bench) -> Callable[[list[Tensor]], list[Tensor]]:
    """Copies of both heads, as one function."""
    return class_and_box((bench.part("class_head"), bench.part("box_head")))


def activations_of_network(bench: Bench) -> Sides:
    """Activations that overwrite what they read, feature network."""
    network = bench.part("network")
    return Sides(with_new_maps(copy.deepcopy(network)), network, (bench.features,))


def activations_of_heads(bench: Bench) -> Sides:
    """Activations that overwrite what they read, heads."""
    pair = [with_new_maps(bench.part(name)) for name in ("class_head", "box_head")]
    return Sides(class_and_box((pair[0], pair[1])), heads(bench), (bench.maps,))


def with_new_maps(part: nn.Module) -> nn.Module:
    """The part, changed so that its activations make new maps."""
    for activation in part.modules():
        if isinstance(activation, nn.SiLU):
            activation.inplace = False
    return part


def maps_dropped(bench: Bench) -> Sides:
    """`del` of maps that nothing reads any more, on PAFPN, which has them."""
    return compiled_with(bench, "pafpn_mmdet", liveness, "WORTH", -1.0)


def resamples_once(bench: Bench) -> Sides:
    """Maps that several nodes read resampled in the same way, on GFPN, which has them."""
    return compiled_with(bench, "gfpn_log2n", statements, "is_resampling", lambda via: False)


def compiled_with(
    bench: Bench, spec: str, module: types.ModuleType, name: str, value: object
) -> Sides:
    """A shipped network, without: by a compiler of which one name has another value."""
    path, phi = ROOT / "specs" / f"{spec}.yaml", bench.phi
    optimised = load_model(path, phi)().eval()
    with patched(module, name, value):
        without = load_model(path, phi)().eval()
    if type(optimised) is type(without):
        raise ValueError(f"{spec}: the compiler makes the same file without `{name}`")
    without.load_state_dict(optimised.state_dict())
    with torch.no_grad():
        features = [laid_out(x) for x in channels_last(optimised.backbone)(bench.images)]
    networks = [channels_last(model.network) for model in (without, optimised)]
    return Sides(networks[0], networks[1], (features,))


def all_pairs(
    class_maps: list[Tensor],
    box_maps: list[Tensor],
    anchors: Tensor,
    num_classes: int,
    image_size: tuple[int, int],
    max_candidates: int = 5000,
) -> tuple[Tensor, Tensor, Tensor]:
    """Candidates from one sort of all pairs of anchor and class, effdet's way."""
    logits = torch.cat([flatten_map(x, num_classes) for x in class_maps], dim=1)
    deltas = torch.cat([flatten_map(x, 4) for x in box_maps], dim=1)
    best, pairs = logits.flatten(1).topk(max_candidates)
    rows = pairs // num_classes
    found = deltas.gather(1, rows[..., None].expand(-1, -1, 4))
    boxes = clip_boxes(decode_boxes(found, anchors[rows]), image_size)
    return boxes, best.sigmoid(), pairs % num_classes


def all_candidates(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    max_detections: int = 100,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Suppression among all candidates, of which the best are kept afterwards."""
    kept = suppress(boxes, scores, labels, iou_threshold)[:max_detections]
    return boxes[kept], scores[kept], labels[kept]


def candidates_in_two_steps(bench: Bench) -> Sides:
    """The best anchors first, then the best classes of these."""
    return detections_with(bench, "top_candidates", all_pairs)


def suppression_until_enough(bench: Bench) -> Sides:
    """Suppression of as many candidates as give enough detections."""
    return detections_with(bench, "select_detections", all_candidates)


def detections_with(bench: Bench, name: str, value: object) -> Sides:
    """`detect` on maps that are ready, without: with another function of the generated file."""
    with torch.no_grad():
        class_maps, box_maps = (list(map(laid_out, m)) for m in bench.pair.ours(bench.images))
    detect = own(bench.pair, ([UNSATURATED * m for m in class_maps], box_maps))
    return Sides(with_other(bench.pair.module, name, value, detect), detect, ())


def norms_of_backbone(bench: Bench) -> Sides:
    """Batch norms folded into the backbone's convolutions."""
    folded = bench.part("backbone")
    with torch.no_grad():
        bench.pair.module.fold_norms(folded.requires_grad_(False), bench.images)
    return Sides(bench.part("backbone"), channels_last(folded), (bench.images,))


def norms_of_network(bench: Bench) -> Sides:
    """Batch norms folded into the network's convolutions."""
    folded = copy.deepcopy(bench.part("network")).requires_grad_(False)
    with torch.no_grad():
        bench.pair.module.fold_norms(folded, list(bench.features))
    return Sides(bench.part("network"), channels_last(folded), (bench.features,))


def norms_of_heads(bench: Bench) -> Sides:
    """Batch norms folded into copies of the heads' convolutions, one a level."""
    unshare = bench.pair.module.unshare_levels
    ours = bench.pair.ours
    with torch.no_grad():
        folded = [
            channels_last(unshare(copy.deepcopy(h))) for h in (ours.class_head, ours.box_head)
        ]
    return Sides(heads(bench), class_and_box((folded[0], folded[1])), (bench.maps,))


def halving_convolutions(bench: Bench) -> Sides:
    """Zero rows in kernels in place of padded copies, where the backbone halves its maps."""
    replaced = bench.part("backbone")
    with torch.no_grad():
        bench.pair.module.replace_same_padding(replaced.requires_grad_(False))
    return Sides(bench.part("backbone"), channels_last(replaced), (bench.images,))


OPTIMISATIONS = (
    Optimisation("explicit adds, not a stack", "network", explicit_adds),
    Optimisation("accumulate in place", "network", in_place),
    Optimisation("frozen fusion weights", "network", frozen_weights),
    Optimisation("max-pool without a padded copy", "network", pool_without_copy),
    Optimisation("channels_last", "network", layout_of_network),
    Optimisation("channels_last", "backbone", layout_of_backbone),
    Optimisation("channels_last", "heads", layout_of_heads),
    Optimisation("activations in place", "network", activations_of_network),
    Optimisation("activations in place", "heads", activations_of_heads),
    Optimisation("maps dropped, PAFPN", "network", maps_dropped),
    Optimisation("equal resamples once, GFPN", "network", resamples_once),
    Optimisation("folded batch norms", "network", norms_of_network),
    Optimisation("folded batch norms", "backbone", norms_of_backbone),
    Optimisation("folded batch norms, one copy a level", "heads", norms_of_heads),
    Optimisation("stride 2 without a padded copy", "backbone", halving_convolutions),
    Optimisation("candidates in two steps", "postprocessing", candidates_in_two_steps),
    Optimisation("suppression until enough is found", "postprocessing", suppression_until_enough),
)
