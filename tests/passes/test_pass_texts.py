"""Passes on graphs as text: `tests/data/passes/NAME.txt` holds a graph, `---`, and the graph after.

    # pass: prune_single_input, add_same_level_skip

names the passes, which run as `fpnc opt` runs them. What makes or unrolls graphs has settings beside
it: `# taps: 3=40 4=112`, `# wanted: 3 4 5=64` for `add_extra_levels`; `# taps`, `# reads`, `# depth`
and `# returned` for `repeat`. `FPNC_UPDATE=1` rewrites what stands below the line.
"""

import os
import re

import pytest

from fpncompiler.ir.flow import infer_widths
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.ops import Adapting, Norm, Resampling
from fpncompiler.ir.text import print_graph
from fpncompiler.opt import PASSES, optimize, parse_ir
from fpncompiler.passes.add_extra_levels import add_extra_levels
from fpncompiler.passes.repeat import repeat
from tests.helpers import ROOT

CASES = sorted((ROOT / "tests/data/passes").glob("*.txt"))
SEPARATOR = "---\n"
MADE = ("add_extra_levels", "repeat")


def directive(text: str, name: str) -> str:
    (found,) = re.findall(rf"^# {name}: (.*)$", text, re.MULTILINE)
    return found


def numbers(text: str, name: str) -> dict[int, int | None]:
    """`3=40 5`: of each level its channels, or None."""
    pairs = (word.partition("=") for word in directive(text, name).split())
    return {int(level): int(width) if width else None for level, _, width in pairs}


def passes(text: str) -> list[str]:
    return directive(text, "pass").split(", ")


def after(text: str) -> str:
    match passes(text):
        case ["add_extra_levels"]:
            how = Resampling("nearest", "max_pool", "same"), Adapting(Norm(1e-3, 0.01), bias=True)
            return print_graph(
                add_extra_levels(numbers(text, "taps"), numbers(text, "wanted"), *how)
            )
        case ["repeat"]:
            (layer,) = parse_ir(text.encode(), "case")
            assert isinstance(layer, Graph)
            reads, taps = numbers(text, "reads"), numbers(text, "taps")
            depth, returned = int(directive(text, "depth")), tuple(numbers(text, "returned"))
            layers = repeat(layer, depth, reads, taps, returned, infer_widths)
            return "\n".join(f"# x{part.repeats}\n{print_graph(part.graph)}" for part in layers)
        case names:
            return optimize(text.encode(), "case", names)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_pass_leaves_the_expected_graph(path):
    text, _, expected = path.read_text().partition(SEPARATOR)
    found = after(text)
    if os.environ.get("FPNC_UPDATE"):
        path.write_text(text + SEPARATOR + found)
        return
    assert found == expected


@pytest.mark.parametrize("name", [*PASSES, *MADE])
def test_every_pass_has_a_case_and_one_that_it_leaves_alone(name):
    texts = [path.read_text().partition(SEPARATOR) for path in CASES]
    cases = [(text, expected) for text, _, expected in texts if name in passes(text)]
    if name in MADE:
        assert len(cases) >= 2
        return
    alone = [optimize(text.encode(), "case", []) == expected for text, expected in cases]
    assert {True, False} <= {*alone}
