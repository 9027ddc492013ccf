"""What a node reads: references, edges with steps of their own, fusions within a fusion.

in(l)    {from: td(l+1), via: [conv1x1, resample]}    {gate: [in(6), in(4)], pool: max}
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fpncompiler.diagnostics import Span, suggest
from fpncompiler.ir import ops
from fpncompiler.spec.reading import Reader
from fpncompiler.spec.references import Reference, read_reference
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


def count_inputs(inputs: Iterable[NodeInput], most: int) -> int:
    """How many maps may be read, where a reference stands for `most` maps at the most."""
    return sum(most if r.may_be_several else 1 for r in references_in(inputs))


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
