"""What commands that run a detector have in common: its options, and how it is opened."""

import argparse
import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.report import HELP, Report

if TYPE_CHECKING:
    from fpncompiler.datasets.findings import Finding, Opened
    from fpncompiler.detectors.detector import Detector
    from fpncompiler.evaluation.detecting import Detecting

LARGEST_SIDE = 8192
MOST_DETECTIONS, MOST_IN_A_BATCH = 10_000, 4096


def add_detector(command: argparse.ArgumentParser, *, score: float, score_flag: str) -> None:
    """Options of a detector that runs."""
    command.add_argument(
        "--model", metavar="FILE", help="generated code, where it is not beside the weights"
    )
    command.add_argument(
        "--nms",
        choices=("hard", "soft"),
        default="hard",
        help="suppression of boxes that overlap a better one (default: hard)",
    )
    command.add_argument(
        "--iou-threshold",
        type=fraction,
        default=0.5,
        metavar="X",
        help="overlap that hard suppression does not allow (default: 0.5)",
    )
    command.add_argument(
        score_flag,
        dest="score",
        type=fraction,
        default=score,
        metavar="X",
        help=f"least score of a detection (default: {score:g})",
    )
    command.add_argument(
        "--max-detections",
        type=counted(MOST_DETECTIONS),
        default=100,
        metavar="N",
        help="an image (default: 100)",
    )
    command.add_argument(
        "--image-size",
        type=image_size,
        metavar="N|HxW",
        help="frame that images are scaled into, in pixels (default: that of training)",
    )
    command.add_argument(
        "--batch-size",
        type=counted(MOST_IN_A_BATCH),
        default=8,
        metavar="N",
        help="images at once (default: 8)",
    )
    command.add_argument(
        "--device", default="auto", metavar="NAME", help="auto (default), cpu, cuda:0, mps"
    )


def settings_of(parsed: argparse.Namespace) -> "Detecting":
    """How detections are chosen."""
    from fpncompiler.evaluation.detecting import Detecting

    return Detecting(
        nms=parsed.nms,
        iou_threshold=parsed.iou_threshold,
        score_threshold=parsed.score,
        max_detections=parsed.max_detections,
    )


def opened(parsed: argparse.Namespace) -> "Detector":
    """The detector that is named; it takes images of the size that is asked for.

    Raises:
        DetectorError: there is none.
    """
    from dataclasses import replace

    from fpncompiler.detectors.checkpoints import open_detector
    from fpncompiler.detectors.code import code_of_file
    from fpncompiler.evaluation.ready import check_size

    code = code_of_file(Path(parsed.model)) if parsed.model else None
    detector = open_detector(Path(parsed.detector), code)
    if parsed.image_size in (None, detector.image_size):
        return detector
    check_size(detector, parsed.image_size)
    return replace(detector, image_size=parsed.image_size)


def tell_left_out(found: "Opened", data: str, report: Report) -> "list[Finding]":
    """Say what of a data set was left out because it is wrong; returns all of it."""
    left_out = [each for each in found.findings if each.severity == "error"]
    if left_out:
        help = f"{HELP}`fpnc data check {data}` lists all"
        first = f"{left_out[0].file}: {left_out[0].title}: {left_out[0].message}"
        count = f"{len(left_out)} faults, the first in" if len(left_out) > 1 else "a fault in"
        report.aside(f"warning: the split {found.dataset.split} has {count} {first}{help}")
    return left_out


@contextlib.contextmanager
def reported(report: Report) -> Iterator[None]:
    """A device without enough memory becomes trouble."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError:
        help = "a smaller --batch-size or --image-size, or --device cpu"
        report.trouble(f"the device has not enough memory{HELP}{help}")


@contextlib.contextmanager
def progress(unit: str) -> Iterator[Callable[[int, int], None]]:
    """What is told how many are done, and of how many; a bar on a terminal, if tqdm is there."""
    bar = None
    if sys.stderr.isatty():
        with contextlib.suppress(ImportError):
            from tqdm import tqdm

            bar = tqdm(unit=unit, leave=False, dynamic_ncols=True)

    def tell(done: int, total: int) -> None:
        if bar is not None:
            bar.total = total or None
            bar.update(done - bar.n)

    try:
        yield tell
    finally:
        if bar is not None:
            bar.close()


def image_size(text: str) -> tuple[int, int]:
    """`512` is a square, `512x640` a height and a width."""
    found = re.fullmatch(r"([1-9]\d{0,3})(?:x([1-9]\d{0,3}))?", text, re.ASCII)
    size = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not found or max(size) > LARGEST_SIDE:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size up to {LARGEST_SIDE}: write 512, or HEIGHTxWIDTH as 512x640"
        )
    return size


def counted(most: int) -> Callable[[str], int]:
    """A reader of whole numbers from 1 to `most`."""

    def count(text: str) -> int:
        if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII) or int(text) > most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {most}")
        return int(text)

    return count


def fraction(text: str) -> float:
    """A number in 0..1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number in 0..1")
    return value
