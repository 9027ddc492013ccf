"""Which maps of a forward pass nothing reads any more, and whether it pays to drop them.

p5_in, p6_in = features             p5_in, p6_in = features
p6_td = ...p6_in...           ->    p6_td = ...p6_in...
p5_td = ...p5_in...p6_td...         p5_td = ...p5_in...p6_td...
p4_td = ...p5_td...                 del p6_td
                                    p4_td = ...p5_td...
"""

from collections.abc import Collection, Sequence

from fpncompiler.analysis.statements import Statement

WORTH = 0.9  # at most so much of the peak has to be left for deletions to be worth their lines
LARGE = 0.1  # of the peak; smaller maps are not worth a line


def deletions(lines: Sequence[Statement], returned: Collection[str]) -> list[tuple[str, ...]]:
    """The maps to drop after each statement; none where that lowers the peak too little."""
    nothing: list[tuple[str, ...]] = [()] * len(lines)
    kept = {line.name: line.work.kept for line in lines}
    peak = peak_of(lines, nothing)
    dead = [
        tuple(name for name in names if kept[name] >= LARGE * peak)
        for names in _dead_after(lines, returned)
    ]
    return dead if peak_of(lines, dead) <= WORTH * peak else nothing


def peak_of(lines: Sequence[Statement], dropped: Sequence[tuple[str, ...]]) -> int:
    """The most values that are held at once, inputs not counted."""
    kept = {line.name: line.work.kept for line in lines}
    held = most = 0
    for line, names in zip(lines, dropped, strict=True):
        most = max(most, held + line.work.peak)
        held += line.work.kept - sum(kept[name] for name in names)
    return most


def _dead_after(lines: Sequence[Statement], returned: Collection[str]) -> list[tuple[str, ...]]:
    """The maps made here that each statement is the last to read, but for the last statement.

    A map that another hands on lives under that name.
    """
    made = {line.name for line in lines}
    alive = set(returned)
    dead = []
    for line in reversed(lines):
        last = sorted((line.reads & made) - alive - {line.same_as})
        dead.append(tuple(last) if line is not lines[-1] else ())
        alive |= line.reads
    return dead[::-1]
