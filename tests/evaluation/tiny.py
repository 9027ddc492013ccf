"""A detector and pictures that are small enough for tests."""

import json
from dataclasses import replace
from functools import cache

import torch
from PIL import Image, ImageDraw

from fpncompiler.datasets.model import DataSet, Item
from fpncompiler.detection.demo import set_norms
from fpncompiler.detectors.checkpoints import save_detector
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
    """Random weights, with statistics of noise and logits spread so that it finds something."""
    torch.manual_seed(seed)
    detector = build(tiny_code(), classes, size)
    detector.model.eval()
    set_norms(detector.model, detector.model.normalize(torch.rand(2, 3, *size)))
    with torch.no_grad():
        logits = torch.cat([x.flatten() for x in detector.model(torch.randn(1, 3, *size))[0]])
        for name, weight in detector.model.class_head.named_parameters():
            if name.endswith("predict.pointwise.weight"):
                weight.mul_(2.5 / logits.std())
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


def save_run(folder, classes=CLASSES):
    """A run folder with the tiny detector's weights and code."""
    detector = tiny_detector(classes)
    save_detector(folder / "best.safetensors", detector, detector.model.state_dict())
    (folder / "model.py").write_text(detector.code.source)
    return folder


def write_coco(folder, dataset):
    """A data set of tests as COCO's JSON beside its images."""
    rows = [
        (item.image_id, label, box)
        for item in dataset.items
        for label, box in zip(item.labels, item.boxes, strict=True)
    ]
    document = {
        "images": [
            {"id": i.image_id, "file_name": i.file.name, "width": i.width, "height": i.height}
            for i in dataset.items
        ],
        "categories": [
            {"id": i, "name": name}
            for i, name in zip(dataset.category_ids, dataset.classes, strict=True)
        ],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": dataset.category_ids[label],
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": (x1 - x0) * (y1 - y0),
                "iscrowd": 0,
            }
            for number, (image, label, (x0, y0, x1, y1)) in enumerate(rows, start=1)
        ],
    }
    file = folder / "val.json"
    file.write_text(json.dumps(document))
    return file
