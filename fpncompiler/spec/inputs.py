"""What a node reads: references, edges with steps of their own, fusions within a fusion.

in(l)    {from: td(l+1), via: [conv1x1, resample]}    {gate: [in(6), in(4)], pool: max}
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fpncompiler.diagnostics import Span, suggest
from fpncompiler.ir import ops
from fpncompiler.spec.reading import Reader
from fpncompiler.spec.references import (
    Earlier,
    Everywhere,
    LayerIndex,
    LevelIndex,
    Neighbour,
    Reference,
    read_reference,
)
from fpncompiler.spec.style import fusion_keys, fusion_words, read_fusion, step_reader
from fpncompiler.spec.tree import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class Read:
    """A reference, and what happens on the way."""

    reference: Reference
    via: tuple[ops.Step, ...] = ()

    @property
    def may_be_several(self) -> bool:
        """Whether it can stand for more than one input."""
        return self.reference.may_be_several


@dataclass(frozen=True, slots=True)
class Nested:
    """A fusion whose result is one input."""

    fusion: ops.Fusion
    inputs: tuple["NodeInput", ...]
    span: Span

    @property
    def may_be_several(self) -> bool:
        """Its result is one map."""
        return False


NodeInput = Read | Nested


@dataclass(frozen=True, slots=True)
class Reach:
    """How many levels and layers there are, and the layer of the reader, 0 without one."""

    levels: int
    layers: int
    layer: int

    def most(self, reference: Reference) -> int:
        """How many maps a reference stands for at the most."""
        return self._levels(reference.level) * self._layers(reference.layer)

    def _levels(self, index: LevelIndex | None) -> int:
        match index:
            case Everywhere():
                return self.levels
            case Neighbour(low, high):
                return min(high - low + 1, self.levels)
            case _:
                return 1

    def _layers(self, index: LayerIndex | None) -> int:
        match index:
            case Everywhere():
                return self.layers
            case Neighbour(low, high):
                return min(high - low + 1, self.layers)
            case Earlier(high):
                return max(0, self.layer + high)
            case _:
                return 1


def read_inputs(
    node: Node | None,
    places: list[Mapping],
    reader: Reader,
    width: int | None,
    inner: int | None,
) -> tuple[NodeInput, ...] | None:
    """The inputs of a node; None, with the faults recorded, if some cannot be read.

    Args:
        places: where the node's settings are looked for.
        width: what convolutions on the edges lead to, None if they keep what comes.
        inner: what those lead to on the edges into a fusion within.
    """
    single = isinstance(node, Mapping)
    items = (node,) if single and node else reader.items(node, "`inputs`")
    read = [_input(item, places, reader, width, inner) for item in items]
    return None if None in read else tuple(item for item in read if item)


def is_input(node: Mapping) -> bool:
    """Whether a mapping is one input, rather than the settings of a node."""
    if "inputs" in node.entries:
        return False
    return "from" in node.entries or any(
        word in node.entries and (word != "gate" or isinstance(node.get(word), Sequence))
        for word in fusion_words()
    )


def references_in(inputs: Iterable[NodeInput]) -> Iterable[Reference]:
    """All references, those of nested fusions too."""
    for item in inputs:
        if isinstance(item, Nested):
            yield from references_in(item.inputs)
        else:
            yield item.reference


def count_inputs(inputs: Iterable[NodeInput], reach: Reach) -> int:
    """How many maps may be read, those of nested fusions and their results too."""
    return sum(
        1 + count_inputs(item.inputs, reach)
        if isinstance(item, Nested)
        else reach.most(item.reference)
        for item in inputs
    )


def count_learned(inputs: Iterable[NodeInput], reach: Reach, how: ops.Resampling) -> int:
    """How many steps may bring the maps to their reader, where those are taken level by level."""
    if not isinstance(how.up, ops.Block) and not isinstance(how.down, ops.Convolution):
        return 0
    return sum(
        count_learned(item.inputs, reach, how)
        if isinstance(item, Nested)
        else reach.most(item.reference) * (reach.levels + abs(ops.levels_of(item.via)))
        for item in inputs
    )


def _input(
    node: Node, places: list[Mapping], reader: Reader, width: int | None, inner: int | None
) -> NodeInput | None:
    if not isinstance(node, Mapping):
        reference = read_reference(node, reader.sink)
        return Read(reference) if reference else None
    if "from" in node.entries:
        return _with_steps(node, places, reader, width)
    kinds = [key for key in node.entries if key in fusion_words()]
    if len(kinds) == 1:
        return _nested(node, kinds[0], places, reader, inner)
    first = next(iter(node.entries.values()), None)
    help = "write `{from: td(l+1), via: [conv1x1]}`, or a fusion: `{gate: [in(6), in(4)]}`"
    if first and first.key.text not in fusion_words():
        help = suggest(first.key.text, ("from", *fusion_words())) or help
    message = "an input is a reference, an edge with `from` and `via`, or a fusion of inputs"
    reader.sink.error("F206", message, node.span, help=help)
    return None


def _with_steps(
    node: Mapping, places: list[Mapping], reader: Reader, width: int | None
) -> Read | None:
    reader.mapping(node, "an edge", ("from", "via"))
    source = node.get("from")
    reference = read_reference(source, reader.sink) if source else None
    steps = step_reader(places, reader, width).steps(node.get("via"), "`via`", on_edge=True)
    return Read(reference, steps) if reference else None


def _nested(
    node: Mapping, kind: str, places: list[Mapping], reader: Reader, inner: int | None
) -> Nested | None:
    keys = () if kind in ops.PLAIN_FUSIONS else fusion_keys(kind)
    reader.mapping(node, f"a nested `{kind}`", (kind, *keys))
    width = None if kind == "concat" else inner
    inputs = read_inputs(node.get(kind), places, reader, width, inner)
    if inputs is None:
        return None
    if not inputs or isinstance(node.get(kind), Scalar):
        reader.wrong(node, f"a nested `{kind}` has a list of inputs")
        return None
    fields = Mapping({k: e for k, e in node.entries.items() if k != kind}, node.span)
    return Nested(read_fusion(fields, kind, places, reader), inputs, node.span)
