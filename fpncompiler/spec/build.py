"""Declarations -> the graph of one layer, or of the prologue that makes what the first one reads.

    td(l): [in(l), td(l+1)]   over 3..5   ->   p5_td [p5_in]
                                               p4_td [p4_in, p5_td]
                                               p3_td [p3_in, p4_td]

A neighbour beyond the range drops out; every other reference must exist.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from fpncompiler.diagnostics import Label, Sink, Span
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Fuse, Input, Unary, entry_level, sets_width, width_after
from fpncompiler.spec.inputs import Nested, NodeInput, references_in
from fpncompiler.spec.node_specs import Nodes, NodeSpec
from fpncompiler.spec.reading import MAX_LEVEL, Levels
from fpncompiler.spec.references import Neighbour, Reference
from fpncompiler.spec.resolve import Resolver
from fpncompiler.spec.style import fusion_arity
from fpncompiler.spec.topology import Topology

HERE = Neighbour(0, 0)
MAX_SHOWN = 12  # nodes of a circle, which may have thousands


def build_layer(topology: Topology, backbone_levels: tuple[int, ...], sink: Sink) -> Graph:
    """The graph of one layer, before any rewrite; widths are inferred once inputs have theirs.

    Args:
        backbone_levels: the levels at which `backbone(l)` exists.

    Raises:
        SpecError: unknown nodes and levels, nodes declared twice or left without inputs,
            too many nodes, a cycle.
    """
    builder = _Builder(
        topology.nodes, topology.levels, topology.layers, topology.width, sink, topology.name
    )
    builder.declare_inputs({level: f"p{level}_in" for level in topology.inputs}, "in")
    if _reads_backbone(topology.nodes):
        levels = backbone_levels or range(MAX_LEVEL + 1)  # of an unknown one, none is missing
        names = {level: f"p{level}_backbone" for level in levels}
        builder.declare_inputs(names, "backbone")
    builder.declare_nodes()
    builder.connect()
    builder.set_outputs(topology.outputs)
    return builder.finished()


def build_prologue(topology: Topology, channels: dict[int, int], sink: Sink) -> Graph:
    """What makes `in(l)` from the backbone; levels that the spec leaves out are the backbone's own.

    Args:
        channels: level -> channels of the backbone's features.

    Raises:
        SpecError: as `build_layer`, or a level that neither the spec nor the backbone gives.
    """
    assert topology.prologue
    low, high = min(*channels, topology.inputs.low), max(*channels, topology.inputs.high)
    levels = Levels(low, high)
    builder = _Builder(topology.prologue, levels, 0, topology.width, sink, "prologue")
    builder.declare_inputs({level: f"c{level}" for level in channels}, "backbone", channels)
    builder.declare_nodes()
    builder.connect()
    made = builder.found.nodes_of.get("in", {})
    for level in topology.inputs:
        if (level, None) in made:
            builder.graph.outputs[level] = made[level, None]
        elif level in channels:
            builder.graph.outputs[level] = f"c{level}"
        elif not sink.has_errors:  # of which this may come
            message = f"neither the backbone nor the prologue gives level {level}"
            help = f"declare `in({level})` in the prologue"
            sink.error("F302", message, topology.levels_span, help=help)
    return builder.finished()


def merging_nodes(topology: Topology) -> dict[int, Fuse]:
    """Level -> the op of the node that merges the branches of a topology."""
    return {spec.level: _fuse(spec) for spec in topology.nodes.specs}


def node_id(family: str, level: int, layer: int | None = None) -> str:
    """The paper's name of a family's node: `p6_td`, with its layer index `p6_f2`."""
    if layer is None:
        return f"p{level}_{family}"
    return f"p{level}_{family}{'_' if family[-1].isdigit() else ''}{layer}"


def _reads_backbone(nodes: Nodes) -> bool:
    return any(r.family == "backbone" for spec in nodes.specs for r in references_in(spec.inputs))


@dataclass(slots=True)
class _Builder:
    nodes: Nodes
    levels: Levels
    layers: int
    width: int
    sink: Sink
    name: str
    graph: Graph = field(init=False)
    found: Resolver = field(init=False)
    made: list[tuple[str, NodeSpec]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = Graph(self.name)
        self.found = Resolver(self.nodes, self.levels, self.layers, self.sink)

    def declare_inputs(
        self, names: dict[int, str], source: str, channels: dict[int, int] | None = None
    ) -> None:
        for level, node in names.items():
            width = channels[level] if channels else self.width
            self.graph.add_node(node, Input(level, width, "in" if source == "in" else "backbone"))
        self.found.add_inputs(source, names)

    def declare_nodes(self) -> None:
        for spec in self.nodes.specs:
            self._add(spec)

    def _add(self, spec: NodeSpec) -> None:
        # Levels that the prologue makes are `p6`, as papers call them.
        own = (
            f"p{spec.level}"
            if spec.family == "in"
            else node_id(spec.family, spec.level, spec.layer)
        )
        node = spec.family if spec.by_name else own
        if node in self.graph:
            message = f"node `{node}` is declared twice"
            help = "each node has one declaration; rename one of them"
            self.sink.error("F208", message, spec.span, help=help)
            return
        op = _op(spec)
        if entry_level(op) < 0:
            message = f"the steps of `{node}` start from level {entry_level(op)}"
            self.sink.error("F302", message, spec.span, help="there is none below 0")
        self.graph.add_node(node, op, spec.span)
        self.made.append((node, spec))
        self.found.add(spec, node)

    def connect(self) -> None:
        for node, spec in self.made:
            edges = tuple(self._edges(spec.inputs, node, spec))
            self.graph.set_inputs(node, edges)
            if edges and spec.fuses:
                self._check_arity(node, spec.style.fusion.kind, len(edges), spec.span)
            elif not edges and self._are_beyond(spec):
                message = f"node `{node}` is left without inputs at level {spec.level}"
                help = f"every neighbour that it reads is beyond the range; {self._fewer(spec)}"
                self.sink.error("F303", message, spec.span, help=help)

    def _are_beyond(self, spec: NodeSpec) -> bool:
        references = [*references_in(spec.inputs)]
        return bool(references) and all(self.found.is_beyond(r, spec) for r in references)

    def _fewer(self, spec: NodeSpec) -> str:
        """How to leave out a node at the end of a range."""
        if spec.by_name:
            return "let it read another level"
        if any(r.layer not in (None, HERE) for r in references_in(spec.inputs)):
            return f"declare `{spec.family}(l, {spec.layer})` by itself"
        index = "" if spec.layer is None else ", k"
        low, high = self.levels.low, self.levels.high
        ends = {low: f"{low + 1}..", high: f"..{high - 1}"}
        if spec.level not in ends:
            return f"declare `{spec.family}({spec.level}{index})` by itself"
        return f"declare it for fewer levels: `{spec.family}({ends[spec.level]}{index})`"

    def _edges(self, inputs: tuple[NodeInput, ...], node: str, spec: NodeSpec) -> Iterator[Edge]:
        for item in inputs:
            if isinstance(item, Nested):
                yield from self._nested(item, node, spec)
                continue
            for source in self.found.resolve(item.reference, spec):
                yield Edge(source, item.via, item.reference.span)

    def _nested(self, item: Nested, reader: str, spec: NodeSpec) -> Iterator[Edge]:
        """A node of its own for the inner fusion; nothing where all its inputs drop out."""
        node = name = f"{reader}_{item.fusion.kind}"
        number = self.numbers.get(name, 1)
        while node in self.graph:
            number += 1
            node = f"{name}{number}"
        self.numbers[name] = number
        width = None if item.fusion.concatenates else spec.width
        op = Fuse(
            entry_level(_op(spec)),
            width or 0,
            item.fusion,
            (),
            spec.style.resampling,
            spec.style.adapting,
            fuse_width=width,
            nested=True,
        )
        self.graph.add_node(node, op, item.span)
        edges = tuple(self._edges(item.inputs, node, spec))
        if not edges:
            self.graph.remove_node(node)
            return
        self.graph.set_inputs(node, edges)
        self._check_arity(node, item.fusion.kind, len(edges), item.span)
        yield Edge(node, span=item.span)

    def _check_arity(self, node: str, kind: str, arity: int, span: Span) -> None:
        low, high = fusion_arity(kind)
        if not low <= arity <= high:
            maps = "one map" if arity == 1 else f"{arity} maps"
            message = f"`{node}` fuses {maps} by `{kind}`"
            wanted = str(low) if low == high else f"{low} to {high}"
            help = f"`{kind}` takes {wanted}"
            if arity < low:  # as at the end of a range, where a neighbour drops out
                help += ": give this level a declaration of its own"
            self.sink.error("F307", message, span, help=help)

    def set_outputs(self, outputs: tuple[Reference, ...]) -> None:
        for reference in outputs if self.nodes.specs else ():
            for node in self.found.resolve_output(reference):
                self._set_output(node, reference)

    def _set_output(self, node: str, reference: Reference) -> None:
        level = self.graph.op(node).level
        if (other := self.graph.outputs.get(level)) == node:
            message = f"`outputs` names `{node}` twice"
            self.sink.error("F304", message, reference.span)
        elif other:
            message = f"level {level} has two outputs, `{other}` and `{node}`"
            help = "name the families for levels of their own: `[td(3), out(4)]`"
            self.sink.error("F304", message, reference.span, help=help)
        self.graph.outputs[level] = node

    def finished(self) -> Graph:
        _refuse_cycle(self.graph, self.sink)
        self.sink.stop_on_errors()
        return self.graph


def _op(spec: NodeSpec) -> Fuse | Unary:
    style = spec.style
    if spec.fuses:
        return _fuse(spec)
    # Its own steps bring its one input to the width; where they do not, an adapter does.
    width = None if sets_width(style.steps) else spec.width
    return Unary(
        spec.level,
        width_after(style.steps, width or 0),
        style.steps,
        style.resampling,
        style.adapting,
        fuse_width=width,
        share=spec.share,
    )


def _fuse(spec: NodeSpec) -> Fuse:
    style = spec.style
    width = None if style.fusion.concatenates else spec.width
    return Fuse(
        spec.level,
        width_after(style.steps, width or 0),
        style.fusion,
        style.steps,
        style.resampling,
        style.adapting,
        fuse_width=width,
        keep=spec.keep,
        share=spec.share,
    )


def _refuse_cycle(graph: Graph, sink: Sink) -> None:
    cycle = graph.cycle()
    if not cycle:
        return
    source, target, slot = cycle[-1]
    names = [*(edge[0] for edge in cycle), target]
    if len(names) > MAX_SHOWN:
        names = [*names[: MAX_SHOWN // 2], "...", *names[-MAX_SHOWN // 2 :]]
    path = " -> ".join(names)
    span = graph.inputs(target)[slot].span
    message = f"the nodes depend on each other in a circle: {path}"
    help = "let one of them read `in(l)` or an earlier family instead"
    label = f"`{target}` reads `{source}` here"
    labels = tuple(_cycle_labels(graph, cycle[:-1], span))[:MAX_SHOWN]
    sink.error("F301", message, span, label=label, help=help, labels=labels)


def _cycle_labels(
    graph: Graph, edges: tuple[tuple[str, str, int], ...], main: Span | None
) -> Iterator[Label]:
    """Where the other edges of a circle stand, each place once."""
    shown = {main}
    for source, target, slot in edges:
        span = graph.inputs(target)[slot].span
        if span and span not in shown:
            shown.add(span)
            yield Label(span, f"`{target}` reads `{source}`")
