"""What a finished run leaves for people: tables, curves, pictures."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.datasets.model import DataSet
from fpncompiler.evaluation.coco import Evaluation
from fpncompiler.evaluation.curves import curves_of
from fpncompiler.evaluation.detecting import Found
from fpncompiler.evaluation.pictures import write_pictures
from fpncompiler.training.progress import Epoch
from fpncompiler.training.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURES = 12


def write_evaluation(
    folder: RunFolder, data: DataSet, evaluation: Evaluation, found: dict[int, Found]
) -> list[Path]:
    """Figures as JSON, a table of classes, precision-recall curves, pictures beside labels."""
    text = json.dumps(evaluation.as_dict(), indent=2) + "\n"
    written = [
        folder.write("evaluation.json", text.encode()),
        folder.write("classes.csv", _classes(evaluation).encode()),
        folder.write("precision_recall.svg", curves_of(evaluation, "svg")),
    ]
    return written + write_pictures(folder.path / "pictures", data, found, most=PICTURES)


def _classes(evaluation: Evaluation) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["class", "labels", "detections", "AP", "AP50", "AR100"])
    for each in evaluation.classes:
        figures = [each.ap, each.ap50, each.ar100]
        writer.writerow([each.name, each.boxes, each.detections, *map(_figure, figures)])
    return text.getvalue()


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def loss_curves(epochs: Sequence[Epoch]) -> bytes:
    """Losses and AP over epochs, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    data = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "fpnc", "font.size": 9.0}):
        figure = Figure(figsize=(8.4, 3.6), facecolor="white", layout="constrained")
        left, right = figure.subplots(1, 2)
        numbers = [epoch.epoch for epoch in epochs]
        left.plot(numbers, [epoch.loss for epoch in epochs], label="total")
        left.plot(numbers, [epoch.class_loss for epoch in epochs], label="classes")
        _finish(left, "loss")
        for name in ("AP", "AP50"):
            known = [(e.epoch, e.figures.get(name)) for e in epochs]
            points = [(number, value) for number, value in known if value is not None]
            if points:
                right.plot(*zip(*points, strict=True), label=name, marker=".")
        right.set_ylim(0, 1)
        _finish(right, "validation")
        figure.savefig(data, format="svg", metadata={"Date": None})
    return data.getvalue()


def _finish(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.set_xlabel("epoch")
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(fontsize=8, frameon=False)
