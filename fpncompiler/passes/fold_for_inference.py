"""The inference form: batch norms become part of convolutions, fusion weights are fixed.

    node  conv separable3x3 order=[act, conv, norm]  ->  conv separable3x3 order=[act, conv] bias
    edge  adapt 64 norm                              ->  adapt 64 bias

A norm that does not follow its convolution at once stays. Weights of pixels stay learned, for they
are resized to each map.
"""

from dataclasses import replace

from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Adapt, Block, Convolution, Fuse, Fusion, Input, Step


def inference_form(network: Network) -> Network:
    """The network with norms folded and fusion weights fixed."""
    layers = (replace(layer, graph=fold_for_inference(layer.graph)) for layer in network.layers)
    return replace(network, extra=fold_for_inference(network.extra), layers=tuple(layers))


def fold_for_inference(graph: Graph) -> Graph:
    """The same for one graph."""
    graph = graph.copy()
    for node in graph.computed():
        op = graph.op(node)
        assert not isinstance(op, Input)
        op = replace(op, steps=_folded(op.steps))
        if isinstance(op, Fuse):
            op = replace(op, fusion=_fixed(op.fusion))
        graph.set_op(node, op)
        edges = (replace(edge, via=_folded(edge.via)) for edge in graph.inputs(node))
        graph.set_inputs(node, tuple(edges))
    return graph


def _folded(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(_folded_step(step) for step in steps)


def _folded_step(step: Step) -> Step:
    match step:
        case Adapt() if step.norm:
            return replace(step, norm=None, bias=True)
        case Convolution() if follows_at_once(step):
            order = tuple(part for part in step.order if part != "norm")
            return replace(step, order=order, bias=True)
        case Block() if step.style:
            return replace(step, style=replace(step.style, folded=True))
        case _:
            return step


def follows_at_once(step: Convolution) -> bool:
    """Whether a norm reads what the convolution gives."""
    return ("conv", "norm") in zip(step.order, step.order[1:], strict=False)


def _fixed(fusion: Fusion) -> Fusion:
    if fusion.style:
        fusion = replace(fusion, style=replace(fusion.style, folded=True))
    return replace(fusion, fixed=fusion.weighs and fusion.granularity != "pixel")
