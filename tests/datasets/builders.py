"""Small data sets on the disk, in each layout."""

import json
import os
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
BCCD = Path(os.environ.get("FPNC_BCCD", ROOT.parent / "shared/data/bccd"))
CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 5, "name": "dog"}]


def picture(path: Path, size: tuple[int, int] = (64, 48), colour: str = "olive") -> Path:
    """An image with a shape in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).rectangle((5, 5, size[0] // 2, size[1] // 2), fill="navy")
    image.save(path)
    return path


def image(key=1, file="a.png", width=64, height=48) -> dict:
    return {"id": key, "file_name": file, "width": width, "height": height}


def annotation(key=1, of=1, category=1, bbox=(10, 20, 30, 10), **others) -> dict:
    return {"id": key, "image_id": of, "category_id": category, "bbox": [*bbox], **others}


def coco(folder: Path, images=None, annotations=None, categories=None, split="train") -> Path:
    """A COCO folder with a.png; its lists are as given."""
    picture(folder / "images/a.png")
    document = {
        "images": [image()] if images is None else images,
        "annotations": [annotation()] if annotations is None else annotations,
        "categories": CATEGORIES if categories is None else categories,
    }
    return write_json(folder / f"annotations/{split}.json", document).parents[1]


def write_json(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def box_xml(name="cat", box=(10, 20, 40, 30)) -> str:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in corners)
    return f"<object><name>{name}</name><bndbox>{inner}</bndbox></object>"


def annotation_xml(*objects: str, size=(64, 48), filename="a.png") -> str:
    sides = f"<width>{size[0]}</width><height>{size[1]}</height><depth>3</depth>"
    inner = "\n".join([f"<filename>{filename}</filename>", f"<size>{sides}</size>", *objects])
    return f"<annotation>\n{inner}\n</annotation>\n"


def voc(folder: Path, files=None, lists=None) -> Path:
    """A Pascal VOC folder; XML by name, and the names of each split."""
    files = {"a": annotation_xml(box_xml())} if files is None else files
    for name, text in files.items():
        write_text(folder / f"Annotations/{name}.xml", text)
        picture(folder / f"JPEGImages/{name}.png")
    for name, names in ({"train": ["a"]} if lists is None else lists).items():
        write_text(folder / f"ImageSets/Main/{name}.txt", "\n".join(names))
    return folder


def yolo(folder: Path, lines=None, settings=None, split="train") -> Path:
    """A YOLO folder; lines of labels by image."""
    lines = {"a": "0 0.5 0.5 0.25 0.25\n"} if lines is None else lines
    for name, text in lines.items():
        picture(folder / f"images/{split}/{name}.png")
        write_text(folder / f"labels/{split}/{name}.txt", text)
    text = f"{split}: images/{split}\nnames: [cat, dog]\n" if settings is None else settings
    write_text(folder / "data.yaml", text)
    return folder


def write_text(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def codes(opened) -> list[str]:
    """The codes of what was found, but notes."""
    return [each.code for each in opened.findings if each.severity != "note"]
