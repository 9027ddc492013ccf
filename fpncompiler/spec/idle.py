"""What a spec says without effect: settings, declarations and constants that nothing uses."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from fpncompiler.diagnostics import Sink
from fpncompiler.ir.ops import Block, Convolution, Fusion, Step, sets_width
from fpncompiler.spec.inputs import Nested, NodeInput
from fpncompiler.spec.node_specs import NodeSpec
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence

_WORD = re.compile(r"[a-z_][a-z0-9_]*")


def warn_of_idle_settings(body: Mapping, specs: list[NodeSpec], sink: Sink) -> None:
    """Settings of one declaration that none of its nodes has a use for.

    Args:
        body: the declaration's own settings.
        specs: its nodes.
    """
    uses = {
        "activation": (_activates, "nothing here has an activation that is left open"),
        "gate": (_gates, "there is no gate here"),
        "keep": (_fuses, "a node of one input is never pruned"),
        "width": (_has_width, "a concatenation is as wide as its inputs together"),
    }
    for key, (use, reason) in uses.items():
        entry = body.entries.get(key)
        if entry and specs and not any(use(spec) for spec in specs):
            message = f"`{key}` has no effect here"
            sink.warning("W201", message, entry.key.span, label=reason, help="remove it")
    fusion = body.entries.get("fusion")
    if fusion and specs and not any(_fuses(spec) for spec in specs):
        message = "a `fusion` of one input"
        label = "there is nothing to fuse"
        sink.warning("W305", message, fusion.key.span, label=label, help="remove it")
    for spec in specs:
        for nested in _nested(spec.inputs):
            if len(nested.inputs) == 1 and not nested.inputs[0].may_be_several:
                message = f"a nested `{nested.fusion.kind}` of one input"
                help = "name the input itself"
                sink.warning("W305", message, nested.span, help=help)


def warn_of_lonely_shares(specs: Iterable[NodeSpec], sink: Sink) -> None:
    """Names under `share` that one node alone has."""
    listed = [spec for spec in specs if spec.share]
    count = Counter(spec.share for spec in listed)
    for spec in listed:
        if count[spec.share] == 1:
            message = f"no other node has `share: {spec.share}`"
            help = "give another node the same `share`, or remove it"
            sink.warning("W201", message, spec.span, help=help)


def warn_of_hidden_declarations(
    hidden: Iterable[Entry], winning: Iterable[Entry], sink: Sink
) -> None:
    """Declarations that win at no place; for those of another file, that is what files are for."""
    files = {entry.key.span.file for entry in winning}
    for entry in hidden:
        if files == {entry.key.span.file}:
            message = f"`{entry.key.text}` is declared for nothing"
            label = "more special declarations take all its places"
            sink.warning("W202", message, entry.key.span, label=label, help="remove one of them")


def warn_of_idle_entries(tree: Mapping, sink: Sink) -> None:
    """Constants that nothing reads, and a depth that counts nothing, in a topology."""
    _warn_of_unread_constants(tree, sink)
    _warn_of_idle_depth(tree, sink)


def _warn_of_unread_constants(tree: Mapping, sink: Sink) -> None:
    """Constants of `let` that no value of the spec names; those of another file may be for it."""
    let = tree.get("let")
    if not isinstance(let, Mapping) or "parallel" in tree.entries:
        return  # branches may name them
    told = [entry.value for key, entry in tree.entries.items() if key not in ("title", "source")]
    named = {word for node in told for text in _texts(node) for word in _WORD.findall(text)}
    for name, entry in let.entries.items():
        if name not in named and entry.key.span.file == tree.span.file:
            message = f"no formula names `{name}`"
            help = f"use it, as in `width: {name}`, or remove it"
            sink.warning("W203", message, entry.key.span, help=help)


def _warn_of_idle_depth(tree: Mapping, sink: Sink) -> None:
    """A `depth` beside layers that `k` counts without it."""
    depth, k = tree.entries.get("depth"), tree.get("k")
    if depth and isinstance(k, Scalar) and "depth" not in k.text:
        message = "`depth` has no effect here"
        label = f"`k: {k.text}` counts the layers"
        sink.warning("W201", message, depth.key.span, label=label, help="write `k: 1..depth`")


def _texts(node: Node) -> Iterator[str]:
    match node:
        case Scalar():
            yield node.text
        case Sequence():
            for item in node.items:
                yield from _texts(item)
        case Mapping():
            for entry in node.entries.values():
                yield from _texts(entry.value)


def _nested(inputs: Iterable[NodeInput]) -> Iterator[Nested]:
    for item in inputs:
        if isinstance(item, Nested):
            yield item
            yield from _nested(item.inputs)


def _fusions(spec: NodeSpec) -> Iterator[Fusion]:
    if spec.fuses:
        yield spec.style.fusion
    yield from (nested.fusion for nested in _nested(spec.inputs))


def _steps(spec: NodeSpec) -> Iterator[Step]:
    """All steps of a node: its own, and those on its edges."""
    yield from spec.style.steps
    resampling = spec.style.resampling
    yield from (step for step in (resampling.up, resampling.down) if not isinstance(step, str))
    yield from _steps_of_edges(spec.inputs)


def _steps_of_edges(inputs: Iterable[NodeInput]) -> Iterator[Step]:
    for item in inputs:
        if isinstance(item, Nested):
            yield from _steps_of_edges(item.inputs)
        else:
            yield from item.via


def _activates(spec: NodeSpec) -> bool:
    """Whether the activation of the node's settings reaches a step or a fusion."""
    return any(fusion.style for fusion in _fusions(spec)) or any(
        "act" in step.order
        if isinstance(step, Convolution)
        else isinstance(step, Block) and step.style is not None
        for step in _steps(spec)
    )


def _gates(spec: NodeSpec) -> bool:
    return any(fusion.kind == "gate" for fusion in _fusions(spec))


def _fuses(spec: NodeSpec) -> bool:
    return spec.fuses


def _has_width(spec: NodeSpec) -> bool:
    concatenates = spec.fuses and spec.style.fusion.concatenates
    return not concatenates or sets_width(spec.style.steps) or any(_nested(spec.inputs))
