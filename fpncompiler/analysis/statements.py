"""The statements of a layer's forward pass, in order, and what each holds while it runs.

p6_td = self.p6_td(p6_in, upsample_nearest(p7_in, p6_in))

holds the upsampled map to its end, and in turn the fused one, what the depthwise and the pointwise
convolution make of it, and what the batch norm makes of that.
"""

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from fpncompiler.analysis.overwriting import can_be_overwritten, fusion_makes_new
from fpncompiler.analysis.sizes import References, Size, map_size, size_after, sizes
from fpncompiler.ir.flow import Passage, edge_passages, entry_width, node_passages
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import (
    Activate,
    Activation,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Fuse,
    Input,
    Pool,
    Resample,
    Step,
    Unary,
    Upsample,
    entry_level,
)
from fpncompiler.plugins import block_kinds, fusion_kinds
from fpncompiler.work import NOTHING, Work, beside, in_turn, make, side_by_side, then

INDEX = 2  # values that the index of a maximum takes: max-pools give them along


@dataclass(frozen=True, slots=True)
class Statement:
    """`name = ...`: the map that it makes, what it reads by name, and the values that it holds.

    `same_as` is the map that it hands on, where it makes none.
    """

    name: str
    reads: frozenset[str]
    values: int
    work: Work
    same_as: str = ""


def statements(
    graph: Graph, image_size: Size, resolution: Size | None = None
) -> tuple[Statement, ...]:
    """The statements of one graph, for an image of `image_size` (height, width).

    `resolution` is the one that the network is configured for, where that is another: weights of
    pixels are as large as its maps.
    """
    writer = _Writer(graph, image_size, resolution or image_size)
    return tuple(line for node in graph.computed() for line in writer.of_node(node))


def is_resampling(via: tuple[Step, ...]) -> bool:
    """Whether an edge resamples its map, without weights of its own."""
    return bool(via) and all(isinstance(step, Upsample | Downsample) for step in via)


class SharedMaps:
    """Maps that several nodes read resampled in the same way, which have a name of their own."""

    def __init__(self, graph: Graph) -> None:
        self._count = Counter(
            (edge.source, edge.via) for node in graph.computed() for edge in graph.inputs(node)
        )
        self._names: dict[tuple[str, tuple[Step, ...]], str] = {}
        self._taken = {*graph.nodes()}

    def is_shared(self, edge: Edge) -> bool:
        """Whether another node reads the same."""
        return self._count[edge.source, edge.via] > 1 and is_resampling(edge.via)

    def found(self, edge: Edge) -> str:
        """The name of what an edge brings, where it is there already."""
        return self._names.get((edge.source, edge.via), "")

    def named(self, edge: Edge, level: int) -> str:
        """A new name for what an edge brings; nodes that adapt maps are called alike."""
        name = f"{edge.source}_to_p{level}"
        names = itertools.chain([name], (f"{name}__{number}" for number in itertools.count(2)))
        name = next(each for each in names if each not in self._taken)
        self._taken.add(name)
        self._names[edge.source, edge.via] = name
        return name


class _Writer:
    """Goes through the nodes of a graph in their order."""

    def __init__(self, graph: Graph, image_size: Size, resolution: Size) -> None:
        self.graph = graph
        self.image_size = image_size
        self.resolution = resolution
        self.sizes = sizes(graph, image_size)
        self.references = References(graph)
        self.shared = SharedMaps(graph)

    def of_node(self, node: str) -> list[Statement]:
        """A node's statement, behind those that resample maps for it and for later nodes."""
        op = self.graph.op(node)
        assert not isinstance(op, Input)
        made: list[Statement] = []
        arrivals, reads = [], set()
        for slot, edge in enumerate(self.graph.inputs(node)):
            work, names = self._arriving(node, slot, edge, made)
            arrivals.append(work)
            reads |= names
        passages = list(node_passages(self.graph, node))
        reads |= self._references(passages, node)
        work = self._node_work(node, op, arrivals, passages)
        values = op.width * _cells(self.sizes.nodes[node])
        first = self.graph.inputs(node)[0]
        same_as = "" if work.kept else self.shared.found(first) or first.source
        return [*made, Statement(node, frozenset(reads), values, work, same_as)]

    def _arriving(
        self, node: str, slot: int, edge: Edge, made: list[Statement]
    ) -> tuple[Work, set[str]]:
        """What brings a map to a node, and the names read; what is shared is `made` before."""
        if name := self.shared.found(edge):
            return NOTHING, {name}
        passages = list(edge_passages(self.graph, edge))
        reads = {edge.source, *self._references(passages, node)}
        work = self._steps(NOTHING, passages, self.sizes.nodes[edge.source], overwrite=False)
        if not self.shared.is_shared(edge):
            return work, reads
        name = self.shared.named(edge, passages[-1].level_after)
        values = passages[-1].width * _cells(self.sizes.arriving[node][slot])
        made.append(Statement(name, frozenset(reads), values, work))
        return NOTHING, {name}

    def _references(self, passages: Iterable[Passage], node: str) -> set[str]:
        """The maps that upsampled ones take their size from."""
        finer = (p for p in passages if p.level_after < p.level)
        found = (self.references.at(passage.level_after, node) for passage in finer)
        return {name for name in found if name}

    def _node_work(
        self, node: str, op: Fuse | Unary, arrivals: list[Work], passages: list[Passage]
    ) -> Work:
        size = self.sizes.arriving[node][0]
        width = entry_width(self.graph, node)
        overwrite = fusion_makes_new(op, len(arrivals)) and not op.share
        if isinstance(op, Unary) or not (op.fusion.weighs or op.fusion.is_module):
            fused = _plainly_fused(op, arrivals, width * _cells(size))
            return self._steps(fused, passages, size, overwrite)
        fusion = self._module_work(op, len(arrivals), width, size)
        inside = 0 if op.share else len(_first_run(passages))  # of the node's own module
        called = then(fusion, self._steps(NOTHING, passages[:inside], size, overwrite))
        whole = then(side_by_side(arrivals), called)
        for passage in passages[:inside]:
            size = size_after(passage, size, map_size(passage.level_after, self.image_size))
            overwrite = can_be_overwritten(passage.step)
        return self._steps(whole, passages[inside:], size, overwrite)

    def _module_work(self, op: Fuse, arity: int, width: int, size: Size) -> Work:
        """A fusion that is a module."""
        cells = _cells(size)
        result = make(width * cells)
        if op.fusion.weighs:
            if op.fusion.granularity != "pixel":
                return result  # beside a number or a channel's worth of weights
            places = _cells(map_size(entry_level(op), self.resolution))
            resized = then(_weights_of_pixels(op, arity, places), make(arity * cells))
            return Work(beside(resized, result).peak, result.kept)
        memory = fusion_kinds()[op.fusion.kind].memory
        held = memory(arity, width, dict(op.fusion.options)) if memory else (arity + 1) * width
        return Work(max(held, width) * cells, width * cells)

    def _steps(self, given: Work, passages: list[Passage], size: Size, overwrite: bool) -> Work:
        """Steps after what is given; modules in a row are one module, which holds what it reads."""
        total = given
        while passages:
            run = _first_run(passages) or passages[:1]
            inner = []
            for passage in run:
                after = size_after(passage, size, map_size(passage.level_after, self.image_size))
                inner.append(_step_work(passage, _cells(size), _cells(after), overwrite))
                size, overwrite = after, can_be_overwritten(passage.step)
            total = then(total, in_turn(inner))
            passages = passages[len(run) :]
        return total


