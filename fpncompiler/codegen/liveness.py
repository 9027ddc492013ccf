"""Which maps of a forward pass nothing reads any more, and whether it pays to drop them.

p5_in, p6_in = features             p5_in, p6_in = features
p6_td = ...p6_in...           ->    p6_td = ...p6_in...
p5_td = ...p5_in...p6_td...         p5_td = ...p5_in...p6_td...
p4_td = ...p5_td...                 del p6_td
                                    p4_td = ...p5_td...
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

WORTH = 0.9  # at most so much of the peak has to be left for deletions to be worth their lines
LARGE = 0.1  # of the peak; smaller maps are not worth a line


@dataclass(frozen=True, slots=True)
class Line:
    """A statement that makes a map of so many values out of others.

    While it runs it holds `working` maps of that size, its result among them.
    """

    name: str
    text: str
    reads: frozenset[str]
    values: int
    working: int = 1


def with_deletions(lines: Sequence[Line], returned: Collection[str], indent: int) -> list[str]:
    """The statements, and where it lowers the peak enough, those that drop maps."""
    values = {line.name: line.values for line in lines}
    peak = _peak(lines, [()] * len(lines))
    dead = [
        tuple(name for name in names if values[name] >= LARGE * peak)
        for names in _dead_after(lines, returned)
    ]
    worth = _peak(lines, dead) <= WORTH * peak
    found = []
    for line, names in zip(lines, dead, strict=True):
        found.append(line.text)
        if worth and names and line is not lines[-1]:
            found.append(f"{' ' * indent}del {', '.join(names)}")
    return found


def _dead_after(lines: Sequence[Line], returned: Collection[str]) -> list[tuple[str, ...]]:
    """The maps made here that each statement is the last to read."""
    made = {line.name for line in lines}
    alive = set(returned)
    dead = []
    for line in reversed(lines):
        last = sorted((line.reads & made) - alive)
        dead.append(tuple(last))
        alive |= line.reads
    return dead[::-1]


def _peak(lines: Sequence[Line], dead: Sequence[tuple[str, ...]]) -> int:
    """The most values that are held at once, inputs not counted."""
    values = {line.name: line.values for line in lines}
    held = most = 0
    for line, names in zip(lines, dead, strict=True):
        most = max(most, held + line.working * line.values)
        held += line.values
        held -= sum(values[name] for name in names)
    return most
