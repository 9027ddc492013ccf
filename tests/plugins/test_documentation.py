"""`docs/plugins.md` shows the example plug-in as it is."""

import re
from pathlib import Path

import pytest
import torch

EXAMPLE = Path(__file__).parent / "example_plugin"
DOCUMENT = (Path(__file__).parents[2] / "docs/plugins.md").read_text()
FILES = ["pyproject.toml", "fpnc_shuffle/__init__.py", "fpnc_shuffle/modules.py"]


def fences(language):
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("file", FILES)
def test_document_holds_the_file(file):
    text = (EXAMPLE / file).read_text()
    shown = fences("toml" if file.endswith("toml") else "python")
    assert any(part.removeprefix(f"# {file}\n") == text for part in shown)


def test_metadata_of_the_installation_is_that_of_the_project():
    project = (EXAMPLE / "pyproject.toml").read_text()
    installed = (EXAMPLE / "fpnc_shuffle-1.0.dist-info/entry_points.txt").read_text()
    group, name, value = re.search(
        r'\[project.entry-points."(.+)"\]\n(\w+) = "(.+)"', project
    ).groups()
    assert installed == f"[{group}]\n{name} = {value}\n"


def test_comparison_of_costs_runs(example_plugin):
    from fpnc_shuffle import shuffle_block
    from fpnc_shuffle.modules import ShuffleBlock

    names = {"torch": torch, "ShuffleBlock": ShuffleBlock, "shuffle_block": shuffle_block}
    exec(fences("python")[-1], names)
    assert names["macs"] > 0
