"""What a generated file says of itself: the level diagram, the node table, the costs."""

import itertools
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import assert_never

from fpncompiler.analysis.cost import Cost, DetectorCost
from fpncompiler.codegen.layout import WIDTH
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import (
    Activate,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Fuse,
    Fusion,
    Input,
    Pool,
    Resample,
    Step,
    Unary,
    Upsample,
)
from fpncompiler.kinds import Value

MAX_DIAGRAM_WIDTH = WIDTH - 8


def plain_text(text: str) -> str:
    """Free text made fit for a docstring or a comment: printable ASCII, no quotes or backslashes.

    Accents are dropped and other characters become `?`: encoded, never joined across a gap.
    """
    decomposed = unicodedata.normalize("NFKD", text)  # which may make a quote: so it comes first
    kept = "".join(c for c in decomposed if not unicodedata.combining(c))
    ascii_only = "".join(c if " " <= c <= "~" else "?" for c in kept)
    return ascii_only.replace('"', "'").replace("\\", "/")


def paragraph(text: str, indent: int = 0) -> str:
    """Text wrapped to the width of the file."""
    return "\n".join(textwrap.wrap(text, WIDTH - indent, break_long_words=False))


def level_diagram(graph: Graph) -> list[str]:
    """Levels as rows, the coarsest on top; nodes from left to right in order of computation.

    Nothing where it would be too wide to read.
    """
    columns = _columns(graph)
    count = max(columns.values()) + 1
    widths = [1] * count
    rows: dict[int, dict[int, list[str]]] = {}
    for node in graph.nodes():
        op = graph.op(node)
        if isinstance(op, Input) and op.source == "backbone" and not graph.readers(node):
            continue
        level = op.level
        label = node.removeprefix(f"p{level}_")
        cell = rows.setdefault(level, {}).setdefault(columns[node], [])
        cell.append(label)
        widths[columns[node]] = max(widths[columns[node]], len("/".join(cell)))
    if sum(widths) + 2 * count + 12 > MAX_DIAGRAM_WIDTH:
        return []
    lines = []
    for level in sorted(rows, reverse=True):
        cells = ("/".join(rows[level].get(i, [])).ljust(widths[i]) for i in range(count))
        lines.append(f"P{level:<2} 1/{2**level:<5} {'  '.join(cells)}".rstrip())
    return lines


def _columns(graph: Graph) -> dict[str, int]:
    """The length of the longest path to each node."""
    columns: dict[str, int] = {}
    for node in graph.order():
        sources = (columns[edge.source] for edge in graph.inputs(node))
        columns[node] = max(sources, default=-1) + 1
    return columns


def node_table(graph: Graph) -> list[str]:
    """Node by node: level, stride, channels, inputs in order."""
    rows: list[tuple[str, ...]] = [("node", "level", "stride", "channels", "inputs")]
    for node in graph.computed():
        op = graph.op(node)
        inputs = inputs_text(graph, node)
        rows.append((node, f"P{op.level}", str(2**op.level), str(op.width), inputs))
    return _wrapped_table(rows)


def inputs_text(graph: Graph, node: str) -> str:
    """What a node reads, in order: `p4_in, up(p5_td)`."""
    return ", ".join(_edge_text(edge) for edge in graph.inputs(node))


def cost_table(cost: DetectorCost) -> list[str]:
    """Parameters and MACs by part."""
    parts = {
        "backbone": cost.backbone,
        "feature network": cost.network,
        "head adapters": cost.head_adapters,
        "class head": cost.class_head,
        "box head": cost.box_head,
        "total": cost.total,
    }
    parts = {name: part for name, part in parts.items() if part.parameters != 0}
    rows = [("part", "parameters", "MACs")]
    rows += [(name, *_amounts(part)) for name, part in parts.items()]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]


def fusion_text(fusion: Fusion) -> str:
    """A fusion in words."""
    if not fusion.weighs:
        words = {"sum": "plain sum", "concat": "concatenation", "max": "maximum", "mean": "mean"}
        return words.get(fusion.kind, fusion.kind.replace("_", " ") + _options(fusion.options))
    kind = {
        "weighted": "unbounded weights",
        "softmax": "softmax weights",
        "fast_normalized": "fast normalized weights",
    }[fusion.kind]
    return (
        f"{kind}, one for each {'input' if fusion.granularity == 'scalar' else fusion.granularity}"
    )


def steps_text(steps: tuple[Step, ...]) -> str:
    """Steps in words, in their order."""
    return ", ".join(step_text(step) for step in steps) or "nothing"


