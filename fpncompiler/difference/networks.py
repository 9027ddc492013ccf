"""Two feature networks, layer by layer: nodes that are gone, new, renamed, changed.

A node that has another name is the same one if nothing else has it: its level and channels, its
inputs up to such renames, its fusion, its steps; and if no second node is like that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Fuse, Input
from fpncompiler.ir.text import fusion_text, step_text

EXTRA = "coarser levels"


@dataclass(frozen=True, slots=True)
class NodeView:
    """What a node is, in words; `inputs` in order, each its source and the steps on the way."""

    level: int
    width: int
    inputs: tuple[tuple[str, str], ...]
    fusion: str
    steps: str
    share: str

    def renamed(self, names: Mapping[str, str]) -> "NodeView":
        """The same where its inputs have other names."""
        inputs = tuple((names.get(source, source), via) for source, via in self.inputs)
        return NodeView(self.level, self.width, inputs, self.fusion, self.steps, self.share)

    def aspects(self) -> dict[str, str]:
        """What can change of it, each in words."""
        return {
            "level": f"P{self.level}",
            "width": str(self.width),
            "inputs": ", ".join(f"{source} {via}".rstrip() for source, via in self.inputs),
            "fusion": self.fusion or "none",
            "steps": self.steps or "none",
            "shared steps": self.share or "none",
        }


@dataclass(frozen=True, slots=True)
class Aspect:
    """One aspect of a node that changed."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """What differs in a layer, or in several in a row in the same way.

    `changed` has nodes under their new names.
    """

    layer: str
    removed: dict[str, NodeView] = field(default_factory=dict)
    added: dict[str, NodeView] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    changed: dict[str, tuple[Aspect, ...]] = field(default_factory=dict)
    outputs: tuple[Aspect, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        parts = (self.removed, self.added, self.renamed, self.changed, self.outputs)
        return not any(parts)


def layer_differences(old: Network, new: Network) -> tuple[LayerDifference, ...]:
    """What differs in the layers that both networks have."""
    olds, news = _layers(old), _layers(new)
    found = [_difference(EXTRA, old.extra, new.extra)]
    pairs = [_difference("", *pair) for pair in zip(olds, news, strict=False)]
    first = 1
    for _, group in groupby(pairs, key=_without_name):
        alike = [*group]
        last = first + len(alike) - 1
        name = f"layer {first}" if first == last else f"layers {first}..{last}"
        found.append(_named(name, alike[0]))
        first = last + 1
    return tuple(each for each in found if not each.is_empty)


def _layers(network: Network) -> list[Graph]:
    return [layer.graph for layer in network.layers for _ in range(layer.repeats)]


def _without_name(each: LayerDifference) -> tuple[object, ...]:
    return each.removed, each.added, each.renamed, each.changed, each.outputs


def _named(name: str, each: LayerDifference) -> LayerDifference:
    return LayerDifference(name, each.removed, each.added, each.renamed, each.changed, each.outputs)


def _difference(name: str, old: Graph, new: Graph) -> LayerDifference:
    before, after = _views(old), _views(new)
    names = _renamed(before, after)
    kept = {node: names.get(node, node) for node in before if names.get(node, node) in after}
    changed = {}
    for node, now in kept.items():
        aspects = tuple(_aspects(before[node].renamed(names), after[now]))
        if aspects:
            changed[now] = aspects
    taken = set(kept.values())
    return LayerDifference(
        layer=name,
        removed={node: view for node, view in before.items() if node not in kept},
        added={node: view for node, view in after.items() if node not in taken},
        renamed=names,
        changed=changed,
        outputs=tuple(_outputs(old, new, names)),
    )


def _views(graph: Graph) -> dict[str, NodeView]:
    return {node: _view(graph, node) for node in graph.computed()}


def _view(graph: Graph, node: str) -> NodeView:
    op = graph.op(node)
    assert not isinstance(op, Input)
    edges = graph.inputs(node)
    return NodeView(
        level=op.level,
        width=op.width,
        inputs=tuple((edge.source, " ".join(map(step_text, edge.via))) for edge in edges),
        fusion=fusion_text(op.fusion) if isinstance(op, Fuse) else "",
        steps=" ".join(map(step_text, op.steps)),
        share=op.share,
    )


def _renamed(before: Mapping[str, NodeView], after: Mapping[str, NodeView]) -> dict[str, str]:
    """Old name -> new name of nodes that have changed nothing but their name.

    In the order of computation, so that the inputs of a node are known by their new names.
    """
    names: dict[str, str] = {}
    free = {node: view for node, view in after.items() if node not in before}
    for node, view in before.items():
        if node in after:
            continue
        wanted = view.renamed(names)
        alike = [other for other, its in free.items() if its == wanted]
        if len(alike) == 1:
            names[node] = alike[0]
            del free[alike[0]]
    return names


def _aspects(before: NodeView, after: NodeView) -> Iterator[Aspect]:
    for name, text in before.aspects().items():
        if text != after.aspects()[name]:
            yield Aspect(name, text, after.aspects()[name])


def _outputs(old: Graph, new: Graph, names: Mapping[str, str]) -> Iterator[Aspect]:
    """Levels that other nodes give."""
    for level in sorted(old.outputs.keys() | new.outputs.keys()):
        was = old.outputs.get(level, "none")
        before, after = names.get(was, was), new.outputs.get(level, "none")
        if before != after:
            yield Aspect(f"P{level}", before, after)
