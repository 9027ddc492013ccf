"""Network -> what the templates print: modules, straight-line statements, names.

`p5_td = fuse 5 [p5_in *64, p6_td ^1]` becomes, with the constructor's part first:

    self.p5_in_to_p5_td = Adapter(c5, 64)
    self.p5_td = Node(FastNormalizedFusion(2), ActConvNorm(SeparableConv2d(64, 64), 64))

    p5_td = self.p5_td(self.p5_in_to_p5_td(p5_in), upsample_nearest(p6_td, p5_in))  # P5/32
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fpncompiler.analysis.liveness import deletions
from fpncompiler.analysis.overwriting import can_be_overwritten, fusion_makes_new
from fpncompiler.analysis.sizes import References, map_size
from fpncompiler.analysis.statements import SharedMaps, statements
from fpncompiler.codegen.layout import Call, Expr, List, Sum, statement
from fpncompiler.codegen.modules import (
    fusion_module,
    resampled,
    sequence,
    step_module,
)
from fpncompiler.codegen.widths import Width, Widths, along
from fpncompiler.ir.flow import Passage, edge_passages, node_passages
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Block, Downsample, Fuse, Input, Unary, Upsample, entry_level

BODY = 8  # columns in front of a statement in a method


@dataclass(frozen=True, slots=True)
class GraphCode:
    """One graph as code: constructor and forward statements, laid out.

    `channels` are the levels of the backbone whose channels modules take, such as `c5`; `fixed`
    those whose map is read as it is, so that no other number of channels will do.
    """

    modules: tuple[str, ...]
    inputs: str
    backbone_inputs: str
    statements: tuple[str, ...]
    returns: str
    channels: tuple[str, ...]
    fixed: frozenset[int]
    returned: dict[int, Width]


@dataclass(frozen=True, slots=True)
class LayerCode:
    """One class of layers, which `repeats` consecutive layers are of; `position` says which."""

    class_name: str
    position: str
    repeats: int
    code: GraphCode


def lower_layers(
    network: Network, image_size: tuple[int, int], pyramid: dict[int, Width]
) -> tuple[LayerCode, ...]:
    """The distinct layers of a network, in order; `pyramid` is what the first one reads."""
    layers = []
    done = 0
    names = _class_names(network)
    for layer, class_name in zip(network.layers, names, strict=True):
        code = lower_graph(layer.graph, image_size, pyramid)
        if layer.repeats > 1:  # they are one class for the widths at hand, and only for those
            handed_on = [w for level, w in pyramid.items() if code.returned.get(level) != w]
            levels = {level for width in handed_on for level in width.levels}
            code = replace(code, fixed=code.fixed | levels)
        position = _position(done, layer.repeats, network.depth)
        layers.append(LayerCode(class_name, position, layer.repeats, code))
        done += layer.repeats
        pyramid = code.returned
    return tuple(layers)


def lower_graph(graph: Graph, image_size: tuple[int, int], given: dict[int, Width]) -> GraphCode:
    """One graph as code.

    Args:
        image_size: configured (height, width), for per-pixel fusion weights.
        given: the widths of the layer's inputs.
    """
    lowering = _Lowering(graph, image_size, given)
    lines = dict(line for node in lowering.order for line in lowering.lines(node))
    outputs = [graph.outputs[level] for level in sorted(graph.outputs)]
    return GraphCode(
        modules=tuple(
            statement(f"self.{name} = ", module, BODY) for name, module in lowering.modules.items()
        ),
        inputs=lowering.unpack("in", outputs),
        backbone_inputs=lowering.unpack("backbone", outputs),
        statements=tuple(_with_deletions(graph, image_size, lines)),
        returns=statement("return ", List(tuple(outputs)), BODY),
        channels=tuple(f"c{level}" for level in sorted(lowering.channels)),
        fixed=frozenset(lowering.widths.fixed),
        returned={level: lowering.widths.of(node) for level, node in graph.outputs.items()},
    )


def adapter_name(edge: Edge, node: str, slot: int, edges: tuple[Edge, ...]) -> str:
    """The attribute of the modules on an edge: `p5_in_to_p5_td`; parallel edges are numbered.

    No node can have such a name, for names have neither `_to_` nor two underscores.
    """
    parallel = sum(other.source == edge.source for other in edges[:slot])
    return f"{edge.source}_to_{node}" + (f"__{parallel + 1}" if parallel else "")


def fusion_path(node: str, op: Fuse) -> str:
    """Where a node's fusion weights are: inside its `Node`, or alone where nothing follows."""
    return f"{node}.fuse.weight" if op.steps and not op.share else f"{node}.weight"


