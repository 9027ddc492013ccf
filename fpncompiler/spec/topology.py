"""A topology spec, typed: families of nodes over a range of levels."""

import re
from dataclasses import dataclass

from fpncompiler.diagnostics import Span
from fpncompiler.spec.loading import check_version
from fpncompiler.spec.names import MAX_NODE_NAME
from fpncompiler.spec.reading import MAX_LEVEL, Levels, Reader
from fpncompiler.spec.references import Reference, read_reference
from fpncompiler.spec.style import NODE_STYLE_KEYS, STYLE_KEYS, Style, read_style
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence

PASSES = ("prune_single_input", "add_same_level_skip")
TOPOLOGY_KEYS = (
    "depth",
    "extends",
    "fpnc",
    "levels",
    "model",
    "name",
    "nodes",
    "outputs",
    "passes",
    "source",
    "title",
    "width",
    *STYLE_KEYS,
)
NODE_KEYS = ("inputs", "keep", "level", "width", *NODE_STYLE_KEYS)
MAX_WIDTH = 8192
MAX_DEPTH = 64

_DECLARATION = re.compile(r"([A-Za-z_]\w*)\s*(?:\(\s*(\w+)\s*\))?")
_LEVEL = re.compile(r"[0-9]{1,2}")
INPUT_FAMILIES = ("in", "backbone")


@dataclass(frozen=True, slots=True)
class Family:
    """A declaration: `td(l)` at every level, `td(4)` at one, or a node by name at `level`."""

    name: str
    level: int | None
    by_name: bool
    inputs: tuple[Reference, ...]
    style: Style
    width: int
    keep: bool
    span: Span

    @property
    def fuses(self) -> bool:
        """Whether it declares two inputs or more, so that it may be pruned and may fuse."""
        return len(self.inputs) > 1 or any(r.may_be_several for r in self.inputs)


@dataclass(frozen=True, slots=True)
class Topology:
    """A feature network before it is built: everything scaled to one phi.

    `broken` names the declarations that could not be read: who refers to them is not to blame.
    """

    name: str
    title: str
    source: str
    levels: Levels
    families: tuple[Family, ...]
    outputs: tuple[Reference, ...]
    passes: tuple[str, ...]
    width: int
    depth: int
    style: Style
    broken: frozenset[str]
    span: Span
    levels_span: Span
    outputs_span: Span


def read_topology(
    tree: Mapping,
    model: Mapping,
    override: Mapping,
    reader: Reader,
    levels: Levels | None = None,
) -> Topology:
    """A topology with the settings of its model.

    Args:
        tree: the topology after `extends`.
        model: the model's tree, for settings that the topology leaves open.
        override: the model row's settings that win over the topology's.
        levels: the range that the command line asks for, above all others.
    """
    reader.mapping(tree, "a topology", TOPOLOGY_KEYS)
    check_version(tree, reader.sink)
    places = [override, tree, model]
    range_node = reader.first(places, "levels")
    given = reader.levels(range_node, "`levels`")
    if range_node is None:
        reader.sink.error("F202", "the spec does not say its `levels`", tree.span)
    own = [tree, model]
    width = reader.integer(reader.first(own, "width"), "`width`", 1, MAX_WIDTH, 64)
    nodes = _FamilyReader(reader, places, width)
    name = _name(tree, reader)
    families = nodes.families(tree)
    return Topology(
        name=name,
        title=reader.text(tree.get("title"), "`title`") or name,
        source=reader.text(tree.get("source"), "`source`"),
        levels=levels or given or Levels(3, 7),
        families=families,
        outputs=_outputs(tree, reader),
        passes=tuple(
            reader.word(item, "pass", PASSES, PASSES[0])
            for item in reader.items(tree.get("passes"), "`passes`")
        ),
        width=width,
        depth=reader.integer(reader.first(own, "depth"), "`depth`", 1, MAX_DEPTH),
        style=nodes.default_style,
        broken=frozenset(nodes.broken),
        span=tree.span,
        levels_span=range_node.span if range_node else tree.span,
        outputs_span=out.span if (out := tree.get("outputs")) else tree.span,
    )


def _name(tree: Mapping, reader: Reader) -> str:
    if tree.get("name") is None:
        reader.sink.error("F202", "the spec does not say its `name`", tree.span)
    return reader.name(tree.get("name"), "the name of a topology")


