"""Graphs and networks out of specs and out of text, and whether they are equal."""

from pathlib import Path

from fpncompiler.diagnostics import Sink
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.reader import Item, read_text
from fpncompiler.ir.step_words import Kinds
from fpncompiler.plugins import block_kinds, fusion_kinds

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "specs").glob("*.yaml"), *(ROOT / "tests/data/specs").glob("*.yaml")])


def read(text: str) -> tuple[Item, ...]:
    return read_text(text.encode(), "mine.ir", Kinds(block_kinds(), fusion_kinds()), Sink())


def read_graph(text: str) -> Graph:
    (graph,) = read(text)
    assert isinstance(graph, Graph)
    return graph


def contents(item: Item) -> object:
    """All that an item holds, but for where it stands; equal for equal items."""
    if isinstance(item, Network):
        layers = [(layer.repeats, contents(layer.graph)) for layer in item.layers]
        return item.name, item.taps, contents(item.extra), layers, item.outputs
    nodes = {
        node: (item.op(node), [(edge.source, edge.via) for edge in item.inputs(node)])
        for node in item.order()
    }
    return item.name, item.outputs, nodes
