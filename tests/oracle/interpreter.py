"""What a network means: a walk over its graphs with torch.nn.functional, one node after another.

Written from the language, not from the code generator, of which it knows nothing. It does the same
arithmetic in the same order as a generated file is documented to, so results are equal bit for bit,
gradients included. For that a sum takes an input only when its turn comes: autograd adds up the
gradients of a map in the order in which its readers ran.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import functional as F

from fpncompiler.ir.flow import Passage, edge_passages, node_passages
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import (
    Activate,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Fuse,
    Fusion,
    Input,
    Pool,
    Step,
    Unary,
    Upsample,
)
from tests.oracle.operations import (
    ACTIVATIONS,
    BLOCKS,
    PLAIN,
    State,
    batch_norm,
    conv2d,
    convolution,
    downsample,
    gate,
    pool,
    spatial_softmax,
    weighted_sum,
)


def interpret(network: Network, state: State, features: list[Tensor]) -> list[Tensor]:
    """The maps that a network returns for the backbone's features, both finest first."""
    *_, (graph, maps) = run(network, state, features)
    return [maps[graph.outputs[level]] for level in network.outputs]


def run(
    network: Network, state: State, features: list[Tensor]
) -> Iterator[tuple[Graph, dict[str, Tensor]]]:
    """The graphs of a network, in turn, each with the maps of its nodes."""
    backbone = dict(zip(sorted(network.taps), features, strict=True))
    maps = run_graph(network.extra, state, "", {}, backbone)
    yield network.extra, maps
    pyramid = {level: maps[node] for level, node in network.extra.outputs.items()}
    layers = (layer.graph for layer in network.layers for _ in range(layer.repeats))
    for index, graph in enumerate(layers):
        maps = run_graph(graph, state, f"layers.{index}.", pyramid, backbone)
        yield graph, maps
        pyramid = {level: maps[node] for level, node in graph.outputs.items()}


def run_graph(
    graph: Graph,
    state: State,
    prefix: str,
    pyramid: dict[int, Tensor],
    backbone: dict[int, Tensor],
) -> dict[str, Tensor]:
    """Node -> map; names of parameters begin with `prefix`."""
    walk = _Walk(graph, state, prefix, {})
    for node in graph.nodes():
        if isinstance(op := graph.op(node), Input):
            walk.maps[node] = (pyramid if op.source == "in" else backbone)[op.level]
    for node in graph.order():
        if not isinstance(op := graph.op(node), Input):
            walk.maps[node] = walk.compute(node, op)
    return walk.maps


def edge_key(edge: Edge) -> tuple[str, tuple[Step, ...]]:
    return edge.source, edge.via


