"""A comparison as one page of HTML, which needs nothing else: no network, no other file.

Specs come from strangers. Jinja escapes what they bring, the data is JSON that cannot end its
element, and the page's own policy lets no script or style run but those that fpnc has put there.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from fpncompiler import __version__
from fpncompiler.comparison.comparison import (
    COST_METRICS,
    GRAPH_METRICS,
    SCORE_METRICS,
    TIME_METRICS,
    Comparison,
    Metric,
    beside_published,
    gap_of,
    ratio,
    record,
    value,
)
from fpncompiler.comparison.figures import Row
from fpncompiler.comparison.scores import trained_note
from fpncompiler.comparison.texts import (
    UNKNOWN,
    amount,
    duration,
    figure,
    precision,
    share,
    signed,
)

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_UNITS = {"peak_memory_bytes": "B", "forward_seconds": "ms", "training_step_seconds": "ms"}


@dataclass(frozen=True, slots=True)
class Picture:
    """The drawing of a topology, or why there is none."""

    topology: str
    title: str
    source: str
    svg: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table: the metric, as it is or as a ratio."""

    heading: str
    kind: str
    key: str
    metric: Metric | None = None
    is_ratio: bool = False


@dataclass(frozen=True, slots=True)
class _Cell:
    """What stands in the table, and what it is sorted by."""

    text: str
    value: str
    kind: str
    hint: str = ""


