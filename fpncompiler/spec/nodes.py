"""Declarations under `nodes` and `prologue`: typed, one for each level and layer index."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from fpncompiler.diagnostics import Label, Span
from fpncompiler.spec.budget import PARTS_OF_SETTINGS, parts_of, size_of
from fpncompiler.spec.declarations import (
    MAX_LENGTH,
    SINGLE,
    Declaration,
    parse_declaration,
    wins,
)
from fpncompiler.spec.habits import is_misspelled
from fpncompiler.spec.idle import (
    warn_of_hidden_declarations,
    warn_of_idle_settings,
    warn_of_lonely_shares,
)
from fpncompiler.spec.inputs import (
    NodeInput,
    Reach,
    count_inputs,
    count_learned,
    is_input,
    read_inputs,
)
from fpncompiler.spec.names import MAX_NODE_NAME
from fpncompiler.spec.node_specs import Family, Nodes, NodeSpec
from fpncompiler.spec.reading import MAX_LEVEL, Levels, Reader
from fpncompiler.spec.slips import meant_declaration, meant_name, split_id
from fpncompiler.spec.steps import MAX_WIDTH
from fpncompiler.spec.style import MAX_FAN_IN, STYLE_KEYS, Style, read_style
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence

NODE_KEYS = ("inputs", "keep", "level", "share", "width", *STYLE_KEYS)
MAX_NODES = 12_000
MAX_RIVALS = 3  # declarations of one place that are reported
INPUT_FAMILIES = ("in", "backbone")


@dataclass(frozen=True, slots=True)
class AtPlace:
    """The settings at a level and layer index, for nodes without any of their own."""

    reader: Reader
    width: int | None
    style: Style


@dataclass(slots=True)
class Settings:
    """The network's settings, which may depend on the level; each read once."""

    places: list[Mapping]
    own: list[Mapping]
    reader: Reader
    known: dict[tuple[int, int | None], AtPlace] = field(default_factory=dict)

    def at(self, level: int, layer: int | None) -> AtPlace:
        """The settings of a node without any of its own."""
        if (level, layer) not in self.known:
            names = {"l": float(level)} | ({"k": float(layer)} if layer is not None else {})
            reader = self.reader.with_names(names)
            width = read_width(reader.first(self.own, "width"), reader, 64)
            style = read_style(self.places, reader, width)
            self.known[level, layer] = AtPlace(reader, width, style)
        return self.known[level, layer]


def read_width(node: Node | None, reader: Reader, default: int | None) -> int | None:
    """A number of channels, or `same`: as many as come."""
    node = reader.scaled(node)
    if node is None:
        return default
    if isinstance(node, Scalar) and node.text == "same":
        return None
    return reader.integer(node, "`width`", 1, MAX_WIDTH, words=("same",))


