"""Cost curves over phi, drawn by matplotlib: the same bytes for the same figures."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpncompiler.comparison.comparison import COST_METRICS, Comparison, Metric, value
from fpncompiler.comparison.figures import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = {metric.key: metric for metric in COST_METRICS}
DEFAULT_CURVES = ("network_parameters", "network_macs", "peak_memory_bytes")
FORMATS = ("svg", "png")
# colours that the colour-blind tell apart; marks differ besides
_COLOURS = ("#0072b2", "#c44601", "#00795a", "#a6427c", "#3a93c9", "#a87000", "#5b3a9b", "#4d4d4d")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
_STROKES = ("-", "--", ":", "-.")  # for each round of the colours
_INK = "#222222"
_DPI = 160  # of a PNG
_PAD = 0.1  # around panels, inches


class NoMatplotlibError(Exception):
    """Matplotlib, which is an extra, is not installed."""

    help = "pip install 'fpnc[plot]'"


def curves_of(comparison: Comparison, keys: Sequence[str], form: str) -> bytes:
    """A panel for each metric, a curve for each topology, as SVG or PNG.

    Raises:
        NoMatplotlibError: as it says.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoMatplotlibError("curves are drawn by matplotlib, which is not installed") from error
    data = io.BytesIO()
    with matplotlib.rc_context(
        {
            "svg.hashsalt": "fpnc",
            "svg.fonttype": "path",
            "font.family": "DejaVu Sans",
            "font.size": 9.0,
            "text.color": _INK,
            "text.parse_math": False,
            "axes.labelcolor": _INK,
            "figure.constrained_layout.w_pad": _PAD,
            "figure.constrained_layout.h_pad": _PAD,
        }
    ):
        figure = Figure(figsize=(4.2 * len(keys), 4.4), facecolor="white", layout="constrained")
        panels = figure.subplots(1, len(keys), squeeze=False)[0]
        for axes, key in zip(panels, keys, strict=True):
            _panel(axes, CURVES[key], comparison)
        handles, labels = panels[0].get_legend_handles_labels()
        columns = min(len(labels), 2 * len(keys))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
        metadata = {"Date": None} if form == "svg" else {}
        figure.savefig(data, format=form, dpi=_DPI, metadata=metadata)
    return data.getvalue() if form == "svg" else _compact(data.getvalue())


def _compact(png: bytes) -> bytes:
    """The same picture by a palette, which is a third of the bytes: it has few colours."""
    from PIL import Image  # which matplotlib needs

    data = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        reduced = picture.convert("RGB").quantize(256)
    reduced.save(data, "PNG", optimize=True, dpi=(_DPI, _DPI))
    return data.getvalue()


def _panel(axes: "Axes", metric: Metric, comparison: Comparison) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    unit = "B" if metric.key.endswith("_bytes") else ""
    topologies = [*dict.fromkeys(row.topology for row in comparison.rows)]
    for number, topology in enumerate(topologies):
        rows = sorted(
            (row for row in comparison.rows if row.topology == topology), key=lambda row: row.phi
        )
        axes.plot(
            [row.phi for row in rows],
            [_height(row, metric) for row in rows],
            label=topology,
            color=_COLOURS[number % len(_COLOURS)],
            marker=_MARKS[number % len(_MARKS)],
            linestyle=_STROKES[number // len(_COLOURS) % len(_STROKES)],
            markersize=5 + 1.5 * _below(number, len(topologies)),
            linewidth=1.2 + 1.4 * _below(number, len(topologies)),
        )
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(EngFormatter(unit))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(sorted({row.phi for row in comparison.rows}))
    axes.set_xlabel("phi")
    axes.set_title(metric.name, loc="left", fontsize=10, fontweight="bold")
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _below(number: int, count: int) -> float:
    """How much wider a curve is than the last, so that one beneath another of the same is seen."""
    return (count - 1 - number) / count


def _height(row: Row, metric: Metric) -> float:
    """What is not known has no place on a curve, and leaves a gap."""
    number = value(row, metric.key)
    return float("nan") if number is None else number
