"""Page faults and time under one allocator setting; the settings are different processes."""

from collections.abc import Callable
from dataclasses import replace
from statistics import median

from benchmarks.speed.contest import Variant, contest
from benchmarks.speed.live_memory import page_faults, resident_growth
from benchmarks.speed.pairs import channels_last, fused, inference, laid_out, pair_for
from benchmarks.speed.results import Row, Setting, Table
from benchmarks.speed.sections.detector import half_precision
from fpncompiler.timing import Budget

CALLS = 3  # of which the median counts


def run(setting: Setting, budget: Budget) -> list[Table]:
    """Effdet eager and ours, with faults and growth of a forward pass that others went before."""
    pair = pair_for(setting)
    last = laid_out(pair.images)
    form = fused(pair.ours)
    peer_last = channels_last(pair.peer)
    variants = [
        Variant("effdet", "effdet", inference(pair.peer, pair.images)),
        Variant(
            "effdet, channels_last",
            "effdet",
            inference(peer_last, last),
            measures_noise=True,
        ),
        Variant("fpnc, channels_last", "ours", inference(channels_last(pair.ours), last)),
        Variant("fpnc, fused", "ours", inference(form, last)),
        *half_precision(peer_last, form, last),
    ]
    table = contest("Detector", setting.sized(), variants, budget)
    notes = [
        "Resident MB: how far a forward pass raises the process's high-water mark, after all that "
        "was free went back to the kernel."
    ]
    calls = {variant.name: variant.run for variant in variants}
    rows = [_counted(row, calls[row.name]) for row in table.rows]
    return [replace(table, rows=rows, notes=notes)]


def _counted(row: Row, call: Callable[[], object] | None) -> Row:
    if call is None or row.seconds is None:
        return row
    figures: dict[str, float | str] = {
        **row.figures,
        "page faults": median(page_faults(call) for _ in range(CALLS)),
    }
    grown = resident_growth(call)
    if grown is not None:
        figures["resident MB"] = round(grown / 1e6)
    return replace(row, figures=figures)
