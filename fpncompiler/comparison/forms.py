"""A comparison for programs and for documents: JSON, CSV, Markdown."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict

from fpncompiler.comparison.comparison import Comparison, beside_published, ratio, record, value
from fpncompiler.comparison.figures import Row
from fpncompiler.comparison.published import Published
from fpncompiler.comparison.texts import amount, duration, figure, precision, share
from fpncompiler.comparison.trained import deviation, mean, training_note
from fpncompiler.diagnostics import printable


def as_json(comparison: Comparison, failed: Sequence[str]) -> str:
    """All figures; keys end in their unit. `failed` are the specs that have faults."""
    measured = comparison.measured
    document = {
        "fpnc_compare": 1,
        "baseline": comparison.baseline,
        "measured": None
        if measured is None
        else {
            "part": measured.part,
            "batch": measured.batch,
            "threads": measured.threads,
            "rounds": measured.rounds,
        },
        "trained": None if comparison.trained is None else asdict(comparison.trained),
        "published": _published(comparison),
        "failed": [*failed],
        "rows": [record(row, comparison) for row in comparison.rows],
    }
    return json.dumps(document, indent=2)


def _published(comparison: Comparison) -> dict[str, object] | None:
    published = comparison.published
    if published is None:
        return None
    return {
        "title": published.title,
        "source": published.source,
        "phi": published.phi,
        "figures": [
            {
                "topology": each.topology,
                "key": each.key,
                "here": each.here,
                "published": each.published,
                "difference": each.difference,
            }
            for each in beside_published(comparison)
        ],
    }


def as_csv(comparison: Comparison) -> str:
    """One line a row under the keys of the JSON; what is unknown is empty."""
    records = [record(row, comparison) for row in comparison.rows]
    file = io.StringIO()
    writer = csv.DictWriter(file, [*records[0]] if records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _inert(each) for key, each in row.items()} for row in records)
    return file.getvalue().rstrip("\n")


def as_markdown(comparison: Comparison) -> str:
    """A table for each phi, with ratios in brackets."""
    tables = [_markdown(rows, comparison) for rows in comparison.groups()]
    if comparison.published is not None:
        tables.append(_markdown_published(comparison, comparison.published))
    return "\n\n".join(tables)


def _markdown_published(comparison: Comparison, published: Published) -> str:
    lines = [
        f"{_escaped(published.title)}:",
        "",
        "| topology | column | here | published |",
        "| --- | --- | ---: | ---: |",
    ]
    for each in beside_published(comparison):
        cells = (_escaped(each.topology), _escaped(each.key))
        numbers = (figure(each.here), figure(each.published))
        lines.append(f"| {' | '.join((*cells, *numbers))} |")
    return "\n".join(lines)


def _markdown(rows: Sequence[Row], comparison: Comparison) -> str:
    timed = comparison.measured is not None
    heads = ["topology", "nodes", "edges", "adapters", "network parameters", "network MACs"]
    heads += ["peak memory, bytes", "total parameters", "total MACs"]
    heads += ["forward, ms", "training step, ms"] if timed else []
    heads += ["AP", "AP50"] if comparison.trained else []
    lines = [
        f"phi {rows[0].phi}, ratios to {_escaped(comparison.baseline)}:",
        "",
        f"| {' | '.join(heads)} |",
        f"| --- |{' ---: |' * (len(heads) - 1)}",
    ]
    for row in rows:
        base = comparison.base_of(row)
        keys = ["network_parameters", "network_macs", "peak_memory_bytes"]
        keys += ["total_parameters", "total_macs"]
        cells = [_escaped(row.topology), str(row.nodes), str(row.edges), str(row.adapters)]
        cells += [_cell(row, base, key) for key in keys]
        if timed:
            cells += [_cell(row, base, key) for key in ("forward_seconds", "training_step_seconds")]
        if comparison.trained:
            cells += [precision(mean(found), deviation(found)) for found in (row.ap, row.ap50)]
        lines.append(f"| {' | '.join(cells)} |")
    if comparison.trained:
        lines += ["", training_note(comparison.trained)]
    return "\n".join(lines)


def _cell(row: Row, base: Row | None, key: str) -> str:
    number = value(row, key)
    text = duration(number) if key.endswith("_seconds") else amount(number)
    times = ratio(row, base, key)
    return text if times is None else f"{text} ({share(times)})"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    special = r"\`*_{}[]<>()#+-.!|~&"
    return "".join(f"\\{c}" if c in special else c for c in printable(text))


def _inert(cell: object) -> object:
    """Text that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") else cell
