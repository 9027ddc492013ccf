"""Each optimisation by itself: a row each, and what could not be measured."""

from benchmarks.speed.ablation import OPTIMISATIONS, Bench, Optimisation
from benchmarks.speed.contest import Variant, contest
from benchmarks.speed.pairs import inference, pair_for
from benchmarks.speed.results import Row, Setting, Table
from fpncompiler.timing import Budget


def run(setting: Setting, budget: Budget) -> list[Table]:
    """Pairs of variants, shown as one table; each pair runs in turns of its own."""
    bench = Bench(pair_for(setting), setting.phi)
    rows = [measured(entry, bench, setting, budget) for entry in OPTIMISATIONS]
    notes = [
        "Each row is measured by itself, in channels_last unless it is about that, on BiFPN unless "
        "it names another network."
    ]
    return [Table("Optimisations", setting.sized(), rows, rounds=0, notes=notes)]


def measured(entry: Optimisation, bench: Bench, setting: Setting, budget: Budget) -> Row:
    """How many times as fast the optimised side is, and how much less memory it needs."""
    name = f"{entry.part}: {entry.name}"
    try:
        sides = entry.sides(bench)
    except Exception as error:  # one entry must not cost the others
        return Row(name, "ours", note=f"failed: {type(error).__name__}: {error}")
    after = sides.inputs_optimised or sides.inputs
    variants = [
        Variant("without", "other", inference(sides.without, *sides.inputs), tracked=True),
        Variant(name, "ours", inference(sides.optimised, *after), "part", tracked=True),
    ]
    table = contest(name, setting.sized(), variants, budget)
    before, row = table.rows
    figures = dict(row.figures)
    for head in ("peak live MB", "allocated MB"):
        if head in figures:
            figures[head] = f"{before.figures[head]} to {figures[head]}"
    figures["rounds"] = table.rounds
    return Row(name, "ours", row.seconds, row.ratio, figures, row.note)
