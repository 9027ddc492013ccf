"""What commands that train have in common."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpncompiler.cli.report import HELP, Report

if TYPE_CHECKING:
    from fpncompiler.datasets.model import DataSet

NEEDED = ("accelerate", "pycocotools", "matplotlib")


def are_installed(report: Report) -> bool:
    """Whether what training needs is there; if not, it is told how to get it."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        report.trouble(f"training needs {', '.join(missing)}{HELP}pip install 'fpnc[train]'")
    return not missing


def open_splits(source: dict[str, Any], report: Report) -> "tuple[DataSet, DataSet | None]":
    """The splits to train and to evaluate on; what of them cannot be used is told."""
    from fpncompiler.cli.detecting import tell_left_out
    from fpncompiler.datasets.opening import open_dataset

    path, opened = Path(source["path"]), []
    for name in (source["train"], source["val"]):
        if name == "none":
            continue
        found = open_dataset(path, name)
        tell_left_out(found, source["path"], report)
        opened.append(found.dataset)
    return opened[0], opened[1] if len(opened) > 1 else None
