"""Fast normalized fusion against softmax: the feature network with either."""

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
    """A table for effdet and each of our forms, softmax being the baseline."""
    kinds = {"softmax": pair_for(setting, "softmax"), "fast normalized": pair_for(setting)}
    features = features_of(kinds["fast normalized"])
    last = [laid_out(feature) for feature in features]
    forms = {
        "effdet": {kind: (pair.peer.fpn, features) for kind, pair in kinds.items()},
        "effdet, channels_last": {
            kind: (channels_last(pair.peer.fpn), last) for kind, pair in kinds.items()
        },
        "fpnc, channels_last": {
            kind: (channels_last(pair.ours.network), last) for kind, pair in kinds.items()
        },
        "fpnc, fused": {kind: (fused(pair.ours).network, last) for kind, pair in kinds.items()},
    }
    notes = ["Two kinds of weights are two functions; each equals effdet's, as the tests show."]
    return [
        contest(
            f"Softmax against fast normalized: {name}",
            setting.sized(),
            [
                Variant(
                    kind,
                    "effdet" if name.startswith("effdet") else "ours",
                    inference(network, maps),
                    compared=False,
                )
                for kind, (network, maps) in made.items()
            ],
            budget,
            notes,
        )
        for name, made in forms.items()
    ]
