"""The whole detector without postprocessing, and its parts."""

import torch
from torch import Tensor, nn

from benchmarks.speed.contest import Variant, contest
from benchmarks.speed.pairs import (
    Pair,
    batch_of,
    channels_last,
    class_and_box,
    features_of,
    fused,
    half,
    inference,
    laid_out,
    pair_for,
)
from benchmarks.speed.results import Setting, Table
from fpncompiler.timing import Budget

LARGE_BATCH = 8


def run(setting: Setting, budget: Budget) -> list[Table]:
    """Batch 1, its parts, and batch 8 of D0 where all cores work."""
    pair = pair_for(setting)
    form = fused(pair.ours)
    tables = [_detector(pair, form, 1, setting, budget), *_parts(pair, form, setting, budget)]
    if setting.phi == 0 and setting.threads > 1 and not setting.quick:
        tables.append(_detector(pair, form, LARGE_BATCH, setting, budget))
    return tables


def _detector(pair: Pair, form: nn.Module, batch: int, setting: Setting, budget: Budget) -> Table:
    images = pair.images if batch == 1 else batch_of(pair, batch)
    last = laid_out(images)
    peer_last = channels_last(pair.peer)
    tracked = batch == 1
    variants = [
        Variant("effdet", "effdet", inference(pair.peer, images), tracked=tracked),
        Variant(
            "effdet, channels_last",
            "effdet",
            inference(peer_last, last),
            measures_noise=True,
            tracked=tracked,
        ),
        Variant(
            "fpnc, channels_last",
            "ours",
            inference(channels_last(pair.ours), last),
            tracked=tracked,
        ),
        Variant("fpnc, fused", "ours", inference(form, last), tracked=tracked),
    ]
    if batch == 1:
        variants += half_precision(peer_last, form, last)
    notes = (
        ["bf16 rows give other numbers than f32 rows; only times compare."] if batch == 1 else []
    )
    title = f"Detector, batch {batch}"
    return contest(title, setting.sized(batch), variants, budget, notes)


def half_precision(peer_last: nn.Module, form: nn.Module, images: Tensor) -> list[Variant]:
    """Both in bfloat16, on images in channels_last."""
    cut = images.bfloat16()

    def autocast(batch: Tensor) -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return peer_last(batch)

    return [
        Variant(
            "effdet, bf16 weights, channels_last",
            "effdet",
            inference(half(peer_last), cut),
            precision="bf16",
            measures_noise=True,
            tracked=True,
        ),
        Variant(
            "effdet, bf16 autocast, channels_last",
            "effdet",
            inference(autocast, images),
            precision="bf16",
            measures_noise=True,
            tracked=True,
        ),
        Variant(
            "fpnc, fused, bf16",
            "ours",
            inference(half(form), cut),
            precision="bf16",
            tracked=True,
        ),
    ]


def _parts(pair: Pair, form: nn.Module, setting: Setting, budget: Budget) -> list[Table]:
    """Each part on the peer's inputs, so that a difference is the part's own."""
    features = features_of(pair)
    maps = [m.contiguous() for m in tensors(inference(pair.peer.fpn, features)())]
    inputs: dict[str, list[Tensor] | Tensor] = {
        "backbone": pair.images,
        "network": features,
        "heads": maps,
    }
    peer, peer_last = parts_of_peer(pair.peer), parts_of_peer(channels_last(pair.peer))
    ours = parts_of_ours(channels_last(pair.ours))
    of_form = parts_of_ours(form)
    tables = []
    for name, given in inputs.items():
        last = [laid_out(x) for x in given] if isinstance(given, list) else laid_out(given)
        variants = [
            Variant("effdet", "effdet", inference(peer[name], given), tracked=True),
            Variant(
                "effdet, channels_last",
                "effdet",
                inference(peer_last[name], last),
                measures_noise=True,
                tracked=True,
            ),
            Variant("fpnc, channels_last", "ours", inference(ours[name], last), tracked=True),
            Variant("fpnc, fused", "ours", inference(of_form[name], last), tracked=True),
        ]
        share = Budget(budget.rounds, budget.seconds / 3, budget.least)
        tables.append(contest(f"Part: {name}", setting.sized(), variants, share))
    return tables


def tensors(outputs: object) -> list[Tensor]:
    """A list of maps, as such."""
    assert isinstance(outputs, list)
    return outputs


def parts_of_peer(model: nn.Module) -> dict[str, object]:
    """Effdet's backbone, network and both heads."""
    heads = class_and_box((model.class_net, model.box_net))
    return {"backbone": model.backbone, "network": model.fpn, "heads": heads}


def parts_of_ours(model: nn.Module) -> dict[str, object]:
    """A generated model's backbone, network and both heads."""
    heads = class_and_box((model.class_head, model.box_head))
    return {"backbone": model.backbone, "network": model.network, "heads": heads}
