"""Each shipped network is, node by node, the one that others published.

`catalogue.json` has node lists read off papers and reference implementations (`refs`): the level,
the role and the ordered inputs of each node, `inputs` with their levels, and outputs.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fpncompiler.ir.graph import Graph
from fpncompiler.ir.ops import Fuse, Input
from fpncompiler.spec.reading import Levels
from tests.passes.graphs import WIDTH, fuse, graph, isomorphic, layer

CATALOGUE = json.loads((Path(__file__).parents[1] / "data/topologies/catalogue.json").read_text())


@dataclass(frozen=True)
class Case:
    """A published list, the spec that is it, and what the two write differently."""

    published: str
    spec: str
    options: dict = field(default_factory=dict)
    outputs: tuple[int, ...] | None = None  # levels that are returned, if not all
    left_out: tuple[str, ...] = ()  # unary nodes of the list that the spec's comment leaves out

    def __str__(self) -> str:
        return self.published


CASES = [
    Case("fpn_efficientdet", "fpn"),
    Case("panet_efficientdet", "panet"),
    Case("panet_efficientdet", "repeated_fpn_panet"),
    Case("simplified_panet", "simplified_panet"),
    Case("bifpn", "bifpn"),
    Case("bifpn_sum", "bifpn_sum"),
    Case("bifpn_dyn_P2_P7", "bifpn_p2_p7"),
    Case("bifpn_P3_P8", "bifpn", {"variant": "d7x"}),
    Case("bifpn_P3_P5", "bifpn", {"levels": Levels(3, 5)}),
    Case("bifpn_seg_P2", "bifpn_p2_p7", outputs=(2,)),
    Case("qufpn", "qufpn"),
    Case("qufpn", "qufpn_sum"),
    Case("fully_connected_fpn", "fully_connected"),
    Case("nas_fpn", "nas_fpn"),
    Case("nas_fpn", "nas_fpn_mmdet"),
    Case("fpn_lin2017", "fpn_lin2017"),
    Case("fpn_retinanet", "fpn_retinanet"),
    Case("panet_2018_official", "panet_2018"),
    Case("pafpn_mmdet", "pafpn_mmdet"),
    Case("yolov3_neck", "yolov3_neck"),
    Case("yolov5_pan", "yolov5_pan"),
    Case("yolov8_pan", "yolov8_pan"),
    # AIFI is a transformer's layer whose positional embedding depends on the image's size.
    Case("rtdetr_ccff", "rtdetr_ccff", left_out=("A5",)),
    Case("gfpn_log2n_d2", "gfpn_log2n"),
    Case("asff", "asff"),
    Case("ssd300_extra", "ssd_extra"),
    Case("semantic_fpn", "semantic_fpn"),
    Case("unet_decoder", "unet"),
]


def test_every_network_of_the_catalogue_ships():
    assert {case.published for case in CASES} == set(CATALOGUE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.published}-{case.spec}")
def test_a_network_is_the_published_one(case):
    compiled = shipped(case)
    assert isomorphic(compiled, published(case))
    for node in fusing(case):
        assert not isomorphic(compiled, published(case, turned=node))


def shipped(case: Case) -> Graph:
    """The layer after its rewrites, with nested fusions within their readers.

    The lists write NAS-FPN's `gate(a, b) + c` as one node of three inputs; a nested fusion is a
    node of the IR for the sake of the generated code alone.
    """
    found = layer(case.spec, **case.options).copy()
    for node in found.nodes():
        op = found.op(node)
        if isinstance(op, Fuse) and op.nested:
            (reader,) = found.readers(node)
            edges = list(found.inputs(reader))
            slot = [edge.source for edge in edges].index(node)
            edges[slot : slot + 1] = found.inputs(node)
            found.set_inputs(reader, tuple(edges))
            found.remove_node(node)
    if case.outputs:
        found.outputs = {level: found.outputs[level] for level in case.outputs}
    return found


def published(case: Case, turned: str = "") -> Graph:
    """The published list as a graph; the inputs of one node in turned order, as a mistake."""
    data = CATALOGUE[case.published]
    aliases = {node: sources[0] for node, _, _, sources in data["nodes"] if node in case.left_out}
    nodes: dict[str, tuple] = {n: (Input(level, WIDTH),) for n, level in data["inputs"].items()}
    for node, level, _, sources in data["nodes"]:
        read = [aliases.get(source, source) for source in sources]
        if node not in aliases:
            nodes[node] = (fuse(level), *(reversed(read) if node == turned else read))
    return graph(nodes, {nodes[node][0].level: node for node in data["outputs"].values()})


def fusing(case: Case) -> list[str]:
    return [node for node, _, _, sources in CATALOGUE[case.published]["nodes"] if len(sources) > 1]
