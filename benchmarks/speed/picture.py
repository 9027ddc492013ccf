"""The picture: bars of speed against effdet, with quartiles, for each section and phi."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.results import Results, Row, Table
from benchmarks.speed.summary import find_tables

PANELS = (
    ("network", "Feature network alone", "Feature network"),
    ("detector", "Detector, batch 1", "Detector, eager"),
    ("compiled", "Compiled", "Detector, compilers and engines"),
    ("training", "Training step", "Training step"),
    ("postprocess", "Trained-like scores", "Postprocessing"),
)
COLOURS = {"effdet": "#7f7f7f", "ours": "#0b62a4", "other": "#b0791a"}
INK = "#222222"
BAR = 0.24  # inches


def draw(results: Results, path: Path) -> bool:
    """Write the SVG; False where there is nothing to draw, or no matplotlib."""
    panels = [
        (table, heading)
        for section, title, heading in PANELS
        for table in sorted(find_tables(results, section, title), key=_phi)
    ]
    try:
        import matplotlib
    except ImportError:
        print("no picture: pip install matplotlib")
        return False
    if not panels:
        return False
    matplotlib.use("svg")
    settings = {"svg.hashsalt": "fpnc", "svg.fonttype": "path", "font.size": 8.5}
    with matplotlib.rc_context({**settings, "text.color": INK, "axes.labelcolor": INK}):
        _figure(panels, path)
    return True


def _phi(table: Table) -> int:
    return table.setting.phi if table.setting is not None else 0


def _figure(panels: Sequence[tuple[Table, str]], path: Path) -> None:
    from matplotlib import pyplot

    rows = [_measured(table) for table, _ in panels]
    heights = [0.75 + BAR * len(measured) for measured in rows]
    figure, axes = pyplot.subplots(
        len(panels),
        1,
        figsize=(7.6, sum(heights) + 0.4),
        height_ratios=heights,
        facecolor="white",
        layout="constrained",
        squeeze=False,
    )
    end = 1.18 * max(row.ratio.high for measured in rows for row in measured if row.ratio)
    for (table, heading), measured, axis in zip(panels, rows, axes[:, 0], strict=True):
        _panel(axis, f"{heading}, D{_phi(table)}", measured, max(end, 1.2))
    what = "times as fast as effdet eager; whiskers: first and third quartile"
    axes[-1, 0].set_xlabel(what, loc="right")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _measured(table: Table) -> list[Row]:
    return [row for row in table.rows if row.ratio is not None]


def _panel(axis: Any, title: str, rows: Sequence[Row], end: float) -> None:
    spans = [row.ratio for row in rows if row.ratio is not None]
    medians = [s.median for s in spans]
    whiskers = [[s.median - s.low for s in spans], [s.high - s.median for s in spans]]
    axis.barh(
        [row.name for row in rows],
        medians,
        color=[COLOURS[row.side] for row in rows],
        height=0.72,
        xerr=whiskers,
        error_kw={"ecolor": INK, "elinewidth": 1, "capsize": 2},
    )
    for place, ratio in enumerate(spans):
        axis.text(ratio.high + 0.01 * end, place, f" {ratio.median:.2f}", va="center")
    axis.axvline(1, color=INK, linewidth=0.8, linestyle=":")
    axis.set_xlim(0, end)
    axis.invert_yaxis()
    axis.set_title(title, loc="left", fontsize=9.5, fontweight="bold")
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(colors=INK)
