"""What one topology costs at one setting, before torch is imported."""

from collections.abc import Iterator
from dataclasses import dataclass

from fpncompiler.analysis.memory import network_memory
from fpncompiler.analysis.sizes import map_size
from fpncompiler.ir.flow import Passage, edge_passages, node_passages
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Adapt, Downsample, Fuse, Input, Op, Pool, Unary
from fpncompiler.pipeline import Checked
from fpncompiler.timing import Quartiles, quartiles


@dataclass(frozen=True, slots=True)
class Row:
    """A topology at one setting of its model.

    `topology` tells it from all others of a comparison. Nodes, edges and adapters are those of
    the whole network, each layer counted; an adapter of several edges is one. MACs are of one
    image; operations are MACs and elementwise work. Parameters and MACs of the `total`, which has
    the backbone and the heads too, are None where the backbone is not measured. `forward` and
    `training_step` are seconds, one for each round; `ap` and `ap50` in 0..1, one for each seed.
    """

    topology: str
    title: str
    spec: str
    variant: str
    phi: int
    image_height: int
    image_width: int
    layers: int
    nodes: int
    edges: int
    adapters: int
    network_parameters: int
    network_macs: int
    network_operations: int
    total_parameters: int | None
    total_macs: int | None
    peak_memory_bytes: int
    forward: tuple[float, ...] = ()
    training_step: tuple[float, ...] = ()
    ap: tuple[float, ...] = ()
    ap50: tuple[float, ...] = ()

    @property
    def forward_quartiles(self) -> Quartiles | None:
        """Of the rounds of a forward."""
        return quartiles(self.forward) if self.forward else None

    @property
    def training_step_quartiles(self) -> Quartiles | None:
        """Of the rounds of a training step."""
        return quartiles(self.training_step) if self.training_step else None


def row_of(checked: Checked, topology: str, spec: str) -> Row:
    """The figures of a checked spec, which the comparison calls by some name."""
    network, cost, model = checked.network, checked.cost, checked.model
    height, width = cost.image_size
    graphs = [(network.extra, 1), *((layer.graph, layer.repeats) for layer in network.layers)]
    assert cost.network.parameters is not None
    assert cost.network.macs is not None
    return Row(
        topology=topology,
        title=checked.topology.title,
        spec=spec,
        variant=model.variant,
        phi=model.phi,
        image_height=height,
        image_width=width,
        layers=network.depth,
        nodes=sum(_node_count(graph) * times for graph, times in graphs),
        edges=sum(_edge_count(graph) * times for graph, times in graphs),
        adapters=sum(_adapter_count(graph) * times for graph, times in graphs),
        network_parameters=cost.network.parameters,
        network_macs=cost.network.macs,
        network_operations=cost.network.macs + elementwise(network, cost.image_size),
        total_parameters=cost.total.parameters,
        total_macs=cost.total.macs,
        peak_memory_bytes=network_memory(network, cost.image_size).peak,
    )


def elementwise(network: Network, image_size: tuple[int, int]) -> int:
    """What a forward does besides convolutions: one operation a channel and cell.

    Counted are additions, fusion weights, and the cells that pools look at.
    """
    total = _elementwise(network.extra, image_size)
    return total + sum(
        _elementwise(layer.graph, image_size) * layer.repeats for layer in network.layers
    )


def _elementwise(graph: Graph, image_size: tuple[int, int]) -> int:
    total = 0
    for node in graph.computed():
        op = graph.op(node)
        edges = graph.inputs(node)
        if isinstance(op, Fuse):
            height, width = map_size(op.level, image_size)
            weighed = len(edges) if op.fusion.weighs else 0
            total += height * width * op.width * (len(edges) - 1 + weighed)
        passages = [passage for edge in edges for passage in edge_passages(graph, edge)]
        total += sum(_pooled(p, image_size) for p in [*passages, *node_passages(graph, node)])
    return total


def _pooled(passage: Passage, image_size: tuple[int, int]) -> int:
    """The cells that a pool looks at, over all channels."""
    match passage.step:
        case Downsample(levels=levels):
            side: int = 2**levels + 1
            window = side**2
        case Pool(kernel=kernel):
            window = kernel**2
        case _:
            return 0
    height, width = map_size(passage.level_after, image_size)
    return height * width * passage.width * window


def _is_adapter(op: Op) -> bool:
    """Whether a node is an adapter that several edges share."""
    return isinstance(op, Unary) and len(op.steps) == 1 and isinstance(op.steps[0], Adapt)


def _nodes(graph: Graph) -> Iterator[str]:
    return (node for node in graph.computed() if not _is_adapter(graph.op(node)))


def _node_count(graph: Graph) -> int:
    return sum(1 for _ in _nodes(graph))


def _edge_count(graph: Graph) -> int:
    return sum(len(graph.inputs(node)) for node in _nodes(graph))


def _adapter_count(graph: Graph) -> int:
    total = 0
    for node in graph.computed():
        op = graph.op(node)
        steps = () if isinstance(op, Input) else op.steps
        on_edges = (step for edge in graph.inputs(node) for step in edge.via)
        total += sum(isinstance(step, Adapt) for step in (*steps, *on_edges))
    return total
