"""Precision over recall as a picture, by matplotlib: the same bytes for the same figures."""

import io
from typing import TYPE_CHECKING

from fpncompiler.detection.labelling import short
from fpncompiler.diagnostics import UserError
from fpncompiler.evaluation.coco import CURVES, RECALLS, Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("svg", "png")
NAMED = 10  # classes with a colour and a name; the others are grey
# colours that the colour-blind tell apart
_COLOURS = ("#0072b2", "#d55e00", "#00795a", "#cc79a7", "#a87000")
_STROKES = ("-", "--")
_DPI = 130  # of a PNG


class NoMatplotlibError(UserError):
    """Matplotlib, which is an extra, is not installed."""


def curves_of(evaluation: Evaluation, form: str) -> bytes:
    """The curves of all classes, a panel for each IoU, as SVG or PNG.

    Raises:
        NoMatplotlibError: as it says.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        message = "curves are drawn by matplotlib, which is not installed"
        raise NoMatplotlibError(message, "pip install 'fpnc[plot]'") from error
    data = io.BytesIO()
    with matplotlib.rc_context(
        {
            "svg.hashsalt": "fpnc",
            "font.family": "DejaVu Sans",
            "font.size": 9.0,
            "text.parse_math": False,
        }
    ):
        figure = Figure(figsize=(4.2 * len(CURVES), 4.2), facecolor="white", layout="constrained")
        panels = figure.subplots(1, len(CURVES), sharey=True)
        for axes, iou in zip(panels, CURVES, strict=True):
            _panel(axes, evaluation, iou)
        panels[0].set_ylabel("precision")
        metadata = {"Date": None} if form == "svg" else {}
        figure.savefig(data, format=form, dpi=_DPI, metadata=metadata)
    return data.getvalue()


def _panel(axes: "Axes", evaluation: Evaluation, iou: float) -> None:
    curves = [curve for curve in evaluation.curves if curve.iou == iou]
    means = [sum(curve.precision) / len(curve.precision) for curve in curves]
    for number, (curve, mean) in enumerate(zip(curves, means, strict=True)):
        named = number < NAMED
        axes.plot(
            RECALLS,
            curve.precision,
            label=f"AP {mean:.3f}  {short(curve.name)}" if named else "_",
            color=_COLOURS[number % len(_COLOURS)] if named else "#bbbbbb",
            linestyle=_STROKES[number // len(_COLOURS) % len(_STROKES)] if named else "-",
            linewidth=1.6 if named else 0.7,
            zorder=2 if named else 1,
        )
    if curves:
        axes.legend(loc="lower left", fontsize=8, framealpha=0.8, edgecolor="none")
    else:
        axes.text(0.5, 0.5, "no labels", ha="center", va="center", color="#777777")
    axes.set_title(f"IoU {iou:g}", loc="left", fontsize=10, fontweight="bold")
    axes.set_xlabel("recall")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
