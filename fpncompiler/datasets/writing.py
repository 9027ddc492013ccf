"""Data sets written as COCO: JSON, and images beside it."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from fpncompiler.datasets.findings import DataError
from fpncompiler.datasets.model import DataSet, Item

HELP = "--force writes over what is there; nothing else is removed"


def as_coco(dataset: DataSet, names: Mapping[int, str], source: str) -> dict[str, object]:
    """COCO's document.

    Args:
        names: image id -> the name of its file, as the document is to have it.
        source: where the data are from, for people.
    """
    annotations: list[dict[str, object]] = []
    for item in dataset.items:
        for box, label, crowd in zip(item.boxes, item.labels, item.crowd, strict=True):
            x0, y0, x1, y1 = (_short(value) for value in box)
            annotation = {
                "id": len(annotations) + 1,
                "image_id": item.image_id,
                "category_id": dataset.category_ids[label],
                "bbox": [x0, y0, _short(x1 - x0), _short(y1 - y0)],
                "area": _short((x1 - x0) * (y1 - y0)),
                "iscrowd": int(crowd),
            }
            annotations.append(annotation)
    categories = zip(dataset.category_ids, dataset.classes, strict=True)
    return {
        "info": {"description": f"{dataset.name}, {dataset.split}", "source": source},
        "images": [_image(item, names[item.image_id]) for item in dataset.items],
        "annotations": annotations,
        "categories": [{"id": key, "name": name} for key, name in categories],
    }


def write_json(path: Path, document: Mapping[str, object]) -> None:
    """Write a document whole, or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}-{os.getpid()}.tmp")
    try:
        beside.write_text(json.dumps(document) + "\n", encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_document(dataset: DataSet, path: Path, *, force: bool) -> Path:
    """Write a split as one JSON file; images stay where they are.

    Returns:
        The folder that the names of the images are relative to.

    Raises:
        DataError: the file is there already.
        OSError: it cannot be written.
    """
    if path.exists() and not force:
        raise DataError(f"{path.as_posix()} is there already", HELP)
    files = [item.file.resolve() for item in dataset.items]
    folder = Path(os.path.commonpath([file.parent for file in files]))
    pairs = zip(dataset.items, files, strict=True)
    names = {item.image_id: file.relative_to(folder).as_posix() for item, file in pairs}
    write_json(path, as_coco(dataset, names, dataset.name))
    return folder


def write_folder(datasets: Iterable[DataSet], folder: Path, *, force: bool) -> tuple[Path, ...]:
    """Write splits as annotations/<split>.json, with copies of the images in images/<split>.

    Raises:
        DataError: the folder has something in it already.
        OSError: it cannot be written.
    """
    refuse_filled(folder, force=force)
    written = []
    for dataset in datasets:
        images = folder / "images" / dataset.split
        images.mkdir(parents=True, exist_ok=True)
        names = _file_names(dataset.items)
        for item in dataset.items:
            shutil.copyfile(item.file, images / names[item.image_id])
        path = folder / "annotations" / f"{dataset.split}.json"
        write_json(path, as_coco(dataset, names, dataset.name))
        written.append(path)
    return tuple(written)


def refuse_filled(folder: Path, *, force: bool) -> None:
    """See that a folder is free to be written into.

    Raises:
        DataError: it has something in it, or is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder.as_posix()} is no folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise DataError(f"{folder.as_posix()} has files in it already", HELP)


def _file_names(items: Iterable[Item]) -> dict[int, str]:
    """Image id -> the name of its file, with the id in it where two are called the same."""
    names: dict[int, str] = {}
    used: set[str] = set()
    for item in items:
        name = item.file.name
        if name.lower() in used:
            name = f"{item.file.stem}_{item.image_id}{item.file.suffix}"
        used.add(name.lower())
        names[item.image_id] = name
    return names


def _image(item: Item, name: str) -> dict[str, object]:
    return {"id": item.image_id, "file_name": name, "width": item.width, "height": item.height}


def _short(value: float) -> float:
    """A thousandth of a pixel is enough; whole numbers are written as such."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded
