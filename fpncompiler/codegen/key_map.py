"""Where effdet keeps each weight of a generated model, from the same graph as the code.

    network.layers.0.p5_in_to_p5_td.norm  ->  fpn.cell.0.fnode.1.combine.resample.2.conv.bn
    class_head.norms.2.4                  ->  class_net.bn_rep.2.4.bn

effdet numbers its nodes in the order of computation, after the inputs from the finest level up.
"""

from fpncompiler.codegen.lower import adapter_name, convolution_path, fusion_path
from fpncompiler.ir.detector import Model
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import BRANCH_LETTERS, Network
from fpncompiler.ir.ops import Adapt, Convolution, Fuse, Input


def effdet_key_map(
    network: Network, model: Model, *, level_first: bool = False, branches: int = 0
) -> dict[str, str]:
    """Module path of the generated model -> module path in an effdet checkpoint.

    Args:
        level_first: the heads' batch norms are nested by level, then repeat
            (effdet `head_bn_level_first`).
        branches: how many parallel branches a layer has, which effdet numbers one after another.

    Raises:
        ValueError: the network has what effdet cannot have.
    """
    keys = {"backbone": "backbone"}
    keys |= _extra_keys(network)
    index = 0
    for layer in network.layers:
        for _ in range(layer.repeats):
            keys |= _layer_keys(layer.graph, index, branches)
            index += 1
    for ours, theirs in (("class_head", "class_net"), ("box_head", "box_net")):
        keys |= _head_keys(ours, theirs, network, model, level_first=level_first)
    return keys


def _extra_keys(network: Network) -> dict[str, str]:
    keys: dict[str, str] = {}
    for node in network.extra.computed():
        edges = network.extra.inputs(node)
        offset = network.extra.op(node).level - network.levels[0]
        for slot, edge in enumerate(edges):
            name = f"network.{adapter_name(edge, node, slot, edges)}"
            keys |= _adapter_keys(name, f"fpn.resample.{offset}.conv", edge.via)
    return keys


def _layer_keys(graph: Graph, index: int, branches: int) -> dict[str, str]:
    order = graph.order()
    inputs = [node for node in order if isinstance(graph.op(node), Input)]
    numbers = {node: number for number, node in enumerate(inputs)}
    keys: dict[str, str] = {}
    for number, node in enumerate(_numbered(graph, branches)):
        numbers[node] = len(inputs) + number
        ours, theirs = f"network.layers.{index}", f"fpn.cell.{index}.fnode.{number}"
        op = graph.op(node)
        if isinstance(op, Fuse) and op.fusion.weighs:
            keys[f"{ours}.{fusion_path(node, op)}"] = f"{theirs}.combine.edge_weights"
        edges = graph.inputs(node)
        for slot, edge in enumerate(edges):
            name = f"{ours}.{adapter_name(edge, node, slot, edges)}"
            place = f"{theirs}.combine.resample.{numbers[edge.source]}.conv"
            keys |= _adapter_keys(name, place, edge.via)
        assert not isinstance(op, Input)
        for step in op.steps:
            if not isinstance(step, Convolution) or len(op.steps) > 1:
                raise ValueError(f"effdet has no counterpart of `{node}`, which has other steps")
            name = f"{ours}.{convolution_path(node, op)}"
            keys |= _convolution_keys(name, f"{theirs}.after_combine.conv", step)
    return keys


def _numbered(graph: Graph, branches: int) -> list[str]:
    """The nodes as effdet numbers them: branch by branch, then those that merge, finest first."""
    letters = BRANCH_LETTERS[:branches]

    def place(node: str) -> tuple[int, int]:
        level = graph.op(node).level
        letter, found, _ = node.removeprefix(f"p{level}_").partition("_")
        in_branch = bool(found) and letter in letters
        return (letters.index(letter), 0) if in_branch else (branches, level)

    return sorted(graph.computed(), key=place) if branches else [*graph.computed()]


def _adapter_keys(ours: str, theirs: str, via: tuple[object, ...]) -> dict[str, str]:
    for step in via:
        if isinstance(step, Adapt) and step.norm is None:
            return {ours: f"{theirs}.conv"}
        if isinstance(step, Adapt):
            return {f"{ours}.conv": f"{theirs}.conv", f"{ours}.norm": f"{theirs}.bn"}
    return {}


def _convolution_keys(ours: str, theirs: str, op: Convolution) -> dict[str, str]:
    inner = f"{ours}.conv" if len(op.order) > 1 else ours
    keys = _plain_keys(inner, theirs, separable=op.kind == "separable")
    return keys | ({f"{ours}.norm": f"{theirs}.bn"} if "norm" in op.order else {})


def _plain_keys(ours: str, theirs: str, *, separable: bool) -> dict[str, str]:
    if not separable:
        return {ours: f"{theirs}.conv"}
    return {f"{ours}.depthwise": f"{theirs}.conv_dw", f"{ours}.pointwise": f"{theirs}.conv_pw"}


def _head_keys(
    ours: str, theirs: str, network: Network, model: Model, *, level_first: bool
) -> dict[str, str]:
    heads = model.heads
    keys = _plain_keys(f"{ours}.predict", f"{theirs}.predict", separable=heads.separable)
    for repeat in range(heads.depth):
        conv, place = f"{ours}.convs.{repeat}", f"{theirs}.conv_rep.{repeat}"
        keys |= _plain_keys(conv, place, separable=heads.separable)
        for level in range(len(network.outputs)):
            nested = f"{level}.{repeat}" if level_first else f"{repeat}.{level}.bn"
            keys[f"{ours}.norms.{repeat}.{level}"] = f"{theirs}.bn_rep.{nested}"
    return keys
