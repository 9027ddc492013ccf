"""What a generated file says of itself: the level diagram, the node table, the costs."""

import textwrap
import unicodedata
from collections.abc import Iterable

from fpncompiler.analysis.cost import Cost, DetectorCost
from fpncompiler.codegen.layout import WIDTH
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Adapt, Convolution, Downsample, Fuse, Fusion, Input, Upsample

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
        inputs = ", ".join(_edge_text(edge) for edge in graph.inputs(node))
        rows.append((node, f"P{op.level}", str(2**op.level), str(op.width), inputs))
    return _wrapped_table(rows)


def cost_table(cost: DetectorCost) -> list[str]:
    """Parameters and MACs by part."""
    parts = {
        "backbone": cost.backbone,
        "feature network": cost.network,
        "class head": cost.class_head,
        "box head": cost.box_head,
        "total": cost.total,
    }
    rows = [("part", "parameters", "MACs")]
    rows += [(name, *_amounts(part)) for name, part in parts.items()]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]


def fusion_text(fusion: Fusion) -> str:
    """A fusion in words."""
    if fusion.kind == "sum":
        return "plain sum"
    kind = {
        "weighted": "unbounded weights",
        "softmax": "softmax weights",
        "fast_normalized": "fast normalized weights",
    }[fusion.kind]
    return (
        f"{kind}, one for each {'input' if fusion.granularity == 'scalar' else fusion.granularity}"
    )


def convolution_text(conv: Convolution | None) -> str:
    """A convolution op in words, in its order."""
    if conv is None:
        return "nothing"
    words = {
        "act": conv.activation,
        "conv": f"{conv.kind} {conv.kernel}x{conv.kernel} convolution",
        "norm": "batch norm",
    }
    return ", ".join(words[step] for step in conv.order)


def node_sentence(graph: Graph) -> str:
    """How the nodes of a layer compute, where they all do alike."""
    ops = [graph.op(node) for node in graph.computed()]
    fusions = sorted({fusion_text(op.fusion) for op in ops if isinstance(op, Fuse)})
    convs = sorted({convolution_text(op.conv) for op in ops if not isinstance(op, Input)})
    fuse = f"Maps are fused by {' or '.join(fusions)}. " if fusions else ""
    return f"{fuse}After that: {'; or '.join(convs)}."


def network_sentence(network: Network) -> str:
    """Levels, widths and depth in a line."""
    widths = sorted(set(network.output_widths().values()))
    levels = network.levels
    channels = "/".join(str(width) for width in widths)
    layers = "1 layer" if network.depth == 1 else f"{network.depth} layers"
    return f"levels P{levels[0]} to P{levels[-1]}, {channels} channels, {layers}"


def _edge_text(edge: Edge) -> str:
    text = edge.source
    for step in edge.via:
        match step:
            case Adapt():
                text = f"1x1({text})"
            case Upsample():
                text = f"up({text})"
            case Downsample():
                text = f"down({text})"
    return text


def _wrapped_table(rows: list[tuple[str, ...]]) -> list[str]:
    """A table whose last column wraps."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    offset = sum(widths) + 2 * len(widths)
    lines = []
    for row in rows:
        head = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        room = max(20, MAX_DIAGRAM_WIDTH - offset)
        wrapped = textwrap.wrap(row[-1], room, break_long_words=False) or [""]
        lines.append(f"{head}  {wrapped[0]}".rstrip())
        lines.extend(" " * offset + rest for rest in wrapped[1:])
    return lines


def _amounts(cost: Cost) -> tuple[str, str]:
    parameters = "unknown" if cost.parameters is None else f"{cost.parameters:,}"
    return parameters, "unknown" if cost.macs is None else f"{cost.macs / 1e9:,.3f} G"


def indented(lines: Iterable[str], indent: int = 4) -> str:
    """Lines, moved to the right."""
    return "\n".join(" " * indent + line if line else "" for line in lines)
