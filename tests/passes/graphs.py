"""Layers for tests: compiled from specs, or built from the published node lists."""

import json
from pathlib import Path

import networkx as nx
from networkx.algorithms.isomorphism import categorical_multiedge_match, categorical_node_match

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Adapting, Fuse, Fusion, Input, Resampling, Unary
from fpncompiler.pipeline import Compiled, Options, compile_spec

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "tests/data/topologies/published.json"
WIDTH = 64

HOW = ((), Resampling("nearest", "max_pool", "same"), Adapting(None, True))

REVERSED_PANET = """\
fpnc: 1
name: reversed_panet
levels: 3..7
nodes:
  bu(l): [in(l), bu(l-1)]
  out(l): [bu(l), out(l+1)]
outputs: out
passes: [prune_single_input, add_same_level_skip]
"""


def compiled(spec: str, **options) -> Compiled:
    """A shipped spec by its name, or a spec as text."""
    return compile_spec(spec if "\n" in spec else ROOT / f"specs/{spec}.yaml", Options(**options))


def layer(spec: str, **options) -> Graph:
    return compiled(spec, **options).layer


def fuse(level: int, *, keep: bool = False, width: int = WIDTH) -> Fuse:
    return Fuse(level, width, Fusion(), *HOW, fuse_width=width, keep=keep)


def unary(level: int, width: int = WIDTH) -> Unary:
    return Unary(level, width, *HOW, fuse_width=width)


def graph(nodes: dict[str, tuple], outputs: dict[int, str]) -> Graph:
    """A graph of `name: (op, *sources)`, in any order."""
    made = Graph("made")
    for name, (op, *_) in nodes.items():
        made.add_node(name, op)
    for name, (_, *sources) in nodes.items():
        made.set_inputs(name, tuple(Edge(source) for source in sources))
    made.outputs = dict(outputs)
    return made


def published(name: str) -> Graph:
    """A node list of google/automl, effdet or a paper, as a graph."""
    data = json.loads(PUBLISHED.read_text())[name]
    inputs = {node: (Input(level_of(node), WIDTH),) for node in data["inputs"]}
    nodes = {node: (fuse(level), *sources) for node, level, sources in data["nodes"]}
    outputs = {level_of(level): node for level, node in data["outputs"].items()}
    return graph(inputs | nodes, outputs)


def level_of(name: str) -> int:
    return int(name.partition("_")[0][1:])


def counts(graph: Graph) -> tuple[int, int]:
    """Nodes that compute, and edges."""
    return sum(1 for _ in graph.computed()), graph.edge_count()


def sources(graph: Graph) -> dict[str, list[str]]:
    """What each computing node reads, in order."""
    return {node: [edge.source for edge in graph.inputs(node)] for node in graph.computed()}


def isomorphic(left: Graph, right: Graph) -> bool:
    """Whether two layers are equal but for names: levels, ordered inputs, outputs."""
    return nx.is_isomorphic(
        _anonymous(left),
        _anonymous(right),
        categorical_node_match(["level", "given", "returned"], [None, None, None]),
        categorical_multiedge_match("slot", None),
    )


def _anonymous(graph: Graph) -> "nx.MultiDiGraph[str]":
    plain: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    returned = {node: level for level, node in graph.outputs.items()}
    for node in graph.nodes():
        op = graph.op(node)
        given = op.source if isinstance(op, Input) else None
        plain.add_node(node, level=op.level, given=given, returned=returned.get(node))
    for node in graph.nodes():
        for slot, edge in enumerate(graph.inputs(node)):
            plain.add_edge(edge.source, node, slot=slot)
    return plain
