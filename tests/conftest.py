import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Nothing here may reach the network; timm asks its hub for weights only when told to.
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture
def one_thread():
    """One thread of torch's, so that sums have one order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty folder as the working directory, with the shipped specs in `specs/`."""
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)
    return tmp_path
