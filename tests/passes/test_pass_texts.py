"""Text cases: `tests/data/passes/NAME.txt` holds `# pass: P`, a spec, `---`, the graph after P.

`FPNC_UPDATE=1 pytest tests/passes/test_pass_texts.py` rewrites what stands below the line.
"""

import os

import pytest

from fpncompiler.ir.flow import infer_widths
from fpncompiler.ir.text import print_graph
from fpncompiler.passes import REWRITES
from fpncompiler.passes.insert_adapters import insert_adapters
from fpncompiler.passes.insert_resampling import insert_resampling
from fpncompiler.passes.remove_dead_nodes import remove_dead_nodes
from fpncompiler.pipeline import Compiled
from tests.passes.graphs import ROOT, compiled

CASES = sorted((ROOT / "tests/data/passes").glob("*.txt"))
SEPARATOR = "---\n"
# Passes of one graph; they run on the layer as the spec's own rewrites leave it.
ON_LAYER = {
    **REWRITES,
    "insert_adapters": lambda graph: insert_adapters(infer_widths(graph)),
    "insert_resampling": insert_resampling,
    "remove_dead_nodes": remove_dead_nodes,
}


def after(name: str, result: Compiled) -> str:
    if name in ON_LAYER:
        return print_graph(ON_LAYER[name](result.layer))
    if name == "add_extra_levels":
        return print_graph(result.network.extra)
    assert name == "repeat"
    layers = result.network.layers
    return "\n".join(f"{part.repeats} x {print_graph(part.graph)}" for part in layers)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_pass_prints_the_expected_graph(path):
    text = path.read_text()
    spec, _, expected = text.partition(SEPARATOR)
    marker, name = spec.splitlines()[0].split(": ")
    assert marker == "# pass"
    found = after(name, compiled(spec))
    if os.environ.get("FPNC_UPDATE"):
        path.write_text(spec + SEPARATOR + found)
    assert found == expected or os.environ.get("FPNC_UPDATE")


def test_every_pass_has_a_text_case():
    names = {path.read_text().splitlines()[0].removeprefix("# pass: ") for path in CASES}
    assert names == {*ON_LAYER, "add_extra_levels", "repeat"}