def step_text(step: Step) -> str:
    """One step in words."""
    match step:
        case Convolution():
            return _convolution_text(step)
        case Block():
            return step.kind + _options(step.options)
        case Pool():
            return f"{step.kind} pool {step.kernel}x{step.kernel}, stride {step.stride}"
        case Activate():
            return step.activation
        case Adapt():
            return "1x1 convolution" + (", batch norm" if step.norm else "")
        case Upsample():
            return f"{step.mode} upsampling"
        case Downsample():
            return f"{step.mode.replace('_', ' ')} downsampling"
        case Resample():
            return "resampling"
        case _:
            assert_never(step)


def _convolution_text(conv: Convolution) -> str:
    valid = "unpadded " if conv.valid else ""
    stride = f" of stride {conv.stride}" if conv.stride > 1 else ""
    words = {
        "act": conv.activation,
        "conv": f"{valid}{conv.kind} {conv.kernel}x{conv.kernel} convolution{stride}",
        "norm": "batch norm",
    }
    return ", ".join(words[part] for part in conv.order)


def _options(options: tuple[tuple[str, Value], ...]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in options)})" if options else ""


def node_sentence(graph: Graph) -> str:
    """How the nodes of a layer compute."""
    ops = [graph.op(node) for node in graph.computed()]
    fusions = sorted({fusion_text(op.fusion) for op in ops if isinstance(op, Fuse)})
    steps = sorted({steps_text(op.steps) for op in ops if isinstance(op, Fuse | Unary)})
    fuse = f"Maps are fused by {' or '.join(fusions)}. " if fusions else ""
    return f"{fuse}After that: {'; or '.join(steps)}."


def network_sentence(network: Network) -> str:
    """Levels, widths and depth in a line."""
    widths = sorted(set(network.output_widths().values()))
    channels = widths_text(widths)
    layers = "1 layer" if network.depth == 1 else f"{network.depth} layers"
    levels = sorted({*network.levels, *network.outputs})
    kept = "" if len(network.outputs) == len(levels) else f", {level_names(network.outputs)} kept"
    return f"{level_names(levels, 'levels ')}{kept}, {channels} channels, {layers}"


def widths_text(widths: Sequence[int]) -> str:
    """`32/64`, or the ends where there are many."""
    return "/".join(map(str, widths)) if len(widths) <= 4 else f"{widths[0]} to {widths[-1]}"


def level_names(levels: Sequence[int], prefix: str = "") -> str:
    """`P3 to P7` where the levels are in a row, else one by one."""
    low, high = levels[0], levels[-1]
    if len(levels) > 2 and high - low + 1 == len(levels):
        return f"{prefix}P{low} to P{high}"
    return prefix + " and ".join(f"P{level}" for level in levels)


def _edge_text(edge: Edge) -> str:
    """`up(1x1(p4_in))`; a step that repeats is a power: `(conv/2)^3(p4_in)`."""
    text = edge.source
    for word, alike in itertools.groupby(_step_word(step) for step in edge.via):
        times = len([*alike])
        text = f"{word}({text})" if times == 1 else f"({word})^{times}({text})"
    return text


def _step_word(step: Step) -> str:
    match step:
        case Adapt():
            return "1x1"
        case Upsample():
            return "up"
        case Downsample():
            return "down"
        case Convolution():
            return "conv" + (f"/{step.stride}" if step.stride > 1 else "")
        case Pool():
            return "pool" + (f"/{step.stride}" if step.stride > 1 else "")
        case Block():
            return step.kind
        case Activate():
            return step.activation
        case Resample():
            return "resample"
        case _:
            assert_never(step)


def _wrapped_table(rows: list[tuple[str, ...]]) -> list[str]:
    """A table whose last column wraps."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    offset = sum(widths) + 2 * len(widths)
    lines = []
    for row in rows:
        head = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        room = max(20, MAX_DIAGRAM_WIDTH - offset)
        # What fits no line breaks behind its parentheses.
        words = [w if len(w) <= room else w.replace("(", "( ") for w in row[-1].split(" ")]
        wrapped = textwrap.wrap(" ".join(words), room, break_long_words=False) or [""]
        lines.append(f"{head}  {wrapped[0]}".rstrip())
        lines.extend(" " * offset + rest for rest in wrapped[1:])
    return lines


def _amounts(cost: Cost) -> tuple[str, str]:
    parameters = "unknown" if cost.parameters is None else f"{cost.parameters:,}"
    return parameters, "unknown" if cost.macs is None else f"{cost.macs / 1e9:,.3f} G"


def indented(lines: Iterable[str], indent: int = 4) -> str:
    """Lines, moved to the right."""
    return "\n".join(" " * indent + line if line else "" for line in lines)
