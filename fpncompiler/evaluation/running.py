"""A detector run on the images of a data set, and scored."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from fpncompiler.datasets.model import DataSet, Item
from fpncompiler.detectors.detector import Detector, DetectorError
from fpncompiler.evaluation.classes import matched
from fpncompiler.evaluation.coco import Evaluation, Skipped, score
from fpncompiler.evaluation.detecting import Detecting, Found, detect
from fpncompiler.evaluation.reading import Framed, Read, batches, read_ahead

SETTINGS = Detecting()
Size = tuple[int, int]


def evaluate(
    detector: Detector,
    dataset: DataSet,
    *,
    image_size: Size | None = None,
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


@contextmanager
def running(
    detector: Detector, device: str | torch.device = "cpu", *, fuse: bool = True
) -> Iterator[Detector]:
    """A detector that is ready to run on a device, with a fused copy of its model if it has one.

    Otherwise its own model is moved there, and each part has its own mode again afterwards.
    """
    fused = _fused(detector.model) if fuse else None
    if fused is not None:
        yield replace(detector, model=fused.to(device))
        return
    modes = [(part, part.training) for part in detector.model.modules()]
    detector.model.to(device)
    detector.model.eval()
    try:
        yield detector
    finally:
        for part, is_training in modes:
            part.training = is_training


def _fused(model: nn.Module) -> nn.Module | None:
    """None if the model is the inference form already, or its backbone cannot be folded."""
    if not hasattr(model, "fuse_for_inference"):
        return None
    devices = {weight.device for weight in model.parameters() if weight.device.type == "cuda"}
    with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng([*devices]):
        try:
            fused: nn.Module = model.fuse_for_inference()  # type: ignore[operator]
        except RuntimeError:
            return None
    return fused


def check_size(detector: Detector, size: Size) -> None:
    """Run a detector on an empty image (height, width), for not all sizes suit all detectors.

    Raises:
        DetectorError: this one does not; the message names one that does.
    """
    try:
        with torch.inference_mode():
            detector.model(torch.zeros(1, 3, *size))
    except ValueError as error:
        raise DetectorError(str(error), "another --image-size") from error


def detect_framed(
    detector: Detector,
    images: Sequence[Framed],
    settings: Detecting,
    device: str | torch.device = "cpu",
) -> list[Found]:
    """What is in framed images: on the CPU, in pixels of the images, clipped to them."""
    if not images:
        return []
    frames = torch.stack([image.frame for image in images]).to(device)
    normalized: Tensor = detector.model.normalize(frames)  # type: ignore[operator]
    results = detect(detector, normalized, settings)
    return [
        unframed({key: value.cpu() for key, value in result.items()}, image)
        for result, image in zip(results, images, strict=True)
    ]


def unframed(found: Found, image: Framed) -> Found:
    """Detections in a frame, in pixels of the image; those that lie beside it are dropped."""
    boxes = found["boxes"] / image.scale
    x = boxes[:, 0::2].clamp(0, image.width)
    y = boxes[:, 1::2].clamp(0, image.height)
    inside = (x[:, 1] > x[:, 0]) & (y[:, 1] > y[:, 0])
    clipped = torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], -1)
    return {
        "boxes": clipped[inside],
        "scores": found["scores"][inside],
        "labels": found["labels"][inside],
    }


def relabelled(found: Found, labels: Tensor) -> Found:
    """Detections with other labels, by a table [C] int64; those with -1 are dropped."""
    wanted = labels[found["labels"]]
    kept = wanted >= 0
    return {
        "boxes": found["boxes"][kept],
        "scores": found["scores"][kept],
        "labels": wanted[kept],
    }