def _weights_of_pixels(op: Fuse, arity: int, places: int) -> Work:
    """Normalized weights, one for each input and place."""
    weights = make(arity * places)
    match op.fusion.kind:
        case "weighted":
            return NOTHING
        case "softmax":
            return weights
        case _:  # positive ones, their sums, and the quotients
            return Work(side_by_side([weights, make(places), weights]).peak, weights.kept)


def _first_run(passages: list[Passage]) -> list[Passage]:
    """The first steps that are modules; what doubles a map ends a run, for it may be cropped."""
    run = []
    for passage in passages:
        if isinstance(passage.step, Upsample | Downsample):
            break
        run.append(passage)
        if isinstance(passage.step, Block) and passage.step.levels < 0:
            break
    return run


def _plainly_fused(op: Fuse | Unary, arrivals: list[Work], values: int) -> Work:
    """Maps fused without weights, into one of so many values."""
    if isinstance(op, Unary) or len(arrivals) == 1:
        return arrivals[0]
    rest = len(arrivals) - 1
    match op.fusion.kind:
        case "concat":
            return then(side_by_side(arrivals), make(values))
        case "max":
            return then(side_by_side(arrivals), in_turn([make(values)] * rest))
        case "mean":
            return then(side_by_side(arrivals), in_turn([make(values)] * (rest + 1)))
        case _:
            total = arrivals[0]
            for arrival in arrivals[1:]:
                total = then(beside(total, arrival), make(values))
            return total


def _step_work(passage: Passage, before: int, after: int, overwrite: bool) -> Work:
    """One step, on a map of `before` cells that it may `overwrite`, giving one of `after`."""
    step = passage.step
    match step:
        case Convolution():
            return _convolution_work(step, passage, before, after, overwrite)
        case Adapt():
            new = make(step.width * after)
            return then(new, new) if step.norm else new
        case Block():
            memory = block_kinds()[step.kind].memory
            widths = passage.width, passage.width_after
            held = memory(*widths, dict(step.options)) if memory else 3 * max(widths)
            result = passage.width_after * after
            return Work(max(held * before, result), result)
        case Pool():
            return _pooled(step.kind == "max", passage.width * after)
        case Activate():
            return _activated(step.activation, passage.width * after, overwrite)
        case Upsample():
            return make(passage.width * after)
        case Downsample():
            return _pooled(step.mode == "max_pool", passage.width * after)
        case Resample():
            raise AssertionError("insert_resampling leaves none")
        case _:
            assert_never(step)


def _convolution_work(
    conv: Convolution, passage: Passage, before: int, after: int, overwrite: bool
) -> Work:
    """The parts of a convolution in their order."""
    works = []
    width, cells = passage.width, before
    for index, part in enumerate(conv.order):
        match part:
            case "act":
                works.append(_activated(conv.activation, width * cells, overwrite or index > 0))
            case "norm":
                works.append(make(width * cells))
            case "conv":
                width, cells = passage.width_after, after
                wide = make(passage.width * after)
                result = make(width * after)
                works.append(then(wide, result) if conv.kind == "separable" else result)
            case _:
                assert_never(part)
    return in_turn(works)


def _activated(activation: Activation, values: int, overwrite: bool) -> Work:
    if activation == "identity" or (overwrite and activation not in ("gelu", "sigmoid")):
        return NOTHING
    return make(values)


def _pooled(largest: bool, values: int) -> Work:
    """A pool; that of the largest gives the places of its values along."""
    return Work((1 + INDEX) * values if largest else values, values)


def _cells(size: Size) -> int:
    return size[0] * size[1]