def convolution_path(node: str, op: Fuse | Unary) -> str:
    """Where a node's convolution is: inside its `Node`, or alone where nothing is weighed."""
    if op.share:
        return shared_name(op.share)
    return f"{node}.conv" if isinstance(op, Fuse) and _has_module(op) else node


def shared_name(share: str) -> str:
    """The attribute of what nodes of one `share` have in common."""
    return f"shared_{share}"


def stride_comment(level: int) -> str:
    """What stands at the end of a node's line."""
    return f"P{level}/{2**level}"


def _has_module(op: Fuse) -> bool:
    return op.fusion.weighs or op.fusion.is_module


class _Lowering:
    """The statements of one graph, and the modules that they call."""

    def __init__(self, graph: Graph, image_size: tuple[int, int], given: dict[int, Width]) -> None:
        self.graph = graph
        self.image_size = image_size
        self.order = tuple(graph.computed())
        self.references = References(graph)
        self.widths = Widths(graph, given)
        self.modules: dict[str, Call] = {}
        self.channels: set[int] = set()
        self.shared = SharedMaps(graph)
        self.made: list[tuple[str, str]] = []  # resampled maps in front of the node at hand
        self.read: set[str] = set()

    def lines(self, node: str) -> list[tuple[str, str]]:
        """A node's name and statement, behind those of maps resampled for it and later nodes."""
        op = self.graph.op(node)
        assert not isinstance(op, Input)
        self.made = []
        edges = self.graph.inputs(node)
        values = tuple(self._arriving(node, slot) for slot in range(len(edges)))
        value = self._fused(node, op, values)
        return [*self.made, (node, _assignment(node, value, op.level))]

    def unpack(self, source: str, outputs: list[str]) -> str:
        """The names of the inputs, as an assignment's left side; unread ones begin with `_`."""
        inputs = [
            node
            for node in self.graph.nodes()
            if isinstance(op := self.graph.op(node), Input) and op.source == source
        ]
        read = self.read | set(outputs)
        names = [node if node in read else f"_{node}" for node in inputs]
        return f"({names[0]},)" if len(names) == 1 else ", ".join(names)

    def _arriving(self, node: str, slot: int) -> Expr:
        edges = self.graph.inputs(node)
        edge = edges[slot]
        if found := self.shared.found(edge):
            return found
        self.read.add(edge.source)
        passages = list(edge_passages(self.graph, edge))
        name = adapter_name(edge, node, slot, edges)
        value = self._through(edge.source, passages, self.widths.of(edge.source), name, node)
        if not self.shared.is_shared(edge):
            return value
        level = passages[-1].level_after
        name = self.shared.named(edge, level)
        self.made.append((name, _assignment(name, value, level)))
        return name

    def _fused(self, node: str, op: Fuse | Unary, values: tuple[Expr, ...]) -> Expr:
        """The fusion of what arrives, and the node's own steps."""
        passages = list(node_passages(self.graph, node))
        start = self.widths.entry(node)
        name = shared_name(op.share) if op.share else node
        fusion = self._fusion(op, len(values), start) if isinstance(op, Fuse) else None
        overwrite = fusion_makes_new(op, len(values)) and not op.share
        if fusion is None:
            fused = _plainly_fused(op, values)
            return self._through(fused, passages, start, name, node, overwrite)
        run = [] if op.share else self._run(passages, start, overwrite)
        self.modules[node] = Call("Node", (fusion, sequence(run))) if run else fusion
        value: Expr = Call(f"self.{node}", values)
        if run:
            value = self._cropped(value, passages[len(run) - 1], node)
        rest = passages[len(run) :]
        after = [*along(passages, start), start][len(run)]
        if run:
            overwrite = can_be_overwritten(passages[len(run) - 1].step)
        return self._through(value, rest, after, name, node, overwrite, 0 if op.share else 1)

    def _fusion(self, op: Fuse, arity: int, width: Width) -> Call | None:
        if op.fusion.is_module or op.fusion.granularity == "channel":
            self.channels.update(width.levels)
        size = map_size(entry_level(op), self.image_size)
        return fusion_module(op.fusion, arity, str(width), size)

    def _run(self, passages: list[Passage], start: Width, overwrite: bool) -> list[Call]:
        """The modules of the first steps, up to one that is a function or doubles the map.

        The first may `overwrite` what it is given.
        """
        run: list[Call] = []
        for passage, width in zip(passages, along(passages, start), strict=True):
            after = Widths.after(passage.step, width)
            module = step_module(passage.step, str(width), str(after), overwrite)
            if module is None:
                break
            run.append(module)
            overwrite = can_be_overwritten(passage.step)
            self.channels.update(width.levels)
            if _doubles(passage):
                break
        return run

    def _through(
        self,
        value: Expr,
        passages: list[Passage],
        start: Width,
        name: str,
        reader: str,
        overwrite: bool = False,
        runs: int = 0,
    ) -> Expr:
        """A map after some steps; modules in a row are one attribute, `runs` of which are made.

        The first step may `overwrite` the map.
        """
        while passages:
            run = self._run(passages, start, overwrite)
            if run:
                own = name if runs == 0 else f"{name}__then{runs if runs > 1 else ''}"
                runs += 1
                self.modules[own] = sequence(run)
                value = self._cropped(Call(f"self.{own}", (value,)), passages[len(run) - 1], reader)
            else:
                step = passages[0].step
                assert isinstance(step, Upsample | Downsample)
                is_up = isinstance(step, Upsample)
                reference = self._reference(passages[0], reader) if is_up else None
                value = resampled(value, step, reference)
            taken = max(1, len(run))
            overwrite = can_be_overwritten(passages[taken - 1].step)
            start = Widths.after(passages[taken - 1].step, along(passages, start)[taken - 1])
            passages = passages[taken:]
        return value

    def _cropped(self, value: Expr, last: Passage, reader: str) -> Expr:
        """A doubled map, cut to the size of its level, which may be odd."""
        if not _doubles(last):
            return value
        reference = self._reference(last, reader)
        return value if reference is None else Call("crop_like", (value, reference))

    def _reference(self, passage: Passage, reader: str) -> str | None:
        found = self.references.at(passage.level_after, reader)
        if found:
            self.read.add(found)
        return found


