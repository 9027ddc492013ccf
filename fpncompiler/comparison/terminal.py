"""A comparison on a terminal of 100 columns: a table of costs for each phi, and one of times."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from fpncompiler.comparison.comparison import (
    Comparison,
    above_baseline,
    beside_published,
    ratio,
    value,
)
from fpncompiler.comparison.figures import Row
from fpncompiler.comparison.texts import (
    UNKNOWN,
    amount,
    cut,
    duration,
    figure,
    precision,
    share,
)
from fpncompiler.comparison.trained import deviation, mean, training_note
from fpncompiler.timing import Quartiles

WIDTH = 100
NAME_WIDTH = 21


@dataclass(frozen=True, slots=True)
class _Column:
    """A heading over right-aligned cells; `gap` blanks before it. `group` stands above."""

    heading: str
    width: int
    gap: int = 1
    group: str = ""


_COSTS = (
    _Column("nodes", 5, 2),
    _Column("edges", 5),
    _Column("adapt", 5),
    _Column("params", 7, 2, "feature network"),
    _Column("ratio", 5),
    _Column("MACs", 7),
    _Column("ratio", 5),
    _Column("memory", 7),
    _Column("ratio", 5),
    _Column("params", 7, 2, "detector"),
    _Column("MACs", 7),
)
_TIMES = (
    _Column("median", 7, 2, "forward, ms"),
    _Column("quartiles", 15),
    _Column("ratio", 5),
    _Column("median", 7, 3, "training step, ms"),
    _Column("quartiles", 15),
    _Column("ratio", 5),
)
_PRECISIONS = (
    _Column("seeds", 5, 2),
    _Column("AP", 14, 2, "trained: mean +- deviation"),
    _Column("AP50", 14, 2),
    _Column("AP", 16, 3, "to the baseline +- standard error"),
    _Column("beyond two", 10, 2),
)


def terminal_lines(comparison: Comparison) -> list[str]:
    """The tables, and what their figures mean."""
    width = min(NAME_WIDTH, max((len(row.topology) for row in comparison.rows), default=0))
    width = max(width, len("topology"))
    lines = []
    for rows in comparison.groups():
        lines += [_title(rows), *_table(_COSTS, width, [_costs(r, comparison) for r in rows], rows)]
        if comparison.trained is not None:
            cells = [_precisions(row, comparison) for row in rows]
            lines += ["", *_table(_PRECISIONS, width, cells, rows)]
        if any(row.forward or row.training_step for row in rows):
            times = [_times(row, comparison) for row in rows]
            lines += ["", *_table(_TIMES, width, times, rows)]
        lines.append("")
    return [*lines, *_published_lines(comparison), *_notes(comparison)]


def _title(rows: Sequence[Row]) -> str:
    sizes = sorted({(row.image_height, row.image_width) for row in rows})
    shown = ", ".join(f"{height}x{width}" for height, width in sizes[:3])
    return f"phi {rows[0].phi}, images of {shown}{' and more' * (len(sizes) > 3)}"


def _table(
    columns: Sequence[_Column], width: int, cells: Sequence[Sequence[str]], rows: Sequence[Row]
) -> list[str]:
    above, heads = " " * width, "topology".ljust(width)
    for column in columns:
        if column.group:
            above = above.ljust(len(heads) + column.gap) + column.group
        heads += " " * column.gap + column.heading.rjust(column.width)
    lines = [above.rstrip(), heads]
    for row, texts in zip(rows, cells, strict=True):
        line = cut(row.topology, width).ljust(width)
        for column, text in zip(columns, texts, strict=True):
            line += " " * column.gap + text.rjust(column.width)
        lines.append(line.rstrip())
    return lines


def _costs(row: Row, comparison: Comparison) -> list[str]:
    base = comparison.base_of(row)
    cells = [str(row.nodes), str(row.edges), str(row.adapters)]
    for key in ("network_parameters", "network_macs", "peak_memory_bytes"):
        cells += [amount(value(row, key)), share(ratio(row, base, key))]
    return [*cells, amount(row.total_parameters), amount(row.total_macs)]


def _times(row: Row, comparison: Comparison) -> list[str]:
    base = comparison.base_of(row)
    spans = (row.forward_quartiles, row.training_step_quartiles)
    cells = []
    for key, span in zip(("forward_seconds", "training_step_seconds"), spans, strict=True):
        median = duration(span.median if span else None)
        cells += [median, _quartiles(span), share(ratio(row, base, key))]
    return cells


def _precisions(row: Row, comparison: Comparison) -> list[str]:
    above = above_baseline(row, comparison)
    told = "" if above is None else f"{above.mean:+.3f}"
    if above is not None and above.error is not None:
        told += f" +- {above.error:.3f}"
    clear = "" if above is None or above.error is None else "yes" if above.is_clear else "no"
    pairs = ((mean(values), deviation(values)) for values in (row.ap, row.ap50))
    means = [precision(*pair).replace("±", "+-") for pair in pairs]  # a terminal gets ASCII alone
    return [str(len(row.ap)), *means, told, clear]


def _quartiles(span: Quartiles | None) -> str:
    return f"{duration(span.low)}-{duration(span.high)}" if span else ""


def _published_lines(comparison: Comparison) -> list[str]:
    """A line for each published figure."""
    published = comparison.published
    if published is None:
        return []
    lines = [
        f"{published.title}:",
        f"{'topology':24} {'column':28} {'here':>9} {'published':>9} {'difference':>10}",
    ]
    for each in beside_published(comparison):
        off = each.difference
        shown = UNKNOWN if off is None else f"{off:+.1%}"
        lines.append(
            f"{cut(each.topology, 24):24} {each.key:28} {figure(each.here):>9}"
            f" {figure(each.published):>9} {shown:>10}"
        )
    return [*lines, ""]


def _notes(comparison: Comparison) -> list[str]:
    text = (
        f"Ratios are to {comparison.baseline}, at the same phi. MACs: multiply-accumulates of one"
        " image. Memory: the peak of the network's activations for one image, in bytes. adapt:"
        " 1x1 convolutions to another width."
    )
    if found := comparison.measured:
        images, threads = "s" * (found.batch > 1), "s" * (found.threads > 1)
        text += (
            f" Times: {found.part}, {found.batch} image{images}, {found.threads} thread{threads},"
            f" {found.rounds} rounds in turns; ratios are taken within rounds."
        )
    return [*textwrap.wrap(text, WIDTH), *_training_notes(comparison)]


def _training_notes(comparison: Comparison) -> list[str]:
    """What was trained, and what the figures can tell."""
    found = comparison.trained
    return textwrap.wrap(training_note(found), WIDTH) if found else []
