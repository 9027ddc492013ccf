"""Detections of images of any size, in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fpncompiler.detectors.detector import Detector
from fpncompiler.evaluation.detecting import Detecting, Found
from fpncompiler.evaluation.reading import WORKERS, Framed, Skipped, batches, read_ahead
from fpncompiler.evaluation.ready import detect_framed
from fpncompiler.prediction.sources import Source


@dataclass(frozen=True, slots=True)
class Using:
    """A detector that is ready, and how it is used.

    `wanted` are indices of classes; all if empty. Images are scaled into the detector's size.
    """

    detector: Detector
    settings: Detecting
    batch_size: int = 8
    device: str = "cpu"
    wanted: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Predicted:
    """An image uint8 [3, H, W] and what was found, boxes in its pixels."""

    source: Source
    image: Tensor
    found: Found


def predicted(using: Using, sources: Sequence[Source]) -> Iterator[Predicted | Skipped]:
    """Detect on images, in their order; those that cannot be read are skipped."""
    size = using.detector.image_size
    ahead = using.batch_size + WORKERS
    for batch in batches(read_ahead(sources, _file, size, ahead, keep=True), using.batch_size):
        good = [each.framed for each in batch if each.framed is not None]
        results = iter(found_in(using, good))
        for each in batch:
            if each.framed is None:
                yield Skipped(each.asked.file.as_posix(), each.reason)
            else:
                assert each.framed.image is not None
                yield Predicted(each.asked, each.framed.image, next(results))


def _file(source: Source) -> Path:
    return source.file


def found_in(using: Using, images: Sequence[Framed]) -> list[Found]:
    """What is in framed images, of the classes that are wanted."""
    results = detect_framed(using.detector, images, using.settings, using.device)
    return [only(result, using.wanted) for result in results]


def only(found: Found, wanted: frozenset[int]) -> Found:
    """Detections of some classes; all if none are named."""
    if not wanted:
        return found
    kept = torch.isin(found["labels"], torch.tensor(sorted(wanted)))
    return {key: value[kept] for key, value in found.items()}
