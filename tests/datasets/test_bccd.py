"""The blood cells of BCCD: real data, with its two boxes of no area."""

import pytest

from fpncompiler.datasets.leaks import leaks
from fpncompiler.datasets.opening import open_dataset
from fpncompiler.datasets.statistics import statistics_of
from tests.datasets.builders import BCCD

pytestmark = pytest.mark.skipif(
    not BCCD.is_dir(), reason="BCCD is no part of the repository, and is not at ../shared/data/bccd"
)


@pytest.mark.parametrize(
    ("split", "images", "counts", "dirty"),
    [
        ("train", 205, {"RBC": 2381, "WBC": 214, "Platelets": 209}, "BloodImage_00343.xml"),
        ("val", 87, {"RBC": 967, "WBC": 87, "Platelets": 83}, "BloodImage_00338.xml"),
    ],
)
def test_images_boxes_and_what_is_wrong(split, images, counts, dirty):
    opened = open_dataset(BCCD, split, verify=True)
    figures = statistics_of(opened.dataset)
    assert opened.layout == "Pascal VOC"
    assert figures.images == images
    assert {each.name: each.boxes for each in figures.classes} == counts
    (finding,) = opened.findings
    assert (finding.code, finding.line > 0) == ("D903", True)
    assert finding.file.endswith(dirty)
    assert figures.small + figures.medium + figures.large == figures.boxes
    assert (figures.image_width.low, figures.image_height.high) == (640, 480)


def test_splits_share_no_image():
    splits = [open_dataset(BCCD, split).dataset for split in ("train", "val")]
    assert leaks(splits, by_content=True) == ()
