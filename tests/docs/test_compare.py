"""The page about comparisons is kept: it shows what the commands print."""

import re
import shlex

import pytest

from fpncompiler.cli import main
from tests.conftest import ROOT

PAGE = (ROOT / "docs/compare.md").read_text()
SHOWN = re.findall(r"```\n\$ fpnc (.*?)\n(.*?)```", PAGE, re.DOTALL)
WRITTEN = re.findall(r"```\nfpnc (.*?)\n```", PAGE)


def takes_long(command):
    return "--measure" in command or "--train" in command


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_output_is_as_shown(project, capsys, command, output):
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == output


@pytest.mark.parametrize("command", [each for each in WRITTEN if not takes_long(each)])
def test_commands_run(project, capsys, command):
    assert main(shlex.split(command)) == 0, capsys.readouterr()


def test_the_file_of_figures_is_read(project, capsys):
    (figures,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (project / "mine.yaml").write_text(figures)
    assert main(["compare", "panet", "bifpn", "--against", "mine.yaml"]) == 0
    assert "Table 2:" in capsys.readouterr().out


def test_everything_shown_is_tried():
    assert len(SHOWN) == 3
    assert len(WRITTEN) == 5
