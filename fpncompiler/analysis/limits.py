"""Which image sizes a network takes."""

from dataclasses import dataclass

from fpncompiler.analysis.sizes import References, sizes
from fpncompiler.ir.flow import Passage, edge_passages, node_passages
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Convolution

MAX_SIDE = 1 << 16


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """The smallest side of an image in pixels, and what sides are multiples of."""

    smallest: int
    multiple: int


def size_limits(network: Network, backbone_multiple: int) -> SizeLimits:
    """The limits of a network behind a backbone whose images have sides of some multiple."""
    graphs = [network.extra, *(layer.graph for layer in network.layers)]
    multiple = max([backbone_multiple, *(_multiple(graph) for graph in graphs)])
    smallest = 2**network.coarsest
    if any(_shrinks(graph) for graph in graphs):
        low, high = smallest, MAX_SIDE
        while low < high:  # the number of cells grows with the side
            middle = (low + high) // 2
            if all(_has_cells(graph, middle) for graph in graphs):
                high = middle
            else:
                low = middle + 1
        smallest = low
    return SizeLimits(-(-smallest // multiple) * multiple, multiple)


def _passages(graph: Graph, node: str) -> list[Passage]:
    edges = (edge_passages(graph, edge) for edge in graph.inputs(node))
    return [passage for edge in edges for passage in edge] + list(node_passages(graph, node))


def _multiple(graph: Graph) -> int:
    """Where an upsampled map finds none to take its size from, halving must have been even."""
    references = References(graph)
    multiple = 1
    for node in graph.computed():
        for passage in _passages(graph, node):
            finer = passage.level_after < passage.level
            if finer and references.at(passage.level_after, node) is None:
                multiple = max(multiple, 2**passage.level)
    return multiple


def _shrinks(graph: Graph) -> bool:
    return any(
        isinstance(step, Convolution) and step.valid
        for node in graph.computed()
        for step in (passage.step for passage in _passages(graph, node))
    )


def _has_cells(graph: Graph, side: int) -> bool:
    return all(min(size) > 0 for size in sizes(graph, (side, side)).nodes.values())
