"""A detector and pictures that are small enough for tests."""

from dataclasses import replace
from functools import cache

import torch
from PIL import Image, ImageDraw

from fpncompiler.datasets.model import DataSet, Item
from fpncompiler.detectors.code import build, code_of_spec
from fpncompiler.options import Options

SIZE = (128, 128)
CLASSES = ("cell", "tree")


@cache
def tiny_code():
    code = code_of_spec("bifpn", Options(variant="lite0"))
    backbone = 'BACKBONE = "tf_efficientnet_lite0"'
    assert backbone in code.source
    return replace(code, source=code.source.replace(backbone, 'BACKBONE = "test_efficientnet"'))


def tiny_detector(classes=CLASSES, size=SIZE, *, seed=0):
    """Random weights; its class head is biased so that it finds something."""
    torch.manual_seed(seed)
    detector = build(tiny_code(), classes, size)
    with torch.no_grad():
        for name, weight in detector.model.class_head.named_parameters():
            if name.endswith("predict.pointwise.weight"):
                weight.mul_(20)
    detector.model.eval()
    return detector


def draw_picture(file, width, height, *boxes):
    """A photo of dark boxes on a bright ground."""
    image = Image.new("RGB", (width, height), "beige")
    draw = ImageDraw.Draw(image)
    for box in boxes:
        draw.rectangle(box, fill="darkred", outline="black")
    image.save(file)


def tiny_dataset(folder, sizes=((100, 80), (64, 120), (128, 128)), classes=CLASSES):
    """An image a size, each with a box of every class."""
    items = []
    for i, (width, height) in enumerate(sizes):
        boxes = tuple(
            (4.0 + 20 * k, 6.0, 4.0 + 20 * k + 16, height - 10.0) for k in range(len(classes))
        )
        file = folder / f"{i}.png"
        draw_picture(file, width, height, *boxes)
        labels = tuple(range(len(classes)))
        items.append(Item(i + 1, file, width, height, boxes, labels, (False,) * len(boxes)))
    ids = tuple(range(1, len(classes) + 1))
    return DataSet("tiny", "val", classes, ids, tuple(items))
