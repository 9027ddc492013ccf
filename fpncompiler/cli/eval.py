"""`fpnc eval`: COCO's figures of a detector on a data set."""

import argparse
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.detecting import (
    add_detector,
    counted,
    opened,
    progress,
    reported,
    settings_of,
    tell_left_out,
)
from fpncompiler.cli.report import FINDINGS, HELP, Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.datasets.model import DataSet
    from fpncompiler.detectors.detector import Detector
    from fpncompiler.evaluation.coco import Evaluation
    from fpncompiler.evaluation.detecting import Found

MOST_SHOWN = 10
IMAGES_LOST = {"D911", "D912", "D913"}  # missing, unreadable, of another size


def add_eval(commands: "Commands") -> None:
    """`fpnc eval DETECTOR DATA`."""
    command = commands.add_parser(
        "eval",
        help="score a trained detector on a data set",
        description="Run a detector on the images of a data set and print COCO's twelve figures,"
        " and those of each class, by pycocotools.",
        epilog="example: fpnc eval runs/bifpn_lite0 data/bccd --split val --pictures build/eval",
    )
    command.add_argument(
        "detector", metavar="DETECTOR", help="a run folder of `fpnc train`, or .safetensors"
    )
    command.add_argument("data", metavar="DATA", help="a COCO, Pascal VOC or YOLO data set")
    command.add_argument("--split", default="val", metavar="NAME", help="default: val")
    command.add_argument("--classes", metavar="FILE", help="names of the data set's classes")
    command.add_argument("--images", metavar="DIR", help="where the data set's images are")
    add_detector(command, score=0.001, score_flag="--score-threshold")
    command.add_argument("--json", action="store_true", help="print all figures as JSON")
    command.add_argument(
        "-o", "--output", metavar="FILE", help="write the detections in COCO's results format"
    )
    command.add_argument(
        "--pictures", metavar="DIR", help="write pictures of labels beside predictions"
    )
    command.add_argument(
        "--picture-count",
        type=counted(1_000_000),
        default=50,
        metavar="N",
        help="pictures at most (default: 50)",
    )
    command.add_argument(
        "--curves", metavar="FILE", help="draw precision over recall, .svg or .png"
    )
    command.set_defaults(run=_run, usage_error=command.error)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.codegen.files import check_target

    if parsed.curves and Path(parsed.curves).suffix.lower() not in (".svg", ".png"):
        parsed.usage_error(f"--curves {parsed.curves}: name a file that ends in .svg or .png")
    if importlib.util.find_spec("pycocotools") is None:
        report.trouble(f"scores need pycocotools{HELP}pip install 'fpnc[train]'")
        return
    for target in (parsed.output, parsed.curves):
        if target:
            check_target(Path(target))
    with reported(report):
        detector = opened(parsed)
        _evaluate(parsed, detector, _dataset(parsed, report), report)


def _dataset(parsed: argparse.Namespace, report: Report) -> "DataSet":
    """The data set; what was left out of it is told."""
    from fpncompiler.datasets.opening import open_dataset

    classes = Path(parsed.classes) if parsed.classes else None
    images = Path(parsed.images) if parsed.images else None
    found = open_dataset(Path(parsed.data), parsed.split, classes=classes, images=images)
    left_out = tell_left_out(found, parsed.data, report)
    if any(each.code in IMAGES_LOST for each in left_out):
        report.code = FINDINGS
    return found.dataset


def _evaluate(
    parsed: argparse.Namespace, detector: "Detector", dataset: "DataSet", report: Report
) -> None:
    from fpncompiler.evaluation.devices import device_of
    from fpncompiler.evaluation.running import evaluate

    with progress("image") as tell:
        evaluation, found = evaluate(
            detector,
            dataset,
            batch_size=parsed.batch_size,
            settings=settings_of(parsed),
            device=device_of(parsed.device),
            progress=tell,
        )
    _tell_skipped(evaluation, report)
    if parsed.json:
        print(json.dumps(_document(parsed, detector, dataset, evaluation), indent=2))
    else:
        _tell(detector, dataset, evaluation, report)
    _write(parsed, dataset, evaluation, found, report)


def _tell_skipped(evaluation: "Evaluation", report: Report) -> None:
    if not evaluation.skipped:
        return
    report.code = max(report.code, FINDINGS)
    for each in evaluation.skipped[:MOST_SHOWN]:
        report.aside(f"skipped {each.file}: {each.reason}")
    more = len(evaluation.skipped) - MOST_SHOWN
    if more > 0:
        report.aside(f"skipped {more} more")


def _tell(
    detector: "Detector", dataset: "DataSet", evaluation: "Evaluation", report: Report
) -> None:
    from fpncompiler.evaluation.texts import evaluation_lines

    height, width = detector.image_size
    report.say(
        f"{detector.code.name} at {height}x{width} on {dataset.name}, split {dataset.split}: "
        f"{evaluation.images} images, {evaluation.boxes} labels, {evaluation.detections} detections"
    )
    report.say("")
    for line in evaluation_lines(evaluation):
        report.say(line)


def _document(
    parsed: argparse.Namespace, detector: "Detector", dataset: "DataSet", evaluation: "Evaluation"
) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "detector": detector.code.name,
        "dataset": dataset.name,
        "split": dataset.split,
        "image_size": list(detector.image_size),
        "settings": asdict(settings_of(parsed)),
        **evaluation.as_dict(),
    }


def _write(
    parsed: argparse.Namespace,
    dataset: "DataSet",
    evaluation: "Evaluation",
    found: "dict[int, Found]",
    report: Report,
) -> None:
    from fpncompiler.codegen.files import put_file
    from fpncompiler.evaluation.curves import curves_of
    from fpncompiler.evaluation.pictures import write_pictures
    from fpncompiler.evaluation.results import results_of

    if parsed.output:
        text = json.dumps(results_of(found, dataset.category_ids))
        put_file(Path(parsed.output), text.encode(), replace=True)
        report.aside(f"wrote {parsed.output}")
    if parsed.pictures:
        files = write_pictures(Path(parsed.pictures), dataset, found, most=parsed.picture_count)
        report.aside(f"wrote {len(files)} pictures into {parsed.pictures}")
    if parsed.curves:
        data = curves_of(evaluation, Path(parsed.curves).suffix.lower()[1:])
        put_file(Path(parsed.curves), data, replace=True)
        report.aside(f"wrote {parsed.curves}")
