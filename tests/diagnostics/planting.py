"""Faults that authors make, planted in specs; each is one cause, and says its code and line.

A planter changes one line of a spec or adds one, so that faults at different lines are independent.
It is given the lines and a generator, and returns the code and the line, or None where it does not
fit.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class Line:
    """A line of a spec; `taken` where a fault is planted already."""

    text: str
    taken: bool = False


@dataclass(frozen=True)
class Planted:
    """A fault and the line that it is to be reported at."""

    kind: str
    code: str
    line: Line


Spec = list[Line]
Planter = Callable[[Spec, random.Random], tuple[str, Line] | None]


def plant(spec: Spec, kind: str, rng: random.Random) -> Planted | None:
    """Plant a fault of a kind, if the spec has a place for it."""
    found = PLANTERS[kind](spec, rng)
    if found is None:
        return None
    code, line = found
    line.taken = True
    return Planted(kind, code, line)


def key_of(line: Line) -> str:
    """The key at the top that a line begins with."""
    return found.group(1) if (found := re.match(r"(\w+):", line.text)) else ""


def top_key(spec: Spec, text: str) -> Line | None:
    """A new line at the top level, unless its key is there."""
    line = Line(text)
    if any(key_of(other) == key_of(line) for other in spec):
        return None
    at = next(i for i, other in enumerate(spec) if key_of(other) == "nodes")
    spec.insert(at, line)
    return line


def set_key(spec: Spec, text: str) -> Line | None:
    """A line at the top level in place of the one of its key, or a new one."""
    new = Line(text)
    for at, line in enumerate(spec):
        if key_of(line) != key_of(new):
            continue
        is_block = at + 1 < len(spec) and spec[at + 1].text.startswith(" ")
        if line.taken or is_block:
            return None
        line.text = text
        return line
    return top_key(spec, text)


def new_node(spec: Spec, text: str) -> Line | None:
    """A new declaration, unless its name is taken."""
    name = re.match(r"\w+", text)
    assert name
    if any(re.match(rf"\s*{name.group()}\b", line.text) for line in spec):
        return None
    at = next(i for i, line in enumerate(spec) if key_of(line) == "nodes")
    spec.insert(at + 1, Line(f"  {text}"))
    return spec[at + 1]


def _added(code: str, *texts: str) -> Planter:
    def planter(spec: Spec, rng: random.Random) -> tuple[str, Line] | None:
        line = new_node(spec, rng.choice(texts))
        return (code, line) if line else None

    return planter


def _set(code: str, *texts: str) -> Planter:
    def planter(spec: Spec, rng: random.Random) -> tuple[str, Line] | None:
        line = set_key(spec, rng.choice(texts))
        return (code, line) if line else None

    return planter


def misspelled_key(spec: Spec, rng: random.Random) -> tuple[str, Line] | None:
    """A setting that might be there, misspelled."""
    texts = ("widht: 64", "activaton: relu", "tilte: FPN", "adapter: {}", "pases: []", "gates: {}")
    line = top_key(spec, rng.choice(texts))
    return ("F201", line) if line else None


def unknown_family(spec: Spec, rng: random.Random) -> tuple[str, Line] | None:
    """A reference of an existing declaration, misspelled."""
    declared = {name for line in spec for name in re.findall(r"^  (\w+)", line.text)}
    places = [
        (line, found)
        for line in spec
        if line.text.startswith("  ") and not line.taken and "#" not in line.text
        for found in re.finditer(r"(?<=[\[ ])(in|[a-z]{2,})(?=\([l0-9])", line.text)
        if found.start() > 3
    ]
    if not places:
        return None
    line, found = rng.choice(places)
    name = found.group() + "x"
    if name in declared:
        return None
    line.text = line.text[: found.start()] + name + line.text[found.end() :]
    return "F204", line


def duplicate_key(spec: Spec, rng: random.Random) -> tuple[str, Line] | None:
    """A line at the top level again, behind the first."""
    again = [line for line in spec if key_of(line) in ("title", "source", "name", "fpnc")]
    if any(line.taken for line in again):
        return None
    line = Line(rng.choice(again).text)
    spec.append(line)
    return "F106", line


def duplicate_family(spec: Spec, rng: random.Random) -> tuple[str, Line] | None:
    """A declaration again, on the line behind the first."""
    places = [
        at
        for at, line in enumerate(spec)
        if re.match(r"  \w+\(.*\): ?\S", line.text) and not line.taken
    ]
    if not places:
        return None
    at = rng.choice(places)
    spec[at].taken = True
    spec.insert(at + 1, Line(spec[at].text))
    return "F106", spec[at + 1]


def output_of_nothing(spec: Spec, rng: random.Random) -> tuple[str, Line] | None:
    """One more output, which is no node's."""
    for line in spec:
        found = re.fullmatch(r"outputs: \[?([^\]#]+?)\]?\s*", line.text)
        if found and not line.taken:
            line.text = f"outputs: [{found.group(1)}, {rng.choice(('none', 'nothing(3)'))}]"
            return "F204", line
    return None


