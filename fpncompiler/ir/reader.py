"""The textual IR -> graphs and networks, which are verified; faults are diagnostics.

    lines  ->  nodes as their lines have them (`node_lines`)  ->  Graph, Network  ->  verified

A text may come from a stranger: it is bounded, and no text leads to anything but graphs or faults.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from fpncompiler.diagnostics import MAX_CHOICES, Label, Sink, Span, suggest
from fpncompiler.ir.defaults import Defaults
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.lines import LARGE, SYNTAX, VALUE, Line, LineError, Token, whole_number
from fpncompiler.ir.network import Layer, Network
from fpncompiler.ir.node_lines import MAX_LEVEL, NodeText, read_defaults, read_node
from fpncompiler.ir.ops import Input
from fpncompiler.ir.settings import LEAVE_ONE, TWICE
from fpncompiler.ir.step_words import MAX_WIDTH, Kinds
from fpncompiler.ir.verify import Violation, violations
from fpncompiler.ir.verify_network import network_violations

Item = Graph | Network

UNKNOWN_NODE, BROKEN = "F704", "F707"
MAX_BYTES = 1 << 22
MAX_PARTS = 200_000  # nodes, steps, and twice what nodes read
MAX_REPEATS = 1000
TEXT_NAME = "<text>"
TO_SHORTEN = "equal layers are one graph, `layer x3 graph NAME`"
# Lines by their first word; those of a network's outputs and of nodes have forms besides.
FORMS = {
    "graph": "graph NAME",
    "with": "with activation=relu eps=1e-05",
    "outputs": "outputs p3=NODE p4=NODE",
    "network": "network NAME",
    "taps": "taps c3=40 c4=112",
    "extra": "extra graph NAME",
    "layer": "layer x1 graph NAME",
}
NETWORK_OUTPUTS = "outputs p3 p4"

_LEVEL = re.compile(r"([pc])([0-9]+)")
_REPEATS = re.compile(r"x([0-9]+)")


@dataclass(slots=True)
class _GraphText:
    """A graph as its lines have it; nodes in `broken` are named by lines that cannot be read."""

    name: str
    span: Span
    repeats: int = 0  # 0 for a graph that is no layer
    defaults: Defaults = field(default_factory=Defaults)
    nodes: dict[str, NodeText] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    outputs: dict[int, Token] | None = None

    def graph(self) -> Graph:
        """The graph, of lines without faults."""
        graph = Graph(self.name)
        for name, node in self.nodes.items():
            graph.add_node(name, node.op, node.name.span)
        for name, node in self.nodes.items():
            edges = (Edge(edge.source.text, edge.via, edge.source.span) for edge in node.edges)
            graph.set_inputs(name, tuple(edges))
        graph.outputs = {level: token.text for level, token in (self.outputs or {}).items()}
        return graph


@dataclass(slots=True)
class _NetworkText:
    """A network as its lines have it."""

    name: str
    span: Span
    taps: dict[int, int] | None = None
    outputs: tuple[int, ...] | None = None
    extra: _GraphText | None = None
    layers: list[_GraphText] = field(default_factory=list)

    @property
    def graphs(self) -> list[_GraphText]:
        """All its graphs, the extra levels first."""
        return [*([self.extra] if self.extra else []), *self.layers]


def read_text(data: bytes, file: str, kinds: Kinds, sink: Sink) -> tuple[Item, ...]:
    """The graphs and networks of a text.

    Raises:
        SpecError: F701 to F707, all that were found.
    """
    if len(data) > MAX_BYTES:
        message = f"the text has more than {MAX_BYTES} bytes"
        sink.fatal(LARGE, message, Span(file, 1, 1, 2), help=TO_SHORTEN)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        sink.add_text(file, data.decode(errors="replace"))
        lines = f"{data[: error.start].decode()}?".splitlines()
        place = Span(file, len(lines), len(lines[-1]), len(lines[-1]) + 1)
        message = f"the byte {data[error.start]:#04x} is no UTF-8"
        sink.fatal(SYNTAX, message, place, help="save the text as UTF-8")
    sink.add_text(file, text)
    reader = _Reader(file, kinds, sink)
    reader.read()
    for item in reader.items:
        _check_names(item, sink)
    sink.stop_on_errors()
    return tuple(_made(item, sink) for item in reader.items)


class _Reader:
    """Puts each line where it belongs."""

    def __init__(self, file: str, kinds: Kinds, sink: Sink) -> None:
        self.file = file
        self.kinds = kinds
        self.sink = sink
        self.items: list[_GraphText | _NetworkText] = []
        self.graph: _GraphText | None = None
        self.network: _NetworkText | None = None
        self.parts = 0

    def read(self) -> None:
        for number, text in enumerate(self.sink.texts[self.file], start=1):
            if text.lstrip(" \t")[:1] in ("", "#"):
                continue
            line = Line(text, self.file, number, self.sink)
            first, second = line.next, line.behind()
            try:
                self._line(line)
            except LineError:
                self._recover(first, second)
        self._finish()
        if not self.items and not self.sink.has_errors:
            message, help = "there is no graph in it", "begin with `graph NAME`"
            self.sink.error(SYNTAX, message, Span(self.file, 1, 1, 2), help=help)

    def _recover(self, first: Token, second: Token) -> None:
        """Remember which node a line was about, so that its readers are not told of."""
        if self.graph and first.sort == "name" and second.text == "=":
            self.graph.broken.add(first.text)

    def _line(self, line: Line) -> None:
        if line.behind().text == "=":
            self._node(line)
            return
        token = line.name("a line of a graph")
        line.form = FORMS.get(token.text, line.form)
        match token.text:
            case "graph":
                self._close_network()
                self._begin(line, token)
            case "network":
                self._close_network()
                self.network = _NetworkText("", token.span)
                self.items.append(self.network)
                self.network.name = line.name("the name of a network").text
            case "extra" | "layer":
                self._part(line, token)
            case "with":
                self._with(line, token)
            case "taps":
                self._taps(line, token)
            case "outputs":
                self._outputs(line, token)
            case _:
                line.unknown(token, "line of a graph", (*FORMS, "NAME = ..."))
        line.end()

    # Lines that begin something

    def _begin(self, line: Line, at: Token, repeats: int = 0) -> _GraphText:
        self._finish()
        self.graph = _GraphText("", at.span, repeats)
        if self.network is None:
            self.items.append(self.graph)
        self.graph.name = line.name("the name of a graph").text
        return self.graph

    def _part(self, line: Line, token: Token) -> None:
        """A graph of a network."""
        if self.network is None:
            help = "a network begins with `network NAME`; a graph alone with `graph NAME`"
            self._misplaced(line, token, "belongs to a network", help)
        self._finish()
        if token.text == "extra":
            if self.network.extra:
                message = "a network has one `extra graph`"
                self.sink.error(TWICE, message, token.span, help="the others are layers")
            graph = self.graph = _GraphText("", token.span)
            self.network.extra = graph
        else:
            graph = self.graph = _GraphText("", token.span, repeats=1)
            self.network.layers.append(graph)
            graph.repeats = self._repeats(line)
        line.expect("graph")
        graph.name = line.name("the name of a graph").text

    def _repeats(self, line: Line) -> int:
        token = line.name("`x1`, how often the layer is repeated,")
        found = _REPEATS.fullmatch(token.text)
        number = whole_number(found[1]) if found else None
        if number is None or not 1 <= number <= MAX_REPEATS:
            help = f"write `x1` to `x{MAX_REPEATS}`"
            message = f"`{token.text}` cannot say how often a layer is repeated"
            line.fault(VALUE, message, token.span, help)
        return number

    # Lines within it

    def _with(self, line: Line, token: Token) -> None:
        graph = self._open(line, token, "belongs to a graph")
        if graph.nodes or graph.broken:
            self._misplaced(line, token, "stands behind nodes", "it comes below `graph NAME`")
        graph.defaults = read_defaults(line, graph.defaults, self.kinds)

    def _node(self, line: Line) -> None:
        name = line.next
        graph = self._open(line, name, "belongs to a graph")
        node = read_node(line, graph.defaults, self.kinds)
        self.parts += 1 + 2 * len(node.edges)
        self.parts += sum(len(edge.via) for edge in node.edges)
        self.parts += 0 if isinstance(node.op, Input) else len(node.op.steps)
        if self.parts > MAX_PARTS:
            message = f"the text has more than {MAX_PARTS} parts"
            self.sink.fatal(LARGE, message, name.span, help=TO_SHORTEN)
        if first := graph.nodes.get(name.text):
            labels = (Label(first.name.span, "the first"),)
            message = f"node `{name.text}` is there twice"
            help = "rename one of them, and what reads it"
            self.sink.error(TWICE, message, name.span, labels=labels, help=help)
            return
        graph.nodes[name.text] = node

    def _taps(self, line: Line, token: Token) -> None:
        network = self.network
        if network is None or self.graph:
            help = "it comes below `network NAME`, before the graphs"
            self._misplaced(line, token, "belongs to the head of a network", help)
        if network.taps is not None:
            line.fault(TWICE, "`taps` is said twice", token.span, LEAVE_ONE)
        network.taps = {}
        while line.next.sort != "end":
            level = self._level(line, "c", network.taps)
            line.expect("=")
            network.taps[level] = line.whole("the channels of a tap", 1, MAX_WIDTH)

    def _outputs(self, line: Line, token: Token) -> None:
        if self.graph is None and self.network is not None:
            line.form = NETWORK_OUTPUTS
            self._network_outputs(line, token, self.network)
            return
        graph = self._open(line, token, "belongs to a graph")
        graph.outputs = {}
        while line.next.sort != "end":
            level = self._level(line, "p", graph.outputs)
            line.expect("=")
            graph.outputs[level] = line.name("a node")

    def _network_outputs(self, line: Line, token: Token, network: _NetworkText) -> None:
        if network.outputs is not None:
            line.fault(TWICE, "`outputs` is said twice", token.span, LEAVE_ONE)
        levels: dict[int, None] = {}
        network.outputs = ()
        while line.next.sort != "end":
            levels[self._level(line, "p", levels)] = None
        network.outputs = tuple(levels)

    def _level(self, line: Line, letter: str, seen: Mapping[int, object]) -> int:
        """`p3` or `c3`."""
        token = line.name(f"a level such as `{letter}3`")
        found = _LEVEL.fullmatch(token.text)
        level = whole_number(found[2]) if found and found[1] == letter else None
        if level is None or level > MAX_LEVEL:
            help = f"write `{letter}0` to `{letter}{MAX_LEVEL}`"
            line.fault(VALUE, f"`{token.text}` is no level", token.span, help)
        if level in seen:
            line.fault(TWICE, f"level {level} is there twice", token.span, LEAVE_ONE)
        return level

    # Where things end

    def _open(self, line: Line, token: Token, rule: str) -> _GraphText:
        """The graph that a line belongs to."""
        if self.graph is None:
            self._misplaced(line, token, rule, "a graph begins with `graph NAME`")
        if self.graph.outputs is not None:
            self.graph.outputs = None  # so that this is told once
            help = "`outputs` is the last line of a graph; the next begins with `graph NAME`"
            self._misplaced(line, token, "stands behind the `outputs` of its graph", help)
        return self.graph

    def _misplaced(self, line: Line, token: Token, rule: str, help: str) -> NoReturn:
        line.fault(SYNTAX, f"`{token.text}` {rule}", token.span, help)

    def _finish(self) -> None:
        """End a graph, which has outputs."""
        graph = self.graph
        if graph and graph.outputs is None and not self.sink.has_errors:
            help = "end it by `outputs p3=NODE p4=NODE ...`"
            self.sink.error(SYNTAX, f"graph `{graph.name}` has no outputs", graph.span, help=help)
        self.graph = None

    def _close_network(self) -> None:
        self._finish()
        self.network = None


def _check_names(item: _GraphText | _NetworkText, sink: Sink) -> None:
    """Whether all nodes that are read are there, and all parts of a network."""
    if isinstance(item, _NetworkText):
        for what, part in (
            ("taps", item.taps), ("outputs", item.outputs),
            ("extra", item.extra), ("layer", item.layers),
        ):  # fmt: skip
            if not part and not sink.has_errors:
                message = f"network `{item.name}` has no `{what}`"
                help = f"add a line `{FORMS[what]}`"
                sink.error(SYNTAX, message, item.span, is_missing=True, help=help)
    for graph in item.graphs if isinstance(item, _NetworkText) else [item]:
        for token in _references(graph):
            if token.text not in graph.nodes and token.text not in graph.broken:
                _refuse_reference(token, graph, sink)


def _references(graph: _GraphText) -> Iterator[Token]:
    for node in graph.nodes.values():
        yield from (edge.source for edge in node.edges)
    yield from (graph.outputs or {}).values()


def _refuse_reference(token: Token, graph: _GraphText, sink: Sink) -> None:
    near = suggest(token.text, graph.nodes) if len(graph.nodes) <= MAX_CHOICES else ""
    help = near or f"add a line `{token.text} = ...`"
    message = f"there is no node `{token.text}` in graph `{graph.name}`"
    sink.error(UNKNOWN_NODE, message, token.span, help=help)


def _made(text: _GraphText | _NetworkText, sink: Sink) -> Item:
    """The item, verified."""
    if isinstance(text, _GraphText):
        graph = text.graph()
        for violation in violations(graph):
            _tell(violation, text, graph, sink)
        sink.stop_on_errors()
        return graph
    assert text.extra
    assert text.taps is not None
    layers = tuple(Layer(part.graph(), part.repeats) for part in text.layers)
    network = Network(text.name, text.taps, text.extra.graph(), layers, text.outputs or ())
    graphs = [network.extra, *(layer.graph for layer in layers)]
    for index, violation in network_violations(network):
        _tell(violation, text.graphs[index], graphs[index], sink)
    sink.stop_on_errors()
    return network


def _tell(violation: Violation, text: _GraphText, graph: Graph, sink: Sink) -> None:
    """A violation as a diagnostic, at the line that it is about."""
    tokens = text.outputs or {}
    place = place_of(violation, graph) or text.span
    if violation.output is not None:
        place = tokens[violation.output].span
    sink.error(BROKEN, violation.text, place, is_missing=True, help=violation.help)


def place_of(violation: Violation, graph: Graph) -> Span | None:
    """Where the node or the input stands that a violation is about."""
    if not violation.node or violation.node not in graph:
        return None
    if violation.slot is not None:
        return graph.inputs(violation.node)[violation.slot].span or graph.span(violation.node)
    return graph.span(violation.node)
