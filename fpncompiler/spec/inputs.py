"""What a node reads: references, edges with steps of their own, fusions within a fusion.

in(l)    {from: td(l+1), via: [conv1x1, resample]}    {gate: [in(6), in(4)], pool: max}
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fpncompiler.diagnostics import Span, nearest, rename, suggest
from fpncompiler.ir import ops
from fpncompiler.plugins import block_kinds
from fpncompiler.spec.calculations import meant_inputs
from fpncompiler.spec.habits import EDGE_KEYS, is_misspelled
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
from fpncompiler.spec.steps import PLAIN_CONVOLUTIONS
from fpncompiler.spec.style import fusion_keys, fusion_words, read_fusion, step_reader
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence


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
    listed = isinstance(node, Sequence)
    read = [_input(item, places, reader, width, inner, listed=listed) for item in items]
    return None if None in read else tuple(item for item in read if item)


def is_input(node: Mapping) -> bool:
    """Whether a mapping is one input, rather than the settings of a node."""
    if "inputs" in node.entries:
        return False
    if isinstance(node.get("from"), Sequence) and "via" not in node.entries:
        return False  # `from` in place of `inputs`
    return (
        "from" in node.entries
        or any(map(_is_from, _few(node)))
        or any(
            word in node.entries and (word != "gate" or isinstance(node.get(word), Sequence))
            for word in fusion_words()
        )
    )


def _few(node: Mapping) -> Iterable[Entry]:
    """The entries of a mapping that is no larger than an edge."""
    return node.entries.values() if len(node.entries) <= len(EDGE_KEYS) else ()


def _is_from(entry: Entry) -> bool:
    """Whether a key is `from`, misspelt, and has a reference."""
    is_reference = isinstance(entry.value, Scalar) and "(" in entry.value.text
    return is_reference and bool(nearest(entry.key.text, ("from",)))


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
    node: Node,
    places: list[Mapping],
    reader: Reader,
    width: int | None,
    inner: int | None,
    *,
    listed: bool,
) -> NodeInput | None:
    if not isinstance(node, Mapping):
        if isinstance(node, Scalar) and _refuse_calculation(node, reader, listed=listed):
            return None
        reference = read_reference(node, reader.sink)
        return Read(reference) if reference else None
    if "from" in node.entries:
        return _with_steps(node, places, reader, width)
    kinds = [key for key in node.entries if key in fusion_words()]
    if len(kinds) == 1:
        return _nested(node, kinds[0], places, reader, inner)
    if not kinds and is_misspelled("from", node, EDGE_KEYS):
        reader.mapping(node, "an edge", EDGE_KEYS)
        return None
    _refuse_mapping(node, reader)
    return None


def _refuse_calculation(node: Scalar, reader: Reader, *, listed: bool) -> bool:
    """Whether an input is a sum or a call, such as `up(td(l+1))`; records it."""
    if node.text.count("(") < 2:
        return False
    steps = (*PLAIN_CONVOLUTIONS, *ops.ACTIVATIONS, *block_kinds())
    meant = meant_inputs(node.text, steps, fusion_words(), listed=listed)
    if meant is None:
        return False
    is_sum = not meant.new.startswith("{") and not meant.why
    message = f"`{node.text}` is {'more than one' if is_sum else 'not a'} reference"
    fix = reader.rewrite(node, meant.new)
    help = f"{meant.why}write `{meant.new}`"
    reader.sink.error("F206", message, node.span, help=help, fix=fix)
    return True


def _refuse_mapping(node: Mapping, reader: Reader) -> None:
    message = "an input is a reference, an edge with `from` and `via`, or a fusion of inputs"
    help = "write `{from: td(l+1), via: [conv1x1]}`, or a fusion: `{gate: [in(6), in(4)]}`"
    first = next(iter(node.entries.values()), None)
    key = first.key.text if first else ""
    if first and "(" in key and isinstance(first.value, Scalar):  # `td(l+1): conv1x1`
        help = f"write `{{from: {key}, via: {first.value.text}}}`"
    elif first and key not in fusion_words():
        fix = rename(first.key.span, key, fusion_words(), safe=False)
        if fix:
            help = suggest(key, fusion_words())
            reader.sink.error("F206", message, first.key.span, help=help, fix=fix)
            return
    reader.sink.error("F206", message, node.span, help=help)


def _with_steps(
    node: Mapping, places: list[Mapping], reader: Reader, width: int | None
) -> Read | None:
    reader.mapping(node, "an edge", EDGE_KEYS)
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
