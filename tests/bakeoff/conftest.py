"""A small data set, and a command that trains on it in seconds."""

import pytest
import torch

from fpncompiler.cli import main
from fpncompiler.datasets.writing import write_folder
from tests.training.small import small_data

SETTINGS = ["--epochs", "1", "--image-size", "128", "--batch-size", "3", "--variant", "lite0"]
QUICK = [*SETTINGS, "--set", "workers=0", "--set", "backbone_weights=none"]
SMALL = ["--backbone", "mobilenetv2_035"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with a data set: six images to train on, three to evaluate on."""
    monkeypatch.chdir(tmp_path)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    splits = [small_data(tmp_path / "images", 6), small_data(tmp_path / "images", 3, "val")]
    write_folder(splits, tmp_path / "data", force=False)
    yield tmp_path
    torch.set_num_threads(before)


def bake(*words):
    """`fpnc compare --train`; its exit code."""
    return main(["compare", *SMALL, *QUICK, "--train", "data", "--runs", "runs", *words])
