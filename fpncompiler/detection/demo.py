"""Run a generated detector on one photo: `python -m fpncompiler.detection.demo --help`.

Its weights are random, so the boxes mean nothing: the demo shows that the detector runs from end to
end. Batch norms take their statistics from the photo, or no signal would pass a random network and
all boxes would fall on one spot.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from fpncompiler.datasets.images import ImageError, read_image
from fpncompiler.detection.pictures import draw_boxes, letterbox


def main(arguments: list[str] | None = None) -> int:
    """Detect on a photo, print the detections, write the picture; 2 if something is missing."""
    parsed = _parser().parse_args(arguments)
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(parsed.module)
        photo = read_image(parsed.photo)
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ImageError as error:
        print(f"error: {parsed.photo}: {error}", file=sys.stderr)
        return 2
    if not hasattr(module, "EfficientDet"):
        print(f"error: {parsed.module} has no EfficientDet: it detects nothing", file=sys.stderr)
        return 2
    torch.manual_seed(parsed.seed)
    model = module.EfficientDet().eval()
    image, scale = letterbox(photo, module.IMAGE_SIZE)
    set_norms(model, model.normalize(image))
    start = time.perf_counter()
    detections = model.detect(model.normalize(image), max_detections=parsed.most)[0]
    seconds = time.perf_counter() - start

    boxes, scores, labels = detections["boxes"] / scale, detections["scores"], detections["labels"]
    height, width = photo.shape[-2:]
    boxes = torch.stack([boxes[:, 0::2].clamp(0, width), boxes[:, 1::2].clamp(0, height)], -1)
    boxes = boxes.flatten(1)
    print(f"{parsed.module} on {parsed.photo}: {len(boxes)} boxes in {seconds:.1f} s")
    for box, score, label in zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True):
        x0, y0, x1, y1 = box
        print(f"  class {label:2d}  score {score:.3f}  box {x0:.0f},{y0:.0f} to {x1:.0f},{y1:.0f}")
    print("the model is untrained: these boxes show that it runs, and nothing else")
    captions = [f"class {label}" for label in labels.tolist()]
    parsed.out.parent.mkdir(parents=True, exist_ok=True)
    draw_boxes(photo, boxes, captions, note="untrained").save(parsed.out)
    print(f"wrote {parsed.out}")
    return 0


@torch.no_grad()
def set_norms(model: nn.Module, images: Tensor) -> None:
    """Take the running statistics of every batch norm from one forward pass."""
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Run a generated detector on one photo.")
    parser.add_argument("module", help="such as generated.bifpn_d3")
    parser.add_argument("photo", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/demo.png"))
    parser.add_argument("--most", type=int, default=10, help="boxes at most (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    return parser


if __name__ == "__main__":
    sys.exit(main())
