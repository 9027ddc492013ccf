"""A topology spec, typed at one phi: declarations of nodes, one for each level and layer index."""

import re
from dataclasses import dataclass, field, replace

from fpncompiler.diagnostics import Span
from fpncompiler.ir.network import BRANCH_LETTERS
from fpncompiler.spec.budget import PARTS_OF_A_TOPOLOGY
from fpncompiler.spec.habits import is_misspelled
from fpncompiler.spec.idle import warn_of_idle_entries
from fpncompiler.spec.loading import check_version
from fpncompiler.spec.names import name_fault
from fpncompiler.spec.node_specs import Nodes, NodeSpec
from fpncompiler.spec.nodes import NodesReader, Settings
from fpncompiler.spec.reading import MAX_LEVEL, Levels, Reader, meant_levels
from fpncompiler.spec.references import Reference, read_reference
from fpncompiler.spec.slips import meant_range
from fpncompiler.spec.style import STYLE_KEYS, Style
from fpncompiler.spec.tree import Mapping, Node, Scalar, Sequence

PASSES = ("prune_single_input", "add_same_level_skip")
TOPOLOGY_KEYS = (
    "after",
    "depth",
    "extends",
    "fpnc",
    "inputs",
    "k",
    "let",
    "levels",
    "model",
    "name",
    "nodes",
    "outputs",
    "parallel",
    "passes",
    "prologue",
    "source",
    "title",
    "width",
    *STYLE_KEYS,
)
MAX_DEPTH = 64
MAX_BRANCHES = len(BRANCH_LETTERS)
MAX_CONSTANTS = 100
MAX_PASSES = 4
MAX_OUTPUTS = 200
_LEVEL = re.compile(r"[pP]?[0-9]{1,2}(?:\s*\.\.\s*[pP]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Branch:
    """One of several topologies side by side; `mirrored` has its levels reversed."""

    name: str
    mirrored: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Topology:
    """A feature network before it is built: everything scaled to one phi.

    With `parallel`, its nodes are those that merge the branches, and `for_branches` is what they
    take from it where they do not say otherwise: all settings but its fusion. `inputs` are the
    levels that a layer reads. `layers` is the number of layers that `k` counts, 0 if nothing does.
    """

    name: str
    title: str
    source: str
    levels: Levels
    inputs: Levels
    nodes: Nodes
    prologue: Nodes | None
    parallel: tuple[Branch, ...]
    outputs: tuple[Reference, ...]
    passes: tuple[str, ...]
    width: int
    input_widths: dict[int, int | None]
    depth: int
    layers: int
    style: Style
    for_branches: Mapping = field(repr=False, compare=False)
    span: Span
    levels_span: Span
    inputs_span: Span
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
    reader.budget.spend(PARTS_OF_A_TOPOLOGY, tree.span, reader.sink)
    reader.mapping(tree, "a topology", TOPOLOGY_KEYS)
    check_version(tree, TOPOLOGY_KEYS, reader.sink)
    warn_of_idle_entries(tree, reader.sink)
    reader = _with_constants(tree, reader)
    places = [override, tree, model]
    range_node = reader.first(places, "levels")
    given = reader.levels(range_node, "`levels`") or meant_levels(range_node)
    if range_node is None:
        message = "the spec does not say its `levels`"
        reader.missing("levels", tree, TOPOLOGY_KEYS, message, tree.span, "add `levels: 3..7`")
    spanned = levels or given or Levels(3, 7)
    own = [tree, model]
    depth = reader.integer(reader.first(own, "depth"), "`depth`", 1, MAX_DEPTH)
    layers = _layer_count(tree, depth, reader)
    settings = Settings(places, own, reader)
    name = _name(tree, reader)
    inputs = _input_levels(tree, spanned, reader, chosen=levels is not None)
    levels_span = range_node.span if range_node else tree.span
    parallel = _parallel(tree, reader)
    any_layer = 1 if layers else None
    first = settings.at(spanned.low, any_layer)
    return Topology(
        name=name,
        title=reader.text(tree.get("title"), "`title`") or name,
        source=reader.text(tree.get("source"), "`source`"),
        levels=spanned,
        inputs=inputs,
        nodes=_nodes(tree, settings, spanned, layers),
        prologue=_prologue(tree, settings, inputs),
        parallel=parallel,
        outputs=() if "parallel" in tree.entries else _outputs(tree, reader),
        passes=_passes(tree, reader),
        width=first.width or 64,
        input_widths={level: settings.at(level, any_layer).width for level in inputs},
        depth=1 if layers else depth,
        layers=layers,
        style=first.style,
        for_branches=_for_branches(tree),
        span=tree.span,
        levels_span=levels_span,
        inputs_span=read.span if (read := tree.get("inputs")) else levels_span,
        outputs_span=out.span if (out := tree.get("outputs")) else tree.span,
    )


def _passes(tree: Mapping, reader: Reader) -> tuple[str, ...]:
    items = reader.items(tree.get("passes"), "`passes`")
    _limit(items, MAX_PASSES, "`passes`", reader)
    return tuple(reader.word(item, "pass", PASSES, PASSES[0]) for item in items)


def _limit(items: tuple[Node, ...], most: int, what: str, reader: Reader) -> None:
    if len(items) > most:
        message = f"{what} has {len(items)} items; {most} are allowed"
        reader.sink.fatal("F505", message, items[most].span)


def _for_branches(tree: Mapping) -> Mapping:
    kept = {*STYLE_KEYS, "let", "width"} - {"fusion"}
    return Mapping({k: e for k, e in tree.entries.items() if k in kept}, tree.span)


def _with_constants(tree: Mapping, reader: Reader) -> Reader:
    """The reader, with the constants of `let` as names in its formulas."""
    reader = replace(reader, lost=_lost_names(tree))
    let = tree.get("let")
    if let is None:
        return reader
    if isinstance(let, Mapping) and len(let.entries) > MAX_CONSTANTS:
        message = f"`let` has {len(let.entries)} constants; {MAX_CONSTANTS} are allowed"
        reader.sink.fatal("F505", message, let.span)
    if not isinstance(let, Mapping):
        reader.wrong(let, "`let` is a mapping of names to numbers")
        return reader
    for name, entry in let.entries.items():
        fault = name_fault(name) or ("it means something already" if reader.knows(name) else "")
        if fault:
            message = f"`{name}` cannot be the name of a constant"
            reader.sink.error("F205", message, entry.key.span, help=fault)
        if reader.knows(name):
            continue
        # What a faulty constant is does not matter: it is no fault of the formulas that use it.
        value = reader.number(entry.value, f"`{name}`", -(2.0**31), 2.0**31, 1.0)
        reader = reader.with_names({name: value})
    return reader


def _lost_names(tree: Mapping) -> frozenset[str]:
    """The names under keys that a topology does not have: they may be meant as constants."""
    unknown = (entry.value for key, entry in tree.entries.items() if key not in TOPOLOGY_KEYS)
    return frozenset(name for node in unknown if isinstance(node, Mapping) for name in node.entries)


def _layer_count(tree: Mapping, depth: int, reader: Reader) -> int:
    """How many layers `k: 1..depth` counts; 0 without it."""
    node = tree.get("k")
    if node is None:
        return 0
    low, dots, high = node.text.partition("..") if isinstance(node, Scalar) else ("", "", "")
    if low.strip() != "1" or not dots:
        reader.wrong(node, "`k` is `1..depth`, or `1..3`")
        return depth
    end = Scalar(high.strip(), True, node.span)
    counted = reader.with_names({"depth": float(depth)})
    return counted.integer(end, "the end of `k`", 1, MAX_DEPTH, depth)


def _nodes(tree: Mapping, settings: Settings, levels: Levels, layers: int) -> Nodes:
    """What the spec declares, or the nodes that merge its branches."""
    if "parallel" in tree.entries:
        return _merging(settings, levels, tree.span)
    nodes = tree.get("nodes")
    if nodes is None and is_misspelled("nodes", tree, TOPOLOGY_KEYS):
        return Nodes((), {}, frozenset())
    return NodesReader(settings, levels, layers, ()).read(nodes, "nodes", tree.span)


def _prologue(tree: Mapping, settings: Settings, inputs: Levels) -> Nodes | None:
    """What makes the maps that the first layer reads, where the spec says it."""
    prologue = tree.get("prologue")
    if isinstance(prologue, Scalar) and prologue.text == "none":
        prologue = None  # says so of a prologue that it would inherit
    reader = NodesReader(settings, inputs, 0, ("in",))
    return reader.read(prologue, "prologue", tree.span) if prologue else None


def _input_levels(tree: Mapping, levels: Levels, reader: Reader, *, chosen: bool) -> Levels:
    """The levels that a layer reads: all of them, unless the spec names others.

    Where the command line has chosen the levels, those beyond are not read.
    """
    given = reader.levels(tree.get("inputs"), "`inputs`")
    if given is None or not chosen:
        return given or levels
    common = [level for level in given if level in levels]
    return Levels(common[0], common[-1]) if common else levels


def _name(tree: Mapping, reader: Reader) -> str:
    if tree.get("name") is None:
        message, help = "the spec does not say its `name`", "add `name: mine`"
        reader.missing("name", tree, TOPOLOGY_KEYS, message, tree.span, help)
    return reader.name(tree.get("name"), "the name of a topology")


def _outputs(tree: Mapping, reader: Reader) -> tuple[Reference, ...]:
    """`outputs: out` is `out(*)`; a list names them one by one."""
    node = tree.get("outputs")
    if node is None:
        help = "add `outputs: out`, the family that the layer returns"
        message = "the spec does not say its `outputs`"
        reader.missing("outputs", tree, TOPOLOGY_KEYS, message, tree.span, help)
        return ()
    if _refuse_levels(node, tree, reader):
        return ()
    items = reader.items(node, "`outputs`")
    _limit(items, MAX_OUTPUTS, "`outputs`", reader)
    if isinstance(node, Sequence) and not items:
        reader.sink.error("F202", "the spec has no `outputs`", node.span, help="name a family")
    references = (read_reference(item, reader.sink) for item in items)
    return tuple(reference for reference in references if reference)


def _refuse_levels(node: Node, tree: Mapping, reader: Reader) -> bool:
    """Whether `outputs` are levels, as in `[3, 4, 5]`, or nodes by level; records it."""
    nodes = tree.get("nodes")
    declared = nodes.entries if isinstance(nodes, Mapping) else {}
    if isinstance(node, Mapping):
        texts = [e.value.text for e in node.entries.values() if isinstance(e.value, Scalar)]
        is_short = len(texts) == len(node.entries) <= MAX_LEVEL
        by_level = is_short and all(_LEVEL.fullmatch(name) for name in node.entries)
        help = f"write `[{', '.join(texts)}]`" if by_level else ""
        fix = reader.rewrite(node, f"[{', '.join(texts)}]") if by_level else None
        reader.wrong(node, "`outputs` is a list", help, fix)
        return True
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items or len(items) > MAX_OUTPUTS:
        return False
    for item in items:
        text = item.text if isinstance(item, Scalar) else ""
        if not _LEVEL.fullmatch(text) or text in declared:
            return False
    names = dict.fromkeys(name.partition("(")[0].strip() for name in declared if "(" in name)
    family = "out" if "out" in names else next(reversed(names), "out")
    levels = [found for item in items if (found := meant_range(item))]
    new = family
    if len(items) == len(levels) <= MAX_LEVEL and all(one.low == one.high for one in levels):
        new = f"[{', '.join(f'{family}({one.low})' for one in levels)}]"
    message = "`outputs` names nodes, and not levels"
    help = f"write `{new}`" if new == family else f"write `{family}` for all levels, or `{new}`"
    fix = None if name_fault(family) else reader.rewrite(node, new)
    reader.sink.error("F206", message, node.span, help=help if fix else "", fix=fix)
    return True


def _parallel(tree: Mapping, reader: Reader) -> tuple[Branch, ...]:
    """`[bifpn, {mirror: bifpn}]`: names of specs, some upside down."""
    node = tree.get("parallel")
    if node is None:
        return ()
    for key in ("nodes", "outputs"):
        if given := tree.entries.get(key):
            message = f"a spec has `{key}` or `parallel`, not both"
            help = "the branches bring the nodes, and merge level by level"
            reader.sink.error("F203", message, given.key.span, help=help)
    items = reader.items(node, "`parallel`")
    branches = tuple(branch for item in items if (branch := _branch(item, reader)))
    if isinstance(node, Scalar) or not 2 <= len(items) <= MAX_BRANCHES:
        reader.wrong(node, f"`parallel` is a list of 2 to {MAX_BRANCHES} specs")
    return branches


def _branch(node: Node, reader: Reader) -> Branch | None:
    if isinstance(node, Scalar):
        return Branch(node.text, False, node.span)
    mirrored = node.get("mirror") if isinstance(node, Mapping) else None
    if isinstance(node, Mapping) and isinstance(mirrored, Scalar) and len(node.entries) == 1:
        return Branch(mirrored.text, True, mirrored.span)
    if isinstance(node, Mapping) and set(node.entries) - {"mirror"}:
        reader.mapping(node, "a branch", ("mirror",))
        return None
    reader.wrong(node, "a branch is the name of a spec, or `{mirror: NAME}`")
    return None


def _merging(settings: Settings, levels: Levels, span: Span) -> Nodes:
    """The nodes that merge branches, by the network's own settings."""
    specs = []
    for level in levels:
        at = settings.at(level, None)
        spec = NodeSpec("out", level, None, False, (), at.style, at.width, False, "", span)
        specs.append(spec)
    return Nodes(tuple(specs), {}, frozenset())
