import io

import pytest
import torch
from PIL import Image

from fpncompiler.detection.labelling import PALETTE, Label, beside, encoded, labelled, short


def grey(height=120, width=160):
    return torch.full((3, height, width), 128, dtype=torch.uint8)


def colours(picture):
    return {"#{:02x}{:02x}{:02x}".format(*colour) for _, colour in picture.getcolors(1 << 20)}


def test_each_class_has_its_colour():
    labels = [Label((10, 40, 50, 90), "cell 0.90", 0), Label((80, 40, 140, 90), "tree 0.80", 1)]
    assert {PALETTE[0], PALETTE[1]} <= colours(labelled(grey(), labels))


def test_captions_of_boxes_in_one_place_stand_apart():
    one = labelled(grey(), [Label((40, 50, 90, 90), "cell", 0)])
    two = labelled(grey(), [Label((40, 50, 90, 90), "cell", 0), Label((41, 51, 90, 90), "tree", 1)])

    def area(picture, colour):
        counts = {"#{:02x}{:02x}{:02x}".format(*c): n for n, c in picture.getcolors(1 << 20)}
        return counts.get(colour, 0)

    assert area(two, PALETTE[1]) > 300  # the ground of its caption is not hidden
    assert area(one, PALETTE[0]) > 300


@pytest.mark.parametrize("size", [(1, 1), (4, 200), (200, 4), (16, 16)])
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (-9, -9, 999, 999), (5, 5, 5, 5), (9, 9, 2, 2)])
def test_boxes_and_pictures_of_all_sizes_are_drawn(size, box):
    picture = labelled(grey(*size), [Label(box, "a class with a long name 0.99", 11)])
    assert picture.size == (size[1], size[0])


def test_captions_are_one_line_of_what_can_be_printed():
    assert short("a\nb\x1b[31m\tc") == "a b [31m c"
    assert len(short("x" * 500)) == 40
    labelled(grey(), [Label((1, 1, 9, 9), "ä 猫 \n\x00", 0)])


def test_pictures_stand_side_by_side():
    sheet = beside([Image.new("RGB", (100, 60)), Image.new("RGB", (100, 60))], ["x" * 999, ""])
    assert sheet.width > 200
    assert sheet.height > 60
    with Image.open(io.BytesIO(encoded(sheet))) as read:
        assert read.size == sheet.size
