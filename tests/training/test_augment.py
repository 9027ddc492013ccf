"""Whatever happens to an image happens to its boxes."""

import dataclasses

import pytest
import torch

from fpncompiler.training.augment import Sample, augment, place
from fpncompiler.training.recipe import Recipe

STILL = Recipe(scale_min=1.0, scale_max=1.0, horizontal_flip=0.0)


def marked(height=60, width=90, box=(20, 10, 50, 30)):
    """A dark image with one bright box."""
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    x0, y0, x1, y1 = box
    image[:, y0:y1, x0:x1] = 255
    boxes = torch.tensor([box], dtype=torch.float32)
    return Sample(image, boxes, torch.tensor([1]), torch.tensor([False]))


def bright_box(image):
    """The box (x0, y0, x1, y1) of what is brighter than the padding."""
    rows, columns = (image[0] > 190).nonzero(as_tuple=True)
    if not len(rows):
        return None
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"horizontal_flip": 1.0},
        {"vertical_flip": 1.0},
        {"quarter_turn": 1.0},
        {"quarter_turn": 1.0, "vertical_flip": 0.5, "horizontal_flip": 0.5},
        {"scale_min": 0.5, "scale_max": 0.5},
        {"scale_min": 2.0, "scale_max": 2.0},
        {"scale_min": 0.4, "scale_max": 2.2, "colour": 0.0},
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_boxes_follow_the_image(changes, seed):
    torch.manual_seed(seed)
    recipe = dataclasses.replace(STILL, **changes, least_visible=0.0)
    after = augment(marked(), (96, 128), recipe)
    assert after.image.shape == (3, 96, 128)
    assert after.image.dtype == torch.uint8
    found = bright_box(after.image)
    if found is None:
        assert len(after.boxes) == 0 or (after.boxes[:, 2:] - after.boxes[:, :2]).min() < 2
        return
    torch.testing.assert_close(after.boxes[0], torch.tensor(found).float(), rtol=0, atol=1.6)


def test_colours_change_the_image_alone():
    torch.manual_seed(0)
    before = marked()
    before.image[:] += torch.randint(100, before.image.shape, dtype=torch.uint8) // 2
    same = place(before, (60, 90), 1.0)
    after = augment(before, (60, 90), dataclasses.replace(STILL, colour=1.0))
    assert torch.equal(after.boxes, same.boxes)
    assert not torch.equal(after.image, same.image)


def test_boxes_of_which_little_is_left_are_dropped():
    torch.manual_seed(0)
    sample = marked(64, 64, (0, 0, 64, 64))
    lost = [len(place(sample, (64, 64), 4.0, 0.5).boxes) for _ in range(10)]
    kept = [len(place(sample, (64, 64), 4.0, 0.01).boxes) for _ in range(10)]
    assert set(lost) == {0}
    assert set(kept) == {1}


def test_an_image_without_boxes_stays_without():
    empty = dataclasses.replace(
        marked(), boxes=torch.zeros(0, 4), labels=torch.zeros(0).long(), crowd=torch.zeros(0).bool()
    )
    after = augment(empty, (64, 64), Recipe(quarter_turn=1.0, colour=1.0))
    assert after.boxes.shape == (0, 4)
    assert after.labels.shape == (0,)


def test_everything_random_comes_from_torchs_generator():
    recipe = Recipe(quarter_turn=0.5, colour=0.5, vertical_flip=0.5)
    results = []
    for _ in range(2):
        torch.manual_seed(7)
        results.append(augment(marked(), (96, 96), recipe))
    assert torch.equal(results[0].image, results[1].image)
    assert torch.equal(results[0].boxes, results[1].boxes)