def _with_deletions(graph: Graph, image_size: tuple[int, int], lines: dict[str, str]) -> list[str]:
    """The statements, and where it lowers the peak of memory enough, those that drop maps."""
    found = statements(graph, image_size)
    assert [line.name for line in found] == [*lines]
    text = []
    for line, dropped in zip(found, deletions(found, {*graph.outputs.values()}), strict=True):
        text.append(lines[line.name])
        if dropped:
            text.append(f"{' ' * BODY}del {', '.join(dropped)}")
    return text


def _assignment(name: str, value: Expr, level: int) -> str:
    return statement(f"{name} = ", value, BODY, stride_comment(level))


def _doubles(passage: Passage) -> bool:
    return isinstance(passage.step, Block) and passage.step.levels < 0


def _plainly_fused(op: Fuse | Unary, values: tuple[Expr, ...]) -> Expr:
    """Maps fused without weights."""
    if isinstance(op, Unary) or len(values) == 1:
        return values[0]
    match op.fusion.kind:
        case "concat":
            return Call("torch.cat", (List(values), "dim=1"))
        case "max":
            return Call("maximum", values)
        case "mean":
            return Call("mean", values)
        case _:
            return Sum(values)


def _class_names(network: Network) -> Iterable[str]:
    """`FirstLayer`, `RepeatedLayer`; with the name of its part where the network has several.

    Where widths grow from layer to layer, there is a `RepeatedLayer2` too.
    """
    parts: dict[str, list[int]] = {}
    seen: dict[str, int] = {}
    for layer in network.layers:
        parts.setdefault(layer.graph.name, []).append(layer.repeats)
    for name, repeats in parts.items():
        prefix = "".join(word.capitalize() for word in name.split("_")) if len(parts) > 1 else ""
        for index, count in enumerate(repeats):
            own = prefix + _class_name(index, len(repeats), count)
            seen[own] = seen.get(own, 0) + 1
            yield own if seen[own] == 1 else f"{own}{seen[own]}"


def _class_name(index: int, count: int, repeats: int) -> str:
    if count == 1:
        return "Layer"
    if index == 0:
        return "FirstLayer"
    return "LastLayer" if index == count - 1 and repeats == 1 else "RepeatedLayer"


def _position(done: int, repeats: int, depth: int) -> str:
    if repeats == depth:
        return "Every layer" if depth > 1 else "The layer"
    if repeats == 1:
        return f"Layer {done + 1}"
    return f"Layers {done + 1} to {done + repeats}"
