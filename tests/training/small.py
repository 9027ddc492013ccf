"""Runs that take seconds: a tiny detector, some drawn images."""

import torch

from fpncompiler.datasets.model import DataSet, Item
from fpncompiler.training.progress import Silent
from fpncompiler.training.recipe import Recipe
from fpncompiler.training.run_folder import config_of, fill_run
from fpncompiler.training.session import Plan
from tests.evaluation.tiny import CLASSES, draw_picture, tiny_code

RECIPE = Recipe(
    epochs=2,
    batch_size=4,
    image_size=128,
    workers=0,
    backbone_weights="none",
    learning_rate=1e-3,
    evaluate_every=0,
)


def small_data(folder, count=10, split="train"):
    """Images of 0 to 4 boxes in two sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(sum(map(ord, split)))
    items = []
    for number in range(count):
        boxes = []
        for _ in range(number % 5):
            x, y, w, h = (int(torch.randint(8, 60, (), generator=generator)) for _ in range(4))
            boxes.append((x, y, x + w, y + h))
        width, height = (160, 128) if number % 2 else (120, 130)
        file = folder / f"{split}{number}.png"
        draw_picture(file, width, height, *boxes, (0, 0, 1 + number, len(split)))
        labels = tuple(i % 2 for i in range(len(boxes)))
        boxes = tuple(tuple(map(float, box)) for box in boxes)
        crowd = (False,) * len(boxes)
        items.append(Item(number + 1, file, width, height, boxes, labels, crowd))
    return DataSet("small", split, CLASSES, (1, 2), tuple(items))


def small_plan(folder, recipe=RECIPE, *, data=None, validation=None, code=None):
    """A run in a folder, its images beside it."""
    code = code or tiny_code()  # without random depth, which would differ between processes
    data = data or small_data(folder.parent / "images")
    folder.mkdir(parents=True, exist_ok=True)
    run = fill_run(folder, config_of(code, {"path": "images"}, recipe, {}), code)
    return Plan(code, data, validation, recipe, run, "cpu")


class Recorder(Silent):
    """Keeps what it is told."""

    def __init__(self, then=None):
        self.steps, self.notes, self.epochs, self.started = [], [], [], []
        self.then = then

    def on_start(self, done, steps):
        self.started.append((done, steps))

    def on_step(self, step):
        self.steps.append(step)
        if self.then:
            self.then(step)

    def on_note(self, text):
        self.notes.append(text)

    def on_epoch(self, epoch):
        self.epochs.append(epoch)