def range_miswritten(spec: Spec, rng: random.Random) -> tuple[str, Line] | None:
    """The levels of the spec as another tool has them."""
    line = next(line for line in spec if key_of(line) == "levels")
    if line.taken:
        return None
    low, high = line.text.removeprefix("levels:").split("..")
    listed = ", ".join(str(level) for level in range(int(low), int(high) + 1))
    texts = (f"{high}..{low}", f"[{listed}]", f"{low}-{high}", f"P{int(low)}..P{int(high)}")
    line.text = f"levels: {rng.choice(texts)}"
    return "F203", line


PLANTERS: dict[str, Planter] = {
    "misspelled key": misspelled_key,
    "unknown key of a node": _added(
        "F201", "za(4): {inputs: in(4), widht: 32}", "za(5): {inputs: [in(5), in(4)], fussion: sum}"
    ),
    "unknown family": unknown_family,
    "unknown output": output_of_nothing,
    "no inputs": _added("F202", "zb(l): []", "zb(4): {width: 32}"),
    "wrong enum": _set("F207", "activation: swish", "up: linear", "padding: valid", "down: max"),
    "unknown fusion": _set("F207", "fusion: summ", "fusion: {kind: attention}"),
    "unknown step": _added(
        "F207", "zc(4): {inputs: in(4), op: squeeze}", "zc(4): [{from: in(5), via: [relu, upp]}]"
    ),
    "unknown pass": _set("F207", "passes: [prune]", "passes: [add_same_level_skips]"),
    "wrong number": _set("F203", "norm: {eps: -1}", "norm: {momentum: 2}", "adapters: {norm: 3}"),
    "wrong width": _set("F203", "width: 0", "width: 64.5", "width: 9000"),
    "wrong depth": _set("F203", "depth: 0", "depth: 65", "depth: [3]"),
    "wrong type": _set("F203", "passes: {prune: true}", "title: [FPN]", "gate: last"),
    "even kernel": _added("F203", "zd(4): {inputs: in(4), op: {conv: full, kernel: 4}}"),
    "bad range": range_miswritten,
    "bad range of inputs": _set("F203", "inputs: 5..3", "inputs: [3, 5]", "inputs: c3"),
    "bad name": _added("F205", "Out(l): in(l)", "class(4): in(4)", "forward(l): in(l)"),
    "name of the spec": _set("F205", "name: My-FPN", "name: torch"),
    "bad reference": _added("F206", "ze(l): [in(l), 'in[l]']", "ze(4): [in(4), in(l*2)]"),
    "bad declaration": _added("F206", "zf[4]: in(4)", "zf(p4): in(4)", "zf(5..4): in(4)"),
    "bad formula": _added(
        "F504", "zg(4): {inputs: in(4), width: 64 * psi}", "zg(4): {inputs: in(4), width: 8 *}"
    ),
    "bad constant": _set("F504", "let: {zz: 64 * j}", "let: {zz: 1 / 0}"),
    "duplicate key": duplicate_key,
    "duplicate family": duplicate_family,
    "version": _set("F209", "fpnc: 2"),
    "missing level": _added("F302", "zh(4): [in(4), in(12)]", "zh(5): [in(5), in(0), in(4)]"),
    "node beyond the levels": _added("F302", "zi(12): in(4)", "zi: {level: 0, inputs: in(5)}"),
    "circle": _added("F301", "zj(4): [in(4), zj(4)]", "zj: {level: 5, inputs: [in(5), zj]}"),
    "nothing left": _added("F303", "zk(4): in(l+9)", "zk: {level: 5, inputs: [in(l-9)]}"),
    "gate of three": _added("F307", "zm(4): {inputs: [in(4), in(5), in(4)], fusion: gate}"),
    "unknown parent": _set("F210", "after: bifpm", "after: ../fpn"),
    "unknown model": _set("F501", "model: efficientdat", "model: ../lab"),
}