def page_of(comparison: Comparison, pictures: Sequence[Picture], failed: Sequence[str]) -> str:
    """The page. `failed` are specs with faults, which it names."""
    style, script = (_own(name) for name in ("page.css", "page.js"))
    styles = [style, *(text for each in pictures for text in _STYLE.findall(each.svg))]
    phis = sorted({row.phi for row in comparison.rows})
    columns = _columns(comparison)
    names = {row.topology for row in comparison.rows}
    return _template().render(
        version=__version__,
        policy=_policy(styles, script),
        title="Feature networks compared",
        subtitle=_subtitle(len(names), phis, comparison.baseline),
        style=Markup(style),
        script=Markup(script),
        data=Markup(_json(_data(comparison))),
        failed=[*failed],
        phis=phis,
        columns=columns,
        rows=[_row(row, columns, comparison) for row in comparison.rows],
        notes=_notes(comparison),
        published=_published(comparison),
        drawings=[
            {
                "topology": each.topology,
                "title": each.title,
                "source": each.source,
                "svg": Markup(each.svg),
                "why": each.why,
            }
            for each in pictures
        ],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("fpncompiler.comparison"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2")


def _own(name: str) -> str:
    folder = resources.files("fpncompiler.comparison").joinpath("templates")
    return folder.joinpath(name).read_text(encoding="utf-8")


def _policy(styles: Iterable[str], script: str) -> str:
    """What a browser may run: these styles and this script, and nothing from anywhere else."""
    hashes = dict.fromkeys(_hash(text) for text in styles)
    return (
        f"default-src 'none'; style-src {' '.join(hashes)}; script-src {_hash(script)};"
        " base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _json(data: object) -> str:
    """JSON that may stand in an element of a page."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE)


def _data(comparison: Comparison) -> dict[str, object]:
    """What the scatter is made of: rows, and the axes that they can be drawn along."""
    metrics = (*COST_METRICS, *(TIME_METRICS if comparison.measured else ()))
    metrics += SCORE_METRICS if comparison.trained else ()
    axes = [{"key": m.key, "name": m.name, "unit": _UNITS.get(m.key, "")} for m in metrics]
    rows = [record(row, comparison) for row in comparison.rows]
    kept = ("topology", "title", "phi", *(metric.key for metric in metrics))
    return {
        "axes": axes,
        "x": "network_parameters",
        "y": "ap" if comparison.trained else "network_macs",
        "rows": [{key: row[key] for key in kept} for row in rows],
    }


def _columns(comparison: Comparison) -> list[_Column]:
    found = [_Column("topology", "text", "topology"), _Column("phi", "count", "phi")]
    found += [_Column(m.name, "count", m.key, m) for m in GRAPH_METRICS[1:]]
    if comparison.trained is not None:
        found += [_Column(metric.name, "number", metric.key, metric) for metric in SCORE_METRICS]
    metrics = [m for m in COST_METRICS if m.key != "network_operations"]
    for metric in (*metrics, *(TIME_METRICS if comparison.measured else ())):
        unit = ", ms" if metric in TIME_METRICS else ""
        heading = metric.name.replace(" of the network", "") + unit
        found.append(_Column(heading, "number", metric.key, metric))
        if not metric.key.startswith("total_"):
            found.append(_Column("ratio", "number", metric.ratio_key, metric, is_ratio=True))
    return found


def _row(row: Row, columns: Sequence[_Column], comparison: Comparison) -> dict[str, object]:
    return {
        "title": f"{row.title} ({row.spec}, {row.variant})",
        "is_baseline": row.topology == comparison.baseline,
        "cells": [_cell(row, column, comparison) for column in columns],
    }


def _cell(row: Row, column: _Column, comparison: Comparison) -> _Cell:
    metric = column.metric
    if metric is None:
        text = str(getattr(row, column.key))
        return _Cell(Markup("_<wbr>").join(text.split("_")), text, column.kind)
    if column.is_ratio:
        times = ratio(row, comparison.base_of(row), metric.key)
        return _Cell(share(times), _sortable(times), column.kind)
    number = value(row, metric.key)
    if metric in SCORE_METRICS:
        known = row.ap if metric.key == "ap" else row.ap50
        text = precision(number, known.deviation if known else None)
        hint = _score_hint(row, metric, comparison)
        return _Cell(text, _sortable(number), column.kind, hint)
    if metric in TIME_METRICS:
        span = row.forward_quartiles
        if metric.key == "training_step_seconds":
            span = row.training_step_quartiles
        hint = f"quartiles {duration(span.low)} to {duration(span.high)} ms" if span else ""
        return _Cell(duration(number), _sortable(number), column.kind, hint)
    unit = _UNITS.get(metric.key, "")
    hint = "" if number is None else f"{number:,.0f} {unit}".rstrip()
    return _Cell(f"{amount(number)}{unit}", _sortable(number), column.kind, hint)


def _score_hint(row: Row, metric: Metric, comparison: Comparison) -> str:
    """The spread over seeds, and of AP the gap to the baseline."""
    known = row.ap if metric.key == "ap" else row.ap50
    if known is None:
        return ""
    if known.deviation is None:
        return "one seed: no spread is known"
    hint = f"standard deviation {precision(known.deviation)} over {known.count} seeds"
    above = gap_of(row, comparison) if metric.key == "ap" else None
    if above is None:
        return hint
    told = f"; {signed(above.difference)} to {comparison.baseline}"
    return f"{hint}{told}, standard error {precision(above.error)}"


def _sortable(number: float | None) -> str:
    return "" if number is None else repr(number)


def _subtitle(topologies: int, phis: Sequence[int], baseline: str) -> str:
    what = "1 topology" if topologies == 1 else f"{topologies} topologies"
    return f"{what} at phi {', '.join(map(str, phis))}. Ratios are to {baseline} at the same phi."


def _notes(comparison: Comparison) -> str:
    text = (
        "Network: the feature network alone. Total: with the backbone and the heads."
        " MACs: multiply-accumulates of one image. Peak memory: of the network's activations,"
        " for one image in inference. Adapters: 1x1 convolutions to another width."
    )
    if comparison.trained is not None:
        text += f" {trained_note(comparison.trained, comparison.baseline)}"
    found = comparison.measured
    if found is None:
        return text
    images, threads = "s" * (found.batch > 1), "s" * (found.threads > 1)
    return (
        f"{text} Times: {found.part}, {found.batch} image{images}, {found.threads} thread{threads},"
        f" {found.rounds} rounds in turns; medians, with quartiles where pointed at."
    )


def _published(comparison: Comparison) -> Mapping[str, object] | None:
    published = comparison.published
    if published is None:
        return None
    figures = [
        {
            "topology": each.topology,
            "column": each.key,
            "here": figure(each.here),
            "published": figure(each.published),
            "difference": UNKNOWN if each.difference is None else f"{each.difference:+.1%}",
        }
        for each in beside_published(comparison)
    ]
    return {"title": published.title, "source": published.source, "figures": figures}
