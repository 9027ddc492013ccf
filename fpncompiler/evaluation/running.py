"""A detector run on the images of a data set, and scored."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from fpncompiler.datasets.model import DataSet, Item
from fpncompiler.detectors.detector import Detector
from fpncompiler.evaluation.classes import matched
from fpncompiler.evaluation.coco import Evaluation, score
from fpncompiler.evaluation.detecting import Detecting, Found
from fpncompiler.evaluation.reading import Read, Skipped, batches, read_ahead
from fpncompiler.evaluation.ready import detect_framed, relabelled, running

SETTINGS = Detecting()


def evaluate(
    detector: Detector,
    dataset: DataSet,
    *,
    image_size: tuple[int, int] | None = None,
    batch_size: int = 8,
    settings: Detecting = SETTINGS,
    device: str | torch.device = "cpu",
    fuse: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Evaluation, dict[int, Found]]:
    """Detect on all images of a data set, and score what was found.

    Args:
        image_size: (height, width) of the frame that images are scaled into, their aspect kept; the
            detector's own if None.
        device: where the model runs.
        fuse: run the model's inference form, a copy, which gives the same within rounding in about
            half the time; models without one, or that cannot be folded, run as they are.
        progress: told after each batch how many images are done, and of how many.

    Returns:
        The scores, and by image id what was found on the CPU: boxes in pixels of the image, clipped
        to it, labels those of the data set.

    Raises:
        ClassesDifferError: the detector does not know a class of the data set.
    """
    labels = torch.tensor(matched(detector.classes, dataset.classes), dtype=torch.int64)
    found: dict[int, Found] = {}
    skipped: list[Skipped] = []
    done, total = 0, len(dataset.items)
    reads = read_ahead(dataset.items, _file, image_size or detector.image_size, 3 * batch_size)
    with running(detector, device, fuse=fuse) as ready:
        for batch in batches(reads, batch_size):
            good = [(each.asked, each.framed) for each in batch if each.framed is not None]
            skipped += [_skipped(each) for each in batch if each.framed is None]
            results = detect_framed(ready, [frame for _, frame in good], settings, device)
            for (item, _), result in zip(good, results, strict=True):
                found[item.image_id] = relabelled(result, labels)
            done += len(batch)
            if progress:
                progress(done, total)
    items = tuple(item for item in dataset.items if item.image_id in found)
    return score(found, replace(dataset, items=items), tuple(skipped)), found


def _file(item: Item) -> Path:
    return item.file


def _skipped(read: Read[Item]) -> Skipped:
    return Skipped(read.asked.file.as_posix(), read.reason)