@dataclass
class _Walk:
    graph: Graph
    state: State
    prefix: str
    maps: dict[str, Tensor]
    resampled: dict[tuple[str, tuple[Step, ...]], Tensor] = field(default_factory=dict)

    def compute(self, node: str, op: Fuse | Unary) -> Tensor:
        arriving = self._arriving(node)
        passages = list(node_passages(self.graph, node))
        own = f"{self.prefix}{node}"
        steps = f"{self.prefix}shared_{op.share}" if op.share else own
        if isinstance(op, Unary):
            (x,) = arriving
            return self._through(x, passages, Chain(steps))
        if op.fusion.kind in PLAIN:
            return self._through(PLAIN[op.fusion.kind](arriving), passages, Chain(steps))
        # With a fusion that has a module, the node's steps up to the first function are beside it:
        # `p5_td.fuse`, `p5_td.conv`; what follows is `p5_td__then`.
        joined = bool(passages) and not isinstance(passages[0].step, FUNCTIONS) and not op.share
        fused = self._weigh(list(arriving), op.fusion, f"{own}.fuse" if joined else own)
        if joined:
            return self._through(fused, passages, Chain(own, f"{own}.conv"))
        return self._through(fused, passages, Chain(steps, None, 0 if op.share else 1))

    def _arriving(self, node: str) -> Iterator[Tensor]:
        """What comes in, one after another, each only when it is asked for."""
        edges = self.graph.inputs(node)
        for edge in edges:
            self._resample_for_all(edge)
        for slot, edge in enumerate(edges):
            if edge_key(edge) in self.resampled:
                yield self.resampled[edge_key(edge)]
                continue
            name = f"{self.prefix}{edge_name(edge, node, edges[:slot])}"
            passages = list(edge_passages(self.graph, edge))
            yield self._through(self.maps[edge.source], passages, Chain(name))

    def _resample_for_all(self, edge: Edge) -> None:
        """What several edges resample alike is resampled once, in front of the first reader."""
        others = [e for node in self.graph.computed() for e in self.graph.inputs(node)]
        is_shared = [edge_key(other) for other in others].count(edge_key(edge)) > 1
        free = all(isinstance(step, Upsample | Downsample) for step in edge.via)
        if edge.via and free and is_shared and edge_key(edge) not in self.resampled:
            passages = list(edge_passages(self.graph, edge))
            x = self._through(self.maps[edge.source], passages, Chain(""))
            self.resampled[edge_key(edge)] = x

    def _weigh(self, inputs: list[Tensor], fusion: Fusion, path: str) -> Tensor:
        if fusion.kind == "gate":
            return gate(inputs, **dict(fusion.options))
        if fusion.kind == "spatial_softmax":
            return spatial_softmax(self.state, path, inputs, fusion.style)
        weights = self.state[f"{path}.weight"]
        if fusion.kind == "softmax":
            weights = weights.softmax(0)
        elif fusion.kind == "fast_normalized":
            weights = weights.relu()
            weights = weights / (weights.sum(0) + fusion.eps)
        else:
            assert fusion.kind == "weighted"
        if fusion.granularity == "pixel":  # [arity, 1, H, W] at the configured size of the image
            weights = F.interpolate(weights, inputs[0].shape[2:], mode="bilinear")
        return weighted_sum(inputs, weights)

    def _through(self, x: Tensor, passages: list[Passage], chain: "Chain") -> Tensor:
        """A map after some steps, of an edge or of a node."""
        names = chain.names([passage.step for passage in passages])
        for passage, name in zip(passages, names, strict=True):
            x = self._step(x, passage, name)
        return x

    def _step(self, x: Tensor, passage: Passage, name: str) -> Tensor:
        step = passage.step
        match step:
            case Convolution():
                return convolution(self.state, name, step, x)
            case Adapt(norm=None):
                return conv2d(self.state, name, x, bias=step.bias)
            case Adapt(norm=norm):
                return batch_norm(
                    self.state,
                    f"{name}.norm",
                    conv2d(self.state, f"{name}.conv", x, step.bias),
                    norm,
                )
            case Activate():
                return ACTIVATIONS[step.activation](x)
            case Pool():
                return pool(step, x)
            case Downsample():
                return downsample(step, x)
            case Block():
                x = BLOCKS[step.kind](self.state, name, x, dict(step.options), step.style)
                if step.levels < 0 and (size := self._size(passage.level_after)):
                    x = x[:, :, : size[0], : size[1]]
                return x
            case Upsample():
                factor = 2**step.levels
                size = self._size(passage.level_after) or [side * factor for side in x.shape[2:]]
                return F.interpolate(x, size, mode=step.mode)
            case _:
                raise AssertionError(f"a lowered network has no {step}")

    def _size(self, level: int) -> list[int] | None:
        """Height and width of a level, by the map that says it, if there is one yet.

        The layer's own input; else the backbone's; else the first map that the layer computes.
        """
        candidates: dict[str, str] = {}
        for node in self.graph.order():
            op = self.graph.op(node)
            if op.level == level:
                candidates.setdefault("computed" if not isinstance(op, Input) else op.source, node)
        for kind in ("in", "backbone", "computed"):
            if kind in candidates:
                found = self.maps.get(candidates[kind])
                return None if found is None else [*found.shape[2:]]
        return None


# Names of parameters.

FUNCTIONS = (Upsample, Downsample)  # steps that generated code calls, so that they have no name


def edge_name(edge: Edge, node: str, before: tuple[Edge, ...]) -> str:
    """`p5_in_to_p5_td`, and `p5_in_to_p5_td__2` for a second edge between the two."""
    parallel = 1 + [other.source for other in before].count(edge.source)
    return f"{edge.source}_to_{node}" + (f"__{parallel}" if parallel > 1 else "")


@dataclass
class Chain:
    """The names of the steps of an edge or of a node.

    Modules in a row are one attribute, an nn.Sequential if there are two or more; those after a
    function, or after the crop that follows a doubling block, are the next: `x`, `x__then`,
    `x__then2`. `first` is where the first row is, if not at `x`; `rows` of them are taken already.
    """

    own: str
    first: str | None = None
    rows: int = 0

    def names(self, steps: list[Step]) -> list[str]:
        """The name of each step; empty for functions."""
        rows: list[list[int]] = [[]]
        for index, step in enumerate(steps):
            if isinstance(step, FUNCTIONS):
                rows.append([])
                continue
            rows[-1].append(index)
            if isinstance(step, Block) and step.levels < 0:
                rows.append([])
        names = [""] * len(steps)
        for number, row in enumerate((row for row in rows if row), start=self.rows):
            suffix = "" if number == 0 else "__then" if number == 1 else f"__then{number}"
            path = self.first if self.first and number == 0 else f"{self.own}{suffix}"
            for position, index in enumerate(row):
                names[index] = f"{path}.{position}" if len(row) > 1 else path
        return names
