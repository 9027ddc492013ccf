"""Text cases: `tests/data/passes/NAME.txt` holds directives, a graph, `---`, and what comes of it.

    # pass: prune_single_input        one or more, in order, as `fpnc opt --pass` runs them
    graph example
      ...
    ---
    graph example
      ...

`add_extra_levels` and `repeat` need more than a graph. The first needs no graph, and gives one; the
second runs on the layer of a network, and gives the network.

    # pass: repeat
    # taps: c4=112 c5=320             what the backbone gives
    # levels: p4 p5 p6=64 p7          the pyramid; made levels may have a width
    # with: padding=symmetric         how made levels are resampled and adapted
    # depth: 3                        layers; 1 if not said
    # outputs: p4 p5                  of the last layer; all levels if not said

`FPNC_UPDATE=1 pytest tests/passes/test_pass_texts.py` rewrites what stands below the line.
"""

import os
import re
from collections import Counter
from dataclasses import dataclass

import pytest

from fpncompiler.diagnostics import Sink
from fpncompiler.ir.defaults import Defaults
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.lines import Line
from fpncompiler.ir.network import Network
from fpncompiler.ir.node_lines import read_defaults
from fpncompiler.ir.step_words import Kinds
from fpncompiler.ir.text import print_graph, print_network
from fpncompiler.ir.verify import verify
from fpncompiler.opt import optimize
from fpncompiler.passes import PASSES
from fpncompiler.passes.add_extra_levels import add_extra_levels
from fpncompiler.passes.repeat import repeat
from fpncompiler.plugins import block_kinds, fusion_kinds
from tests.ir.texts import ROOT, contents, read, read_graph

FOLDER = ROOT / "tests/data/passes"
CASES = sorted(FOLDER.glob("*.txt"))
SEPARATOR = "---\n"
UPDATES = bool(os.environ.get("FPNC_UPDATE"))
DIRECTIVE = re.compile(r"^# (pass|taps|levels|with|depth|outputs): (.+)$", re.MULTILINE)
LEVEL = re.compile(r"[pc](\d+)(?:=(\d+))?")
OF_NETWORKS = ("add_extra_levels", "repeat")
TO_LOWER = ("remove_dead_nodes", "insert_resampling", "insert_adapters")


@dataclass(frozen=True)
class Given:
    """The upper half of a case."""

    text: str
    said: dict[str, str]
    passes: tuple[str, ...]

    @property
    def taps(self) -> dict[int, int]:
        return {level: int(width) for level, width in self.levels("taps").items()}

    def levels(self, name: str) -> dict[int, str]:
        return {int(level): width for level, width in LEVEL.findall(self.said.get(name, ""))}

    @property
    def defaults(self) -> Defaults:
        sink = Sink()
        line = Line(self.said.get("with", ""), "with", 1, sink)
        defaults = read_defaults(line, Defaults(), Kinds(block_kinds(), fusion_kinds()))
        sink.stop_on_errors()
        return defaults


def given(text: str) -> Given:
    found = DIRECTIVE.findall(text)
    assert text.startswith("# pass: ")
    assert max(Counter(name for name, _ in found if name != "pass").values(), default=1) == 1
    names = tuple(value for name, value in found if name == "pass")
    return Given(text, dict(found), names)


def after(case: Given) -> str:
    """What comes of the upper half."""
    if not {*OF_NETWORKS} & {*case.passes}:
        return optimize(case.text.encode(), "mine.ir", case.passes)
    (name,) = case.passes
    extra = extra_levels(case)
    if name == "add_extra_levels":
        return print_graph(extra)
    return print_network(repeated(case, lowered(PASSES["infer_widths"](extra))))


def extra_levels(case: Given) -> Graph:
    levels = case.levels("levels").items()
    widths = {level: int(width) if width else None for level, width in levels}
    how = case.defaults
    return add_extra_levels(case.taps, widths, how.resampling, how.adapting)


def repeated(case: Given, extra: Graph) -> Network:
    layer = read_graph(case.text)
    pyramid = {level: extra.op(node).width for level, node in extra.outputs.items()}
    outputs = tuple(case.levels("outputs") or pyramid)
    depth = int(case.said.get("depth", 1))
    layers = repeat(layer, depth, pyramid, case.taps, outputs, lowered)
    return Network(layer.name, case.taps, extra, layers, outputs)


def lowered(graph: Graph) -> Graph:
    for name in TO_LOWER:
        graph = PASSES[name](graph)
        verify(graph, name)
    return graph


def halves(path) -> tuple[Given, str]:
    text, _, expected = path.read_text().partition(SEPARATOR)
    return given(text), expected


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_pass_makes_what_is_expected(path):
    case, expected = halves(path)
    found = after(case)
    if UPDATES:
        path.write_text(case.text + SEPARATOR + found)
    assert found == expected or UPDATES


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_expected_is_a_text_itself(path):
    _, expected = halves(path)
    assert read(expected), "verified, with every level and width of a network"


def changes_nothing(case: Given, expected: str) -> bool:
    return [contents(item) for item in read(case.text)] == [
        contents(item) for item in read(expected)
    ]


def test_every_pass_has_a_case_of_its_own_and_one_that_changes_nothing():
    cases = [halves(path) for path in CASES]
    names = Counter(name for case, _ in cases for name in {*case.passes})
    assert {*names} == {*PASSES, *OF_NETWORKS}
    assert min(names.values()) >= 2
    alone = [(case, expected) for case, expected in cases if len(case.passes) == 1]
    of_graphs = [(case, expected) for case, expected in alone if case.passes[0] in PASSES]
    idle = {case.passes[0] for case, expected in of_graphs if changes_nothing(case, expected)}
    busy = {case.passes[0] for case, expected in of_graphs if not changes_nothing(case, expected)}
    assert idle == busy == {*PASSES}
