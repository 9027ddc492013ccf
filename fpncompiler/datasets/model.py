"""What a data set is, whatever layout it came in."""

from dataclasses import dataclass
from pathlib import Path

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels of the image


@dataclass(frozen=True, slots=True)
class Item:
    """One image and its labels; boxes have an area and lie inside the image."""

    image_id: int
    file: Path
    width: int  # pixels, as the image is seen: EXIF orientation applied
    height: int
    boxes: tuple[Box, ...] = ()
    labels: tuple[int, ...] = ()  # index into the data set's classes, for each box
    crowd: tuple[bool, ...] = ()  # whether a box stands for a group, as COCO's `iscrowd`


@dataclass(frozen=True, slots=True)
class DataSet:
    """One split of a data set: the images that can be used, in the order of the layout."""

    name: str
    split: str
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]  # COCO's id of each class; 1, 2, ... where the layout has none
    items: tuple[Item, ...]
