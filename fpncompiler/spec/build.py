"""Families -> the graph of one layer.

    td(l): [in(l), td(l+1)]   over 3..5   ->   p5_td [p5_in]
                                               p4_td [p4_in, p5_td]
                                               p3_td [p3_in, p4_td]

A neighbour beyond the range drops out; every other reference must exist.
"""

from dataclasses import dataclass, field

from fpncompiler.diagnostics import Sink, suggest
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Fuse, Input, Unary
from fpncompiler.spec.reading import Levels
from fpncompiler.spec.references import Everywhere, Level, Neighbour, Reference
from fpncompiler.spec.topology import INPUT_FAMILIES, Family, Topology

MAX_NODES = 20_000
MAX_EDGES = 100_000
MAX_FAN_IN = 200


def build_layer(topology: Topology, backbone_levels: tuple[int, ...], sink: Sink) -> Graph:
    """The graph of one layer, before any rewrite; inputs have the topology's width for now.

    Args:
        backbone_levels: the levels at which `backbone(l)` exists.

    Raises:
        SpecError: unknown nodes and levels, nodes declared twice or left without inputs,
            too many nodes, a cycle.
    """
    _check_budget(topology, sink)
    builder = _Builder(topology, sink, Graph(topology.name), broken=set(topology.broken))
    builder.declare(backbone_levels)
    builder.connect()
    builder.set_outputs()
    sink.stop_on_errors()
    _refuse_cycle(builder.graph, sink)
    return builder.graph


def _check_budget(topology: Topology, sink: Sink) -> None:
    """Refuse what would grow out of hand, before anything is expanded."""
    levels = len(list(topology.levels))
    nodes = edges = 0
    for family in topology.families:
        copies = 1 if family.level is not None else levels
        fan_in = sum(levels if r.may_be_several else 1 for r in family.inputs)
        if fan_in > MAX_FAN_IN:
            message = f"`{family.name}` may read {fan_in} maps; {MAX_FAN_IN} are allowed"
            sink.error("F505", message, family.span)
        nodes += copies
        edges += copies * fan_in
    for count, limit, what in ((nodes, MAX_NODES, "nodes"), (edges, MAX_EDGES, "edges")):
        if count > limit:
            message = f"the spec declares {count} {what}; {limit} are allowed"
            sink.fatal("F505", message, topology.span)


def node_id(family: str, level: int) -> str:
    """The paper's name of a family's node: `p6_td`."""
    return f"p{level}_{family}"


