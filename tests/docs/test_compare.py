"""The page about comparisons is kept: it shows what the commands print."""

import re
import shlex

import pytest

from fpncompiler.cli import main
from fpncompiler.datasets.writing import write_folder
from tests.conftest import ROOT
from tests.training.small import small_data

PAGE = (ROOT / "docs/compare.md").read_text()
SHOWN = re.findall(r"```\n\$ fpnc (.*?)\n(.*?)```", PAGE, re.DOTALL)
WRITTEN = re.findall(r"```\nfpnc (.*?)\n```", PAGE)


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_output_is_as_shown(project, capsys, command, output):
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == output


@pytest.mark.parametrize(
    "command", [each for each in WRITTEN if "--measure" not in each and "--train" not in each]
)
def test_commands_run(project, capsys, command):
    assert main(shlex.split(command)) == 0, capsys.readouterr()


def test_the_bake_off_runs(project, capsys):
    """On few images of a small size; with one seed, and two topologies."""
    splits = [small_data(project / "drawn", 4, name) for name in ("train", "val")]
    write_folder(splits, project / "data/trees", force=False)
    (command,) = [each for each in WRITTEN if "--train" in each and "--ray" not in each]
    smaller = {"panet": "", "--epochs 12": "--epochs 1", "0..2": "0", "384": "128"}
    for old, new in smaller.items():
        assert old in command
        command = command.replace(old, new)
    words = [*shlex.split(command), "--set", "workers=0", "--set", "backbone_weights=none"]
    assert main([*words, "--batch-size", "4"]) == 0, capsys.readouterr()
    assert "AP less the baseline's" in capsys.readouterr().out


def test_the_file_of_figures_is_read(project, capsys):
    (figures,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (project / "mine.yaml").write_text(figures)
    assert main(["compare", "panet", "bifpn", "--against", "mine.yaml"]) == 0
    assert "Table 2:" in capsys.readouterr().out


def test_everything_shown_is_tried():
    assert len(SHOWN) == 3
    assert len(WRITTEN) == 5
