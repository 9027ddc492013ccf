"""An inspection as a table, as JSON and as CSV."""

import csv
import io
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, fields

from fpncompiler.report.inspection import Inspection, NodeRow, PartRow, ScalingRow

WIDTH = 100  # columns of a terminal
LEAST = 16  # columns for the inputs, however wide the rest is
UNKNOWN = "unknown"


def as_table(found: Inspection) -> str:
    """Nodes layer by layer, then the parts."""
    height, width = found.image_size
    lines = [f"{found.name}, images of {height}x{width} pixels", ""]
    layers = dict.fromkeys((row.layer, row.repeats) for row in found.nodes)
    for layer, repeats in layers:
        rows = [row for row in found.nodes if row.layer == layer]
        lines.append(f"{layer} ({repeats} times the same)" if repeats > 1 else layer)
        lines += [*_node_lines(rows), ""]
    lines += [*_part_lines(found.parts), "", *_NOTES]
    if found.scaling:
        lines += ["", *_scaling_lines(found.scaling)]
    return "\n".join(lines)


_NOTES = (
    "Activations are float32 maps of one image, the backbone's those that it hands on.",
    "The peak is held at once within a part, what it reads not counted; the backbone's is unknown.",
)


def _node_lines(rows: Sequence[NodeRow]) -> list[str]:
    heads = ("node", "stride", "channels", "size", "parameters", "MACs", "activations", "spec")
    cells = [
        (
            row.node,
            str(row.stride),
            str(row.channels),
            f"{row.height}x{row.width}",
            f"{row.parameters:,}",
            _millions(row.macs),
            _kibibytes(row.activation_bytes),
            row.source,
        )
        for row in rows
    ]
    lines = _aligned([heads, *cells], left={0, 7})
    found = [lines[0]]
    for row, line in zip(rows, lines[1:], strict=True):
        found.append(line)
        found += textwrap.wrap(
            f"= {row.inputs}", WIDTH, initial_indent="    ", subsequent_indent="      "
        )
    return [f"  {line}" for line in found]


def _part_lines(parts: Sequence[PartRow]) -> list[str]:
    heads = ("part", "parameters", "MACs", "activations", "peak")
    cells = [
        (
            part.part,
            UNKNOWN if part.parameters is None else f"{part.parameters:,}",
            UNKNOWN if part.macs is None else _millions(part.macs),
            UNKNOWN if part.activation_bytes is None else _kibibytes(part.activation_bytes),
            "" if part.peak_bytes is None else _kibibytes(part.peak_bytes),
        )
        for part in parts
    ]
    return _aligned([heads, *cells], left={0})


def _scaling_lines(rows: Sequence[ScalingRow]) -> list[str]:
    heads = ("phi", "figure", "formula", "published", "")
    cells = [
        (
            str(row.phi),
            row.figure,
            row.formula,
            row.published,
            "" if row.formula == row.published else "differs",
        )
        for row in rows
    ]
    return ["By the formulas, and as published:", *_aligned([heads, *cells], left={1, 4})]


def _aligned(rows: Sequence[Sequence[str]], left: set[int]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _millions(macs: int) -> str:
    return f"{macs / 1e6:,.3f} M"


def _kibibytes(count: int) -> str:
    return f"{count / 1024:,.1f} KiB"


def as_json(found: Inspection) -> str:
    """All figures; keys are the names of the fields, with their units."""
    return json.dumps(asdict(found), indent=2)


def as_csv(found: Inspection) -> str:
    """One line a node, and one a part, whose other columns are empty."""
    names = ["part", *(field.name for field in fields(NodeRow)), "peak_bytes"]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for row in found.nodes:
        writer.writerow({"part": "node", **asdict(row)})
    for part in found.parts:
        writer.writerow(asdict(part))
    return out.getvalue().rstrip("\n")