class NodesReader:
    """Reads the declarations under `nodes` or `prologue`.

    `declarable` are those of the input families that may be declared here.
    """

    def __init__(
        self, settings: Settings, levels: Levels, layers: int, declarable: tuple[str, ...]
    ) -> None:
        self.settings = settings
        self.reader = settings.reader
        self.levels = levels
        self.layers = layers
        self.declarable = declarable
        self.broken: set[str] = set()

    def read(self, nodes: Node | None, key: str, span: Span) -> Nodes:
        """All declarations; faults go to the sink."""
        if not isinstance(nodes, Mapping) or not nodes.entries:
            span = nodes.span if nodes else span
            help = "declare families such as `td(l): [in(l), td(l+1)]`"
            if key == "prologue":
                help = "declare what the first layer reads: `in(6): {inputs: backbone(5)}`"
            message = f"the spec declares no `{key}`"
            if nodes and not isinstance(nodes, Mapping):
                message = f"`{key}` is a mapping, from what is declared to its inputs"
            self.reader.sink.error("F202", message, span, help=help, is_missing=nodes is None)
            return Nodes((), {}, frozenset())
        specs: list[NodeSpec] = []
        for chosen, entry in self._most_special(nodes):
            specs.extend(self._specs(chosen, entry))
            if len(specs) > MAX_NODES:
                message = f"the spec declares more than {MAX_NODES} nodes"
                self.reader.sink.fatal("F505", message, entry.key.span)
        if not specs and not self.reader.sink.has_errors:
            message = f"no declaration under `{key}` makes a node"
            help = f"`k` counts the layers 1..{self.layers}: declare one of those"
            self.reader.sink.error("F202", message, nodes.span, help=help)
        warn_of_lonely_shares(specs, self.reader.sink)
        return Nodes(tuple(specs), self._families(nodes), frozenset(self.broken))

    def _most_special(self, nodes: Mapping) -> Iterator[tuple["_Chosen", Entry]]:
        """Each declaration with the places where no other one is more special."""
        rivals: dict[tuple[str, int, int | None], list[tuple[Declaration, Entry]]] = {}
        named: list[tuple[_Chosen, Entry]] = []
        reached: dict[str, Entry] = {}
        sink = self.reader.sink
        for entry in nodes.entries.values():
            declaration = self._declaration(entry.key)
            if declaration is None:
                continue
            if declaration.level is None:
                named.append((_Chosen(declaration, ((None, None),)), entry))
                continue
            for place in self._places(declaration, entry):
                reached[entry.key.text] = entry
                _enter(rivals.setdefault((declaration.name, *place), []), declaration, entry)
            if len(rivals) > MAX_NODES:
                message = f"the spec declares more than {MAX_NODES} nodes"
                sink.fatal("F505", message, entry.key.span)
        taken: dict[str, tuple[_Chosen, Entry]] = {}
        for (name, level, layer), ((declaration, entry), *others) in rivals.items():
            for _, other in others:
                self._refuse_twice(name, (level, layer), other, entry)
            chosen, _ = taken.get(entry.key.text, (_Chosen(declaration, ()), entry))
            taken[entry.key.text] = (chosen.also_at(level, layer), entry)
        hidden = [entry for text, entry in reached.items() if text not in taken]
        warn_of_hidden_declarations(hidden, [entry for _, entry in taken.values()], sink)
        yield from taken.values()
        yield from named

    def _refuse_twice(
        self, name: str, place: tuple[int, int | None], entry: Entry, other: Entry
    ) -> None:
        at = f"level {place[0]}" + ("" if place[1] is None else f", layer {place[1]}")
        message = f"node `{name}` at {at} is declared twice"
        help = f"`{other.key.text}` declares it too, and neither is more special; rename one"
        labels = (Label(other.key.span, "declared here too"),)
        self.reader.sink.error("F208", message, entry.key.span, help=help, labels=labels)

    def _places(self, declaration: Declaration, entry: Entry) -> Iterator[tuple[int, int | None]]:
        assert declaration.level
        outside = [n for n in declaration.level.ends if n not in self.levels]
        if outside:
            message = f"level {outside[0]} is outside the levels {self.levels}"
            self.reader.sink.error("F302", message, entry.key.span)
            self.broken.add(declaration.name)
            return
        layer = declaration.layer
        if layer is not None and (missing := layer.beyond(1, self.layers)) is not None:
            message = f"layer {missing} is outside the layers 1..{self.layers}"
            self.reader.sink.error("F302", message, entry.key.span)
            self.broken.add(declaration.name)
            return
        indices = (None,) if layer is None else layer.among(range(1, self.layers + 1))
        yield from itertools.product(declaration.level.among(self.levels), indices)

    def _families(self, nodes: Mapping) -> dict[str, Family]:
        known: dict[str, Family] = {}
        for entry in nodes.entries.values():
            found = parse_declaration(entry.key.text)
            if isinstance(found, str) or found.level is None:
                continue
            levels = found.level.among(self.levels)
            before = known.get(found.name)
            if before and before.indexed is not (found.layer is not None):
                message = f"`{found.name}` is declared both with a layer index and without"
                help = "a family has one for all its nodes, or for none"
                self.reader.sink.error("F208", message, entry.key.span, help=help)
            known[found.name] = Family(
                found.name,
                tuple(sorted({*levels, *(before.levels if before else ())})),
                ranged=found.level.special != SINGLE or bool(before and before.ranged),
                indexed=found.layer is not None,
            )
        return known

    def _declaration(self, key: Scalar) -> Declaration | None:
        found = parse_declaration(key.text)
        sink = self.reader.sink
        if isinstance(found, str):
            self._refuse_index(key, found)
            return None
        if found.name in INPUT_FAMILIES and found.name not in self.declarable:
            message = f"`{found.name}` is what the layer is given, and cannot be declared"
            sink.error("F205", message, key.span, help="choose another name")
            return None
        if found.name in INPUT_FAMILIES and found.level is None:
            help = f"write `{found.name}(l)`, or `{found.name}(6)`"
            message = f"`{found.name}` is declared at levels, and not by name"
            sink.error("F206", message, key.span, help=help)
            self.broken.add(found.name)
            return None
        scalar = Scalar(found.name, key.plain and key.text == found.name, key.span)
        may_be_called = found.name in self.declarable or (
            self.reader.name(scalar, "a node's name", MAX_NODE_NAME) == found.name
        )
        if not may_be_called:
            self._lose(found.name)
            return None
        if found.layer is not None and not self.layers:
            message = f"`{key.text}` has a layer index, but the spec does not say `k`"
            sink.error("F202", message, key.span, help="add `k: 1..depth`")
            self.broken.add(found.name)
            return None
        if found.level is not None and any(n > MAX_LEVEL for n in found.level.ends):
            message = f"`{found.level.ends[-1]}` is not a level"
            sink.error("F206", message, key.span, help=f"levels go up to {MAX_LEVEL}")
            self.broken.add(found.name)
            return None
        return found

    def _refuse_index(self, key: Scalar, index: str) -> None:
        """Record that a key, or an index in it, declares no node."""
        message = f"`{index}` is no index of a node"
        help = "write `l`, a number or a range such as `3..5`; layers are `k`, `k even`, `2`"
        if index == key.text:
            message = f"`{key.text}` declares no node"
            help = "declare `td(l)` at every level, `td(4)` at one, or a name with `level:`"
        meant = meant_declaration(key.text)
        fix = None
        if meant and not isinstance(parse_declaration(meant), str):
            help, fix = f"write `{meant}`", self.reader.rewrite(key, meant)
        self.reader.sink.error("F206", message, key.span, help=help, fix=fix)
        self._lose(key.text)

    def _lose(self, text: str) -> None:
        """Remember a family that has a fault, as it is written and as it is meant."""
        name = text[:MAX_LENGTH].partition("(")[0].partition("[")[0].strip()
        self.broken.update(word for word in (name, meant_name(name)) if word)

    def _specs(self, chosen: "_Chosen", entry: Entry) -> Iterator[NodeSpec]:
        name = chosen.declaration.name
        body = self._body(entry.value)
        places = chosen.places
        if chosen.declaration.level is None:
            level = self._named_level(entry, body)
            places = ((level, None),) if level is not None else ()
        elif given := body.get("level"):
            message = f"`{entry.key.text}` says its level already"
            self.reader.sink.error("F203", message, given.span, help="remove `level:`")
        if not places or not self._has_inputs(entry, body):
            self.broken.add(name)
            return
        made: list[NodeSpec] = []
        size = size_of(body) + PARTS_OF_SETTINGS * bool(_own_settings(body))
        for level, layer in places:
            assert level is not None
            self.reader.budget.spend(size, entry.key.span, self.reader.sink)
            spec = self._spec(chosen.declaration, entry, body, level, layer)
            if spec is None:
                self.broken.add(name)
                return
            made.append(spec)
            yield spec
        warn_of_idle_settings(body, made, self.reader.sink)

    def _spec(
        self, declaration: Declaration, entry: Entry, body: Mapping, level: int, layer: int | None
    ) -> NodeSpec | None:
        default = self.settings.at(level, layer)
        reader = default.reader
        own = _own_settings(body)
        width, style = default.width, default.style
        places = [body, *self.settings.places]
        if own:
            width = read_width(body.get("width"), reader, width)
            style = read_style(places, reader, width)
        inputs = read_inputs(
            body.get("inputs"), places, reader, self._edge_width(style, width), width
        )
        if inputs is None:
            return None
        self._spend(inputs, style, layer, entry)
        return NodeSpec(
            family=declaration.name,
            level=level,
            layer=layer,
            by_name=declaration.level is None,
            inputs=inputs,
            style=style,
            width=width,
            keep=reader.flag(body.get("keep"), "`keep`", False),
            share=reader.name(share, "`share`") if (share := body.get("share")) else "",
            span=entry.key.span,
        )

    def _spend(
        self, inputs: tuple[NodeInput, ...], style: Style, layer: int | None, entry: Entry
    ) -> None:
        """Count a node with its steps and with the maps that it may read."""
        reach = Reach(self.levels.high - self.levels.low + 1, self.layers, layer or 0)
        fan_in = count_inputs(inputs, reach)
        if fan_in > MAX_FAN_IN:
            message = f"`{entry.key.text}` may read {fan_in} maps; {MAX_FAN_IN} are allowed"
            self.reader.sink.fatal("F505", message, entry.key.span)
        learned = count_learned(inputs, reach, style.resampling)
        parts = 2 * fan_in + learned + sum(parts_of(step) for step in style.steps)
        self.reader.budget.spend(parts, entry.key.span, self.reader.sink)

    @staticmethod
    def _edge_width(style: Style, width: int | None) -> int | None:
        """What convolutions on the edges into a node lead to: what it takes, if it minds."""
        return None if style.fusion.concatenates else width

    def _body(self, value: Node) -> Mapping:
        """The long form of a declaration; `[...]` is short for `{inputs: [...]}`."""
        if isinstance(value, Mapping) and not is_input(value):
            return self.reader.mapping(value, "a node", NODE_KEYS)
        return Mapping({"inputs": Entry(Scalar("inputs", True, value.span), value)}, value.span)

    def _named_level(self, entry: Entry, body: Mapping) -> int | None:
        """The level of a node that is declared by name."""
        given = body.get("level")
        key = entry.key
        if given is None:
            message = f"`{key.text}` has no level"
            family, meant = split_id(key.text, self.levels)
            help = f"write `{meant}` for every level, or add `level:`"
            if not meant.endswith("(l)"):
                help = f"a spec calls that node `{meant}`"
            fix = self.reader.rewrite(key, meant)
            self.reader.sink.error("F202", message, key.span, help=help, fix=fix)
            self.broken.add(family)
            return None
        level = self.reader.integer(given, "`level`", 0, MAX_LEVEL, -1)
        if level >= 0 and level not in self.levels:
            message = f"level {level} is outside the levels {self.levels}"
            self.reader.sink.error("F302", message, key.span)
            return None
        return level if level >= 0 else None

    def _has_inputs(self, entry: Entry, body: Mapping) -> bool:
        node = body.get("inputs")
        empty = isinstance(node, Sequence) and not node.items
        if node is None and is_misspelled("inputs", body, NODE_KEYS):
            return False  # which is what its author has to mend
        if node is None or empty or (isinstance(node, Scalar) and not node.text):
            message = f"`{entry.key.text}` has no inputs"
            help = "list what it reads: `[in(l), td(l+1)]`"
            self.reader.sink.error("F202", message, entry.key.span, help=help)
            return False
        return True


def _own_settings(body: Mapping) -> set[str]:
    """What a declaration says that the network's settings say for others."""
    return set(body.entries) - {"inputs", "keep", "level", "share"}


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A declaration with the (level, layer) places at which it is the most special one."""

    declaration: Declaration
    places: tuple[tuple[int | None, int | None], ...]

    def also_at(self, level: int, layer: int | None) -> "_Chosen":
        """The same with one place more."""
        return _Chosen(self.declaration, (*self.places, (level, layer)))


def _enter(rivals: list[tuple[Declaration, Entry]], declaration: Declaration, entry: Entry) -> None:
    """Add a declaration to those of a place than which none is more special."""
    if any(wins(other, declaration) for other, _ in rivals):
        return
    rivals[:] = [rival for rival in rivals if not wins(declaration, rival[0])]
    if len(rivals) < MAX_RIVALS:
        rivals.append((declaration, entry))
