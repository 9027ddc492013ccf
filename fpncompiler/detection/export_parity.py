"""Whether an artefact gives what the model gives, on images that move its outputs."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from fpncompiler.detection.export_faults import running_fault
from fpncompiler.detection.export_formats import Artefact, listed
from fpncompiler.detection.export_postprocess import Detections, Segmentation

MATCHED = 0.98  # of detections: rounding may turn a choice between two that are nearly equal
SAME_LABELS = 0.999  # of pixels, for the same reason


def compare(
    wrapped: nn.Module,
    model: nn.Module,
    run: Artefact,
    samples: Sequence[tuple[int, int, int]],
    names: Sequence[str],
    tolerance: float,
    say: Callable[[str], None],
) -> bool:
    """Run the artefact and the model on noise of each batch, height and width, and print it all."""
    fits = True
    for batch, height, width in samples:
        images = torch.randn(batch, 3, height, width)
        say(f"  compared with PyTorch on {batch}x3x{height}x{width}:")
        try:
            got = run(images)
        except Exception as error:  # each runtime has faults of its own
            raise running_fault(error, images) from error
        with torch.no_grad():
            if isinstance(wrapped, Detections):
                good = _same_detections(wrapped, model, images, got, tolerance, say)
            elif isinstance(wrapped, Segmentation):
                good = _same_labels(model.segment(images), got[0], say)  # type: ignore[operator]
            else:
                good = _same_maps(listed(model(images)), got, names, tolerance, say)
                _say_liveness(model, images, tolerance, say)
        fits = fits and good
    return fits


def _same_maps(
    expected: list[Tensor],
    got: list[Tensor],
    names: Sequence[str],
    tolerance: float,
    say: Callable[[str], None],
) -> bool:
    """Print the largest difference of every output; relative ones are to its largest value."""
    fits = True
    for name, right, found in zip(names, expected, got, strict=True):
        if right.shape != found.shape:
            say(f"    {name}: {[*found.shape]}, not {[*right.shape]}")
            fits = False
            continue
        absolute = (right - found).abs().max().item()
        relative = absolute / max(right.abs().max().item(), 1e-12)
        good = relative <= tolerance  # and not NaN
        fault = "" if good else f", above {tolerance:g}"
        say(f"    {name}: off by {absolute:.1e}, relative {relative:.1e}{fault}")
        fits = fits and good
    return fits


def _say_liveness(
    model: nn.Module, images: Tensor, tolerance: float, say: Callable[[str], None]
) -> None:
    """Print how far another image moves the outputs: where none does, nothing was compared."""
    pairs = zip(listed(model(images)), listed(model(torch.randn_like(images))), strict=True)
    moves = min(((a - b).abs().max() / a.abs().max().clamp(min=1e-12)).item() for a, b in pairs)
    doubt = "" if moves > 10 * tolerance else ": too little for a comparison to mean much"
    say(f"    another image moves every output by {moves:.1e} of its largest value{doubt}")


def _same_detections(
    wrapped: Detections,
    model: nn.Module,
    images: Tensor,
    got: list[Tensor],
    tolerance: float,
    say: Callable[[str], None],
) -> bool:
    """Find for every detection of `detect` the one in the artefact's outputs that is the same."""
    expected = model.detect(  # type: ignore[operator]
        images,
        score_threshold=wrapped.score_threshold,
        iou_threshold=wrapped.iou_threshold,
        max_detections=wrapped.max_detections,
    )
    boxes, scores, labels, image = got
    total = matched = 0
    worst_score = worst_box = 0.0
    reach = tolerance * max(images.shape[-2:])  # pixels
    for index, right in enumerate(expected):
        own = image == index
        total += max(len(right["scores"]), int(own.sum()))
        for box, score, label in zip(
            *(right[k] for k in ("boxes", "scores", "labels")), strict=True
        ):
            same = own & (labels == label)
            score_off = (scores[same] - score).abs()
            box_off = (boxes[same] - box).abs().amax(dim=1)
            close = (score_off <= tolerance) & (box_off <= reach)
            if close.any():
                matched += 1
                worst_score = max(worst_score, score_off[close].min().item())
                worst_box = max(worst_box, box_off[close].min().item())
    say(
        f"    {matched} of {total} detections are the same: scores off by {worst_score:.1e}, "
        f"boxes by {worst_box:.1e} pixels"
    )
    if total == 0:
        say("    nothing was detected: give a lower --score-threshold to compare")
    return matched >= MATCHED * total


def _same_labels(expected: Tensor, got: Tensor, say: Callable[[str], None]) -> bool:
    """Print how many pixels have the same class."""
    if expected.shape != got.shape:
        say(f"    labels: {[*got.shape]}, not {[*expected.shape]}")
        return False
    share = (expected == got).double().mean().item()
    classes = len(set(expected.flatten().tolist()))
    say(f"    {share:.3%} of the labels are the same, of {classes} classes")
    return share >= SAME_LABELS
