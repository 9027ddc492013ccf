"""What loads a training form's weights into an inference form."""

from collections import Counter
from collections.abc import Iterable, Iterator

from fpncompiler.codegen.lower import adapter_name, shared_name
from fpncompiler.ir.detector import Model
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Adapt, Block, Convolution, Fuse, Input, Norm, Step


def norm_eps(network: Network, model: Model) -> tuple[tuple[str, float], ...]:
    """The eps of the training form's norms: the beginning of a module's path, and the eps.

    The empty one has the most; others are those of single nodes or edges.
    """
    found = dict(_norms(network))
    found |= dict.fromkeys(("class_head", "box_head", "head_adapters"), model.heads.norm.eps)
    ((common, _),) = Counter(found.values()).most_common(1)
    others = ((path, eps) for path, eps in sorted(found.items()) if eps != common)
    return (("", common), *others)


def _norms(network: Network) -> Iterator[tuple[str, float]]:
    yield from _norms_of_graph(network.extra, "network.")
    graphs = (layer.graph for layer in network.layers for _ in range(layer.repeats))
    for index, graph in enumerate(graphs):
        yield from _norms_of_graph(graph, f"network.layers.{index}.")


def _norms_of_graph(graph: Graph, prefix: str) -> Iterator[tuple[str, float]]:
    for node in graph.computed():
        op = graph.op(node)
        assert not isinstance(op, Input)
        edges = graph.inputs(node)
        for slot, edge in enumerate(edges):
            name = adapter_name(edge, node, slot, edges)
            yield from ((f"{prefix}{name}", norm.eps) for norm in _norms_of_steps(edge.via))
        name = shared_name(op.share) if op.share else node
        yield from ((f"{prefix}{name}", norm.eps) for norm in _norms_of_steps(op.steps))
        if isinstance(op, Fuse) and op.fusion.style:
            yield f"{prefix}{node}", op.fusion.style.norm.eps


def _norms_of_steps(steps: Iterable[Step]) -> Iterator[Norm]:
    for step in steps:
        match step:
            case Adapt() if step.norm:
                yield step.norm
            case Convolution() if "norm" in step.order:
                yield step.norm
            case Block() if step.style:
                yield step.style.norm
            case _:
                pass
