"""Rows of a comparison, their ratios to a baseline, and the columns that all outputs have."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fpncompiler.comparison.figures import Row
from fpncompiler.comparison.published import Published
from fpncompiler.comparison.scores import Gap, Trained, gap

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """How latency was measured; `rounds` is the most that any phi was given."""

    batch: int
    threads: int
    rounds: int
    part: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows by phi, and the topology that ratios are taken to at the same phi."""

    rows: tuple[Row, ...]
    baseline: str
    measured: Measured | None = None
    published: Published | None = None
    trained: Trained | None = None

    def groups(self) -> Iterator[tuple[Row, ...]]:
        """The rows of each phi, in order."""
        for phi in sorted({row.phi for row in self.rows}):
            yield tuple(row for row in self.rows if row.phi == phi)

    def base_of(self, row: Row) -> Row | None:
        """What a row's ratios are taken to."""
        same = (each for each in self.rows if each.phi == row.phi)
        return next((each for each in same if each.topology == self.baseline), None)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a row: its key, which ends in its unit where it has one, and its name."""

    key: str
    name: str
    ratio_key: str = ""


GRAPH_METRICS = (
    Metric("layers", "layers"),
    Metric("nodes", "nodes"),
    Metric("edges", "edges"),
    Metric("adapters", "adapters"),
)
COST_METRICS = (
    Metric("network_parameters", "network parameters", "network_parameters_ratio"),
    Metric("network_macs", "network MACs", "network_macs_ratio"),
    Metric("network_operations", "network operations", "network_operations_ratio"),
    Metric("total_parameters", "total parameters", "total_parameters_ratio"),
    Metric("total_macs", "total MACs", "total_macs_ratio"),
    Metric("peak_memory_bytes", "peak memory of the network", "peak_memory_ratio"),
)
TIME_METRICS = (
    Metric("forward_seconds", "forward", "forward_ratio"),
    Metric("training_step_seconds", "training step", "training_step_ratio"),
)
SCORE_METRICS = (Metric("ap", "AP"), Metric("ap50", "AP50"))
METRICS = (*GRAPH_METRICS, *COST_METRICS, *TIME_METRICS, *SCORE_METRICS)
SORT_KEYS = ("topology", *(metric.key for metric in METRICS))
RATIO_KEYS = tuple(m.ratio_key for m in (*COST_METRICS, *TIME_METRICS))
TEXT_KEYS = ("topology", "title", "spec", "variant", "phi", "image_height", "image_width")


def value(row: Row, key: str) -> float | None:
    """A figure by its key; None where it is not known. Times are medians, AP is a mean."""
    match key:
        case "forward_seconds":
            return row.forward_quartiles.median if row.forward_quartiles else None
        case "training_step_seconds":
            found = row.training_step_quartiles
            return found.median if found else None
        case "ap" | "ap50":
            found_mean = row.ap if key == "ap" else row.ap50
            return found_mean.mean if found_mean else None
        case _:
            number: float | None = getattr(row, key)
            return number


def ratio(row: Row, base: Row | None, key: str) -> float | None:
    """A figure as a multiple of the baseline's; of times, the median over the rounds."""
    if base is None:
        return None
    if key in ("forward_seconds", "training_step_seconds"):
        name = key.removesuffix("_seconds")
        pairs = zip(getattr(row, name), getattr(base, name), strict=False)
        shares = [own / other for own, other in pairs]
        return statistics.median(shares) if shares else None
    own, other = value(row, key), value(base, key)
    return own / other if own is not None and other else None


def record(row: Row, comparison: Comparison) -> dict[str, Value]:
    """A row with its ratios, as programs read it; with times and AP if there are any."""
    base = comparison.base_of(row)
    found: dict[str, Value] = {key: getattr(row, key) for key in TEXT_KEYS}
    found |= {metric.key: value(row, metric.key) for metric in (*GRAPH_METRICS, *COST_METRICS)}
    found |= {m.ratio_key: _rounded(ratio(row, base, m.key)) for m in COST_METRICS}
    if comparison.trained is not None:
        found |= _scores(row, comparison)
    if comparison.measured is not None:
        found |= _times(row, base)
    return found


def _scores(row: Row, comparison: Comparison) -> dict[str, Value]:
    above = gap_of(row, comparison)
    found: dict[str, Value] = {}
    for metric, known in zip(SCORE_METRICS, (row.ap, row.ap50), strict=True):
        found[metric.key] = known.mean if known else None
        found[f"{metric.key}_deviation"] = known.deviation if known else None
    found["seeds"] = len(row.scores)
    found["ap_above_baseline"] = above.difference if above else None
    found["ap_above_baseline_error"] = above.error if above else None
    found["ap_above_baseline_is_beyond"] = above.is_beyond if above else None
    return found


def gap_of(row: Row, comparison: Comparison) -> Gap | None:
    """How far a row's AP is above the baseline's at the same phi; None for the baseline itself."""
    base = comparison.base_of(row)
    return None if base is None or base is row else gap(row.ap, base.ap)


def _times(row: Row, base: Row | None) -> dict[str, Value]:
    found: dict[str, Value] = {}
    spans = (row.forward_quartiles, row.training_step_quartiles)
    for metric, span in zip(TIME_METRICS, spans, strict=True):
        found[metric.key] = span.median if span else None
        stem = metric.key.removesuffix("_seconds")
        found[f"{stem}_first_quartile_seconds"] = span.low if span else None
        found[f"{stem}_third_quartile_seconds"] = span.high if span else None
        found[metric.ratio_key] = _rounded(ratio(row, base, metric.key))
    found["rounds"] = max(len(row.forward), len(row.training_step))
    return found


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)


def sorted_rows(rows: Sequence[Row], key: str, *, descending: bool) -> tuple[Row, ...]:
    """Rows by a column; those without the figure come last, equal ones stay in order."""
    if key == "topology":
        return tuple(sorted(rows, key=lambda row: row.topology, reverse=descending))
    known = [(found, row) for row in rows if (found := value(row, key)) is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return (
        *(row for _, row in known),
        *(row for row in rows if value(row, key) is None),
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """A published figure beside the one found here; None where there is no such row."""

    topology: str
    key: str
    here: float | None
    published: float

    @property
    def difference(self) -> float | None:
        """How far the one here is off, as a share of the published one."""
        if self.here is None or not self.published:
            return None
        return self.here / self.published - 1


def beside_published(comparison: Comparison) -> list[Beside]:
    """Each published figure with the one here, at the phi that it is for or else at the first."""
    published = comparison.published
    if published is None:
        return []
    phi = published.phi if published.phi is not None else comparison.rows[0].phi
    rows = {row.topology: row for row in comparison.rows if row.phi == phi}
    return [
        Beside(f.topology, f.key, _figure(rows.get(f.topology), f.key, comparison), f.number)
        for f in published.figures
    ]


def _figure(row: Row | None, key: str, comparison: Comparison) -> float | None:
    if row is None:
        return None
    for metric in METRICS:
        if key == metric.ratio_key:
            return ratio(row, comparison.base_of(row), metric.key)
    return value(row, key)
