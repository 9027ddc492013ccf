"""A detector made ready to run, and run on images of any size."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from fpncompiler.detectors.detector import Detector, DetectorError
from fpncompiler.evaluation.detecting import Detecting, Found, detect
from fpncompiler.evaluation.reading import Framed


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


def check_size(detector: Detector, size: tuple[int, int]) -> None:
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
