"""The page about data sets shows what the commands print, and all that they can find."""

import re

import pytest

from fpncompiler.cli import main
from fpncompiler.datasets.decoding import MAX_PIXELS
from fpncompiler.datasets.findings import KINDS
from tests.conftest import ROOT
from tests.datasets.builders import BCCD
from tests.diagnostics.test_explanations import COMMAND, Terminal, blocks, is_shown

PAGE = (ROOT / "docs/data.md").read_text()


def test_every_finding_is_listed_with_its_severity():
    rows = re.findall(r"^\| (D\d+) \| (\w+) \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert rows == [(code, *map(str, kind)) for code, kind in KINDS.items()]


def test_limits_are_those_of_the_code():
    assert f"{MAX_PIXELS:,} pixels" in PAGE


@pytest.mark.parametrize("action", ["show", "check", "convert", "get"])
def test_every_command_is_listed(action, capsys):
    assert f"| `fpnc data {action} " in PAGE
    with pytest.raises(SystemExit):
        main(["data", action, "--help"])
    assert capsys.readouterr().out


@pytest.mark.skipif(not BCCD.is_dir(), reason="BCCD is not at ../shared/data/bccd")
def test_the_page_shows_what_is_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bccd").symlink_to(BCCD)
    (tmp_path / "build").mkdir()
    terminal = Terminal(tmp_path)
    for block in blocks(PAGE):
        if block.language == "console":
            for command, shown in COMMAND.findall(block.text):
                printed = terminal.run(command)
                assert is_shown(shown, printed), f"$ {command}\n{printed}"
    assert (tmp_path / "build/val.json").is_file()


@pytest.mark.skipif(not BCCD.is_dir(), reason="BCCD is not at ../shared/data/bccd")
def test_the_example_in_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bccd").symlink_to(BCCD)
    (block,) = (block for block in blocks(PAGE) if block.language == "python")
    exec(block.text, {})
    out = capsys.readouterr().out
    assert out.startswith("Pascal VOC ('Platelets', 'RBC', 'WBC') 205\nD903 bccd/Annotations/")
    assert "BloodImage_00001.jpg 640 480" in out
