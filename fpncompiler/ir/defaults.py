"""What a graph's text leaves out: settings that hold wherever a line says nothing else.

    graph mine
      with activation=relu eps=1e-05 momentum=0.1 redundant_bias=false adapters(bias=false)

The fields' own defaults are EfficientDet's; `with` says which others hold for a graph.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from fpncompiler.ir.graph import Graph
from fpncompiler.ir.ops import (
    Activation,
    Adapt,
    Adapting,
    Block,
    Convolution,
    DownMode,
    Fuse,
    Fusion,
    Input,
    Norm,
    Padding,
    Resampling,
    Sharing,
    Step,
    Styled,
    Unary,
    UpMode,
    is_adapter,
    sets_width,
)

Value = TypeVar("Value")


PLAIN_NORM = Norm(1e-3, 0.01)


@dataclass(frozen=True, slots=True)
class Defaults:
    """Settings of nodes and steps.

    `redundant_bias` is whether convolutions have a bias in front of a norm; where no norm follows,
    they have one in any case. A convolution without `act` has an activation all the same, which
    does nothing: `unused_activation`.
    """

    activation: Activation = "silu"
    unused_activation: Activation = "silu"
    norm: Norm = PLAIN_NORM
    redundant_bias: bool = True
    up: UpMode | Block = "nearest"
    down: DownMode | Convolution = "max_pool"
    padding: Padding = "same"
    adapter_norm: bool = True
    adapter_bias: bool = True
    sharing: Sharing = "per_edge"

    @property
    def up_mode(self) -> UpMode:
        """How steps upsample."""
        return "nearest" if isinstance(self.up, Block) else self.up

    @property
    def down_mode(self) -> DownMode:
        """How steps downsample."""
        return "max_pool" if isinstance(self.down, Convolution) else self.down

    @property
    def style(self) -> Styled:
        """What blocks take from the network."""
        return Styled(self.activation, self.norm)

    @property
    def resampling(self) -> Resampling:
        """How nodes change the level of what they read."""
        return Resampling(self.up, self.down, self.padding)

    @property
    def adapting(self) -> Adapting:
        """How nodes change the width of what they read."""
        norm = self.norm if self.adapter_norm else None
        return Adapting(norm, self.adapter_bias, self.sharing)

    def bias(self, order: tuple[str, ...]) -> bool:
        """Whether a convolution with parts in this order has a bias."""
        return self.redundant_bias or not norm_follows(order)


def norm_follows(order: tuple[str, ...]) -> bool:
    """Whether a norm comes behind the convolution, which makes a bias redundant."""
    return "norm" in order[order.index("conv") :]


def taken_by_fusion(fusion: Fusion, width: int) -> int | None:
    """The width that a fusing node's inputs have, given the one that it yields."""
    return None if fusion.concatenates or not width else width


def taken_by_unary(steps: tuple[Step, ...], width: int) -> int | None:
    """The width that a unary node's input has, given the one that it yields."""
    return None if sets_width(steps) or not width else width


def common_defaults(graph: Graph) -> Defaults:
    """What most of a graph's nodes and steps have."""
    plain = Defaults()
    steps = [*_steps(graph)]
    nodes = [op for op in _computing(graph) if not is_adapter(op)]
    adapting = [op.adapting for op in nodes]
    # `True` where an adapter has a norm, whose constants count among those of all norms
    adapters = ((a.norm is not None, a.bias, a.sharing) for a in adapting)
    standard = (plain.adapter_norm, plain.adapter_bias, plain.sharing)
    adapter_norm, adapter_bias, sharing = _commonest(adapters, standard)
    activation = _commonest(_activations(graph, steps), plain.activation)
    return Defaults(
        activation=activation,
        unused_activation=_commonest(_unused_activations(steps), activation),
        norm=_commonest(_norms(graph, steps, adapting), plain.norm),
        redundant_bias=_commonest(_biases(steps), plain.redundant_bias),
        up=_commonest((op.resampling.up for op in nodes), plain.up),
        down=_commonest((op.resampling.down for op in nodes), plain.down),
        padding=_commonest((op.resampling.padding for op in nodes), plain.padding),
        adapter_norm=adapter_norm,
        adapter_bias=adapter_bias,
        sharing=sharing,
    )


def _commonest(values: Iterator[Value], standard: Value) -> Value:
    """The value that occurs most; of those that do, the standard one, or the first in order."""
    counts = Counter(values)
    return min(counts, key=lambda v: (-counts[v], v != standard, repr(v)), default=standard)


def _computing(graph: Graph) -> Iterator[Fuse | Unary]:
    for node in graph.nodes():
        op = graph.op(node)
        if not isinstance(op, Input):
            yield op


def _steps(graph: Graph) -> Iterator[Step]:
    for node in graph.nodes():
        op = graph.op(node)
        if not isinstance(op, Input):
            yield from op.steps
            for edge in graph.inputs(node):
                yield from edge.via


def _styles(graph: Graph, steps: list[Step]) -> Iterator[Styled]:
    for step in steps:
        if isinstance(step, Block) and step.style:
            yield step.style
    for op in _computing(graph):
        if isinstance(op, Fuse) and op.fusion.style:
            yield op.fusion.style


def _activations(graph: Graph, steps: list[Step]) -> Iterator[Activation]:
    convolutions = (step for step in steps if isinstance(step, Convolution))
    yield from (conv.activation for conv in convolutions if "act" in conv.order)
    yield from (style.activation for style in _styles(graph, steps))


def _unused_activations(steps: list[Step]) -> Iterator[Activation]:
    convolutions = (step for step in steps if isinstance(step, Convolution))
    yield from (conv.activation for conv in convolutions if "act" not in conv.order)


def _norms(graph: Graph, steps: list[Step], adapting: list[Adapting]) -> Iterator[Norm]:
    yield from (step.norm for step in steps if isinstance(step, Convolution))
    yield from (step.norm for step in steps if isinstance(step, Adapt) and step.norm)
    yield from (style.norm for style in _styles(graph, steps))
    yield from (how.norm for how in adapting if how.norm)


def _biases(steps: list[Step]) -> Iterator[bool]:
    for step in steps:
        if isinstance(step, Convolution) and norm_follows(step.order):
            yield step.bias