@dataclass(slots=True)
class _Builder:
    topology: Topology
    sink: Sink
    graph: Graph
    levels_of: dict[str, dict[int, str]] = field(default_factory=dict)
    families: list[tuple[str, int, Family]] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def declare(self, backbone_levels: tuple[int, ...]) -> None:
        width = self.topology.width
        for level in self.topology.levels:
            self._add_input(Input(level, width))
        if any(r.family == "backbone" for f in self.topology.families for r in f.inputs):
            for level in backbone_levels:
                self._add_input(Input(level, width, "backbone"))
        for family in self.topology.families:
            levels = Levels(family.level, family.level) if family.level is not None else None
            for level in levels or self.topology.levels:
                self._add(family, level)

    def _add_input(self, op: Input) -> None:
        node = node_id(op.source, op.level)
        self.graph.add_node(node, op)
        self.levels_of.setdefault(op.source, {})[op.level] = node

    def _add(self, family: Family, level: int) -> None:
        node = family.name if family.by_name else node_id(family.name, level)
        if level not in self.topology.levels:
            message = f"level {level} is outside the levels {self.topology.levels}"
            self.sink.error("F302", message, family.span)
            self.broken.add(family.name)
            return
        if node in self.graph:
            message = f"node `{node}` is declared twice"
            help = "each node has one declaration; rename one of them"
            self.sink.error("F208", message, family.span, help=help)
            return
        self.graph.add_node(node, _op(family, level), family.span)
        self.families.append((node, level, family))
        if family.by_name:
            self.named[family.name] = node
        else:
            self.levels_of.setdefault(family.name, {})[level] = node

    def connect(self) -> None:
        for node, level, family in self.families:
            edges = tuple(
                Edge(source, span=reference.span)
                for reference in family.inputs
                for source in self.resolve(reference, level)
            )
            self.graph.set_inputs(node, edges)
            if not edges and all(self._beyond(reference, level) for reference in family.inputs):
                message = f"node `{node}` is left without inputs at level {level}"
                help = f"every neighbour that it reads is beyond {self.topology.levels}"
                self.sink.error("F303", message, family.span, help=help)

    def _beyond(self, reference: Reference, level: int) -> bool:
        """Whether a reference is to neighbours that all lie beyond the range."""
        if not isinstance(reference.where, Neighbour) or reference.family not in self.levels_of:
            return False
        near = range(level + reference.where.low, level + reference.where.high + 1)
        backbone = reference.family == "backbone"
        there = self.levels_of[reference.family] if backbone else self.topology.levels
        return all(other not in there for other in near)

    def resolve(self, reference: Reference, level: int) -> tuple[str, ...]:
        """The nodes that a reference means at a level, in order."""
        if reference.family in self.broken:
            return ()
        if reference.where is None:
            return self._by_name(reference)
        known = self.levels_of.get(reference.family)
        if known is None:
            self._unknown(reference)
            return ()
        match reference.where:
            case Everywhere():
                return tuple(known[found] for found in sorted(known))
            case Level(wanted):
                return self._at(reference, wanted, known)
            case Neighbour(low, high):
                span = range(level + low, level + high + 1)
                near = known if reference.family == "backbone" else self.topology.levels
                inside = (wanted for wanted in span if wanted in near)
                return tuple(n for wanted in inside for n in self._at(reference, wanted, known))

    def _by_name(self, reference: Reference) -> tuple[str, ...]:
        if reference.family in self.named:
            return (self.named[reference.family],)
        if reference.family in self.levels_of:
            message = f"`{reference.family}` has a node at several levels; say which"
            help = f"write `{reference.family}(l)` or `{reference.family}(3)`"
            self.sink.error("F206", message, reference.span, help=help)
        else:
            self._unknown(reference)
        return ()

    def _at(self, reference: Reference, wanted: int, known: dict[int, str]) -> tuple[str, ...]:
        if wanted in known:
            return (known[wanted],)
        levels = ", ".join(str(level) for level in sorted(known))
        message = f"`{reference.text}` reads level {wanted}, where `{reference.family}` has no node"
        help = f"`{reference.family}` has nodes at the levels {levels}"
        self.sink.error("F302", message, reference.span, label="no such level", help=help)
        return ()

    def _unknown(self, reference: Reference) -> None:
        message = f"`{reference.text}` refers to `{reference.family}`, which is not defined"
        if reference in self.topology.outputs:
            message = f"`outputs` names `{reference.family}`, which is not defined"
        choices = [*self.levels_of, *self.named, *INPUT_FAMILIES]
        help = suggest(reference.family, choices)
        self.sink.error("F204", message, reference.span, label="no node of this name", help=help)

    def set_outputs(self) -> None:
        for reference in self.topology.outputs if self.topology.families else ():
            if reference.family in self.broken:
                continue
            if reference.family in INPUT_FAMILIES:
                message = f"`{reference.family}` is what the layer is given, and is no output"
                self.sink.error("F305", message, reference.span, help="name a family of nodes")
                continue
            if reference.where is None and reference.family in self.levels_of:
                nodes = tuple(self.levels_of[reference.family].values())
            elif isinstance(reference.where, Neighbour):
                help = f"write `{reference.family}` for all levels, or `{reference.family}(3)`"
                self.sink.error("F206", "an output has no `l`", reference.span, help=help)
                continue
            else:
                nodes = self.resolve(reference, self.topology.levels.low)
            for node in nodes:
                self._set_output(node, reference)

    def _set_output(self, node: str, reference: Reference) -> None:
        level = self.graph.op(node).level
        if (other := self.graph.outputs.get(level)) == node:
            message = f"`outputs` names `{node}` twice"
            self.sink.error("F304", message, reference.span)
        elif other:
            message = f"level {level} has two outputs, `{other}` and `{node}`"
            self.sink.error("F304", message, reference.span)
        self.graph.outputs[level] = node


def _op(family: Family, level: int) -> Fuse | Unary:
    style = family.style
    if family.fuses:
        return Fuse(
            level,
            family.width,
            style.fusion,
            style.conv,
            style.resampling,
            style.adapting,
            family.keep,
        )
    return Unary(level, family.width, style.conv, style.resampling, style.adapting)


def _refuse_cycle(graph: Graph, sink: Sink) -> None:
    cycle = graph.cycle()
    if not cycle:
        return
    source, target, slot = cycle[-1]
    path = " -> ".join([*(edge[0] for edge in cycle), target])
    span = graph.inputs(target)[slot].span
    message = f"the nodes depend on each other in a circle: {path}"
    help = "let one of them read `in(l)` or an earlier family instead"
    sink.fatal("F301", message, span, label=f"`{target}` reads `{source}` here", help=help)
