"""Predictions as one COCO document: images, categories, and annotations with a score."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fpncompiler.evaluation.detecting import Found
from fpncompiler.evaluation.results import entries


@dataclass(slots=True)
class Document:
    """Grows with each image; ids are 1, 2, ... in their order."""

    classes: Sequence[str]
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def add(self, file: str, size: tuple[int, int], found: Found, **more: float | None) -> None:
        """Add an image of `size` (height, width), and what was found in it.

        `more` are facts of a frame of a video.
        """
        number = len(self.images) + 1
        height, width = size
        self.images.append(
            {"id": number, "file_name": file, "width": width, "height": height, **more}
        )
        for entry in entries(found, range(1, len(self.classes) + 1)):
            _, _, wide, high = entry["bbox"]
            identity = {"id": len(self.annotations) + 1, "image_id": number}
            area = round(wide * high, 2)
            self.annotations.append({**identity, **entry, "area": area, "iscrowd": 0})

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "images": self.images,
            "annotations": self.annotations,
            "categories": [
                {"id": number, "name": name} for number, name in enumerate(self.classes, start=1)
            ],
        }