def _outputs(tree: Mapping, reader: Reader) -> tuple[Reference, ...]:
    """`outputs: out` is `out(*)`; a list names them one by one."""
    node = tree.get("outputs")
    if node is None:
        help = "add `outputs: out`, the family that the layer returns"
        reader.sink.error("F202", "the spec does not say its `outputs`", tree.span, help=help)
        return ()
    items = reader.items(node, "`outputs`")
    if isinstance(node, Sequence) and not items:
        reader.sink.error("F202", "the spec has no `outputs`", node.span, help="name a family")
    references = (read_reference(item, reader.sink) for item in items)
    return tuple(reference for reference in references if reference)


class _FamilyReader:
    """Reads the declarations under `nodes`; nodes without settings share one style."""

    def __init__(self, reader: Reader, places: list[Mapping], width: int) -> None:
        self.reader = reader
        self.places = places
        self.width = width
        self.default_style = read_style(places, reader)
        self.broken: set[str] = set()

    def families(self, tree: Mapping) -> tuple[Family, ...]:
        nodes = tree.get("nodes")
        if not isinstance(nodes, Mapping) or not nodes.entries:
            span = nodes.span if nodes else tree.span
            help = "declare families such as `td(l): [in(l), td(l+1)]`"
            self.reader.sink.error("F202", "the spec declares no `nodes`", span, help=help)
            return ()
        families = (self.family(entry) for entry in nodes.entries.values())
        return tuple(family for family in families if family)

    def family(self, entry: Entry) -> Family | None:
        name, index = self.declaration(entry.key)
        if name is None:
            return None
        body = self.body(entry.value)
        level, readable = self.level(entry.key, index, body)
        inputs = self.inputs(entry, body)
        if not readable or not inputs:
            self.broken.add(name)
            return None
        styled = any(key in body.entries for key in NODE_STYLE_KEYS)
        width = body.get("width")
        return Family(
            name=name,
            level=level,
            by_name=index is None,
            inputs=inputs,
            style=read_style([body, *self.places], self.reader) if styled else self.default_style,
            width=self.reader.integer(width, "`width`", 1, MAX_WIDTH) if width else self.width,
            keep=self.reader.flag(body.get("keep"), "`keep`", False),
            span=entry.key.span,
        )

    def declaration(self, key: Scalar) -> tuple[str | None, str | None]:
        found = _DECLARATION.fullmatch(key.text)
        if not found:
            help = "declare `td(l)` at every level, `td(4)` at one, or a name with `level:`"
            self.reader.sink.error("F206", f"`{key.text}` declares no node", key.span, help=help)
            return None, None
        name, index = found.groups()
        if name in INPUT_FAMILIES:
            message = f"`{name}` is what the layer is given, and cannot be declared"
            self.reader.sink.error("F205", message, key.span, help="choose another name")
            return None, None
        scalar = Scalar(name, True, key.span)
        if self.reader.name(scalar, "a node's name", MAX_NODE_NAME) != name:
            self.broken.add(name)
            return None, None
        return name, index

    def body(self, value: Node) -> Mapping:
        """The long form of a declaration; `[...]` is short for `{inputs: [...]}`."""
        if isinstance(value, Mapping):
            return self.reader.mapping(value, "a node", NODE_KEYS)
        return Mapping({"inputs": Entry(Scalar("inputs", True, value.span), value)}, value.span)

    def level(self, key: Scalar, index: str | None, body: Mapping) -> tuple[int | None, bool]:
        """The level of one node, None for all levels; and whether it can be read."""
        given = body.get("level")
        if index is None and given is None:
            help = f"write `{key.text}(l)` for every level, or add `level:`"
            self.reader.sink.error("F202", f"`{key.text}` has no level", key.span, help=help)
            return None, False
        if index is not None and given is not None:
            message = f"`{key.text}` says its level already"
            self.reader.sink.error("F203", message, given.span, help="remove `level:`")
        if index is None:
            level = self.reader.integer(given, "`level`", 0, MAX_LEVEL, -1)
            return level, level >= 0
        if index == "l":
            return None, True
        if _LEVEL.fullmatch(index) and int(index) <= MAX_LEVEL:
            return int(index), True
        message = f"`{index}` is not a level"
        self.reader.sink.error("F206", message, key.span, help="write `l` or a number")
        return None, False

    def inputs(self, entry: Entry, body: Mapping) -> tuple[Reference, ...]:
        node = body.get("inputs")
        empty = isinstance(node, Sequence) and not node.items
        if node is None or empty or (isinstance(node, Scalar) and not node.text):
            message = f"`{entry.key.text}` has no inputs"
            help = "list what it reads: `[in(l), td(l+1)]`"
            self.reader.sink.error("F202", message, entry.key.span, help=help)
            return ()
        items = self.reader.items(node, "`inputs`")
        references = [read_reference(item, self.reader.sink) for item in items]
        read = tuple(reference for reference in references if reference)
        return read if len(read) == len(references) else ()
