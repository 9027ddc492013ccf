"""The few figures that stand at the head of the report."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.speed.results import Results, Row, Table


@dataclass(frozen=True)
class Headline:
    """A line of the summary: the variant of a table, and a figure where it is not about time.

    With a `figure` the line shows the baseline's over the variant's.
    """

    text: str
    section: str
    title: str
    variants: tuple[str, ...]
    figure: str = ""


FUSED = ("fpnc, fused", "fpnc, channels_last")  # the first that was measured
HEADLINES = (
    Headline("feature network alone", "network", "Feature network alone", FUSED),
    Headline("detector, 2 threads", "detector", "Detector, batch 1", FUSED),
    Headline("detector, bf16", "detector", "Detector, batch 1", ("fpnc, fused, bf16",)),
    Headline("torch.compile", "compiled", "Compiled", ("fpnc, compile, freezing",)),
    Headline("ONNX Runtime", "compiled", "Compiled", ("fpnc, ONNX Runtime",)),
    Headline("OpenVINO", "compiled", "Compiled", ("fpnc, OpenVINO",)),
    Headline("OpenVINO, bf16", "compiled", "Compiled", ("fpnc, OpenVINO, bf16",)),
    Headline("postprocessing", "postprocess", "Trained-like scores", ("fpnc, channels_last maps",)),
    Headline("training step", "training", "Training step", ("fpnc, channels_last",)),
    Headline("live memory, network", "network", "Feature network alone", FUSED, "peak live MB"),
    Headline("live memory, detector", "detector", "Detector, batch 1", FUSED, "peak live MB"),
)


def find_tables(results: Results, section: str, title: str) -> list[Table]:
    """Tables of a section and title at two threads or more, default allocator."""
    return [
        table
        for finding in results.findings.values()
        if finding.section == section
        for table in finding.tables
        if table.title == title and table.setting is not None
        if table.setting.threads > 1 and table.setting.allocator == "default"
    ]


def find_row(table: Table, names: Sequence[str]) -> Row | None:
    """The first of the variants that has a time."""
    rows = {row.name: row for row in table.rows if row.seconds is not None}
    return next((rows[name] for name in names if name in rows), None)


def summary_table(results: Results) -> str:
    """Effdet's eager time, or memory, over ours; empty where nothing of it was measured."""
    phis = sorted({t.setting.phi for h in HEADLINES for t in _tables(results, h) if t.setting})
    if not phis:
        return ""
    heads = " | ".join(f"D{phi}" for phi in phis)
    lines = [f"| effdet eager over ours | ours | {heads} |", "|---|---|" + "---|" * len(phis)]
    for headline in HEADLINES:
        tables = [table for table in _tables(results, headline) if table.setting]
        cells = {t.setting.phi: _cell(t, headline) for t in tables if t.setting}
        if any(cells.values()):
            shown = " | ".join(cells.get(phi, "") for phi in phis)
            lines.append(f"| {headline.text} | {_variant(tables, headline)} | {shown} |")
    return "\n".join(lines)


def _variant(tables: Sequence[Table], headline: Headline) -> str:
    rows = [find_row(table, headline.variants) for table in tables]
    return " or ".join(dict.fromkeys(row.name for row in rows if row is not None))


def _tables(results: Results, headline: Headline) -> list[Table]:
    return find_tables(results, headline.section, headline.title)


def _cell(table: Table, headline: Headline) -> str:
    row = find_row(table, headline.variants)
    if row is None or row.ratio is None:
        return ""
    if not headline.figure:
        return f"{row.ratio.median:.2f}x"
    baseline = find_row(table, [table.baseline])
    theirs, own = (r.figures.get(headline.figure) if r else None for r in (baseline, row))
    if not isinstance(theirs, float | int) or not isinstance(own, float | int):
        return ""
    return f"{theirs / own:.2f}x"
