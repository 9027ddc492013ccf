"""The feature network alone, on the backbone's features."""

from benchmarks.speed.contest import Variant, contest
from benchmarks.speed.pairs import (
    channels_last,
    features_of,
    fused,
    inference,
    laid_out,
    pair_for,
)
from benchmarks.speed.results import Setting, Table
from fpncompiler.timing import Budget


def run(setting: Setting, budget: Budget) -> list[Table]:
    """Effdet's network and ours, in both layouts, and ours fused."""
    pair = pair_for(setting)
    features = features_of(pair)
    last = [laid_out(feature) for feature in features]
    peer, ours = pair.peer.fpn, pair.ours.network
    rows = [
        ("effdet", "effdet", peer, features),
        ("effdet, channels_last", "effdet", channels_last(peer), last),
        ("fpnc, contiguous", "ours", ours, features),
        ("fpnc, channels_last", "ours", channels_last(ours), last),
        ("fpnc, fused", "ours", fused(pair.ours).network, last),
    ]
    variants = [
        Variant(
            name,
            side,
            inference(network, maps),
            measures_noise=name == "effdet, channels_last",
            tracked=True,
        )
        for name, side, network, maps in rows
    ]
    return [contest("Feature network alone", setting.sized(), variants, budget)]
