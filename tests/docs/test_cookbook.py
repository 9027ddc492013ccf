"""The cookbook is kept: its specs, run in order, print what it shows and cost what it says."""

import re
import textwrap

from fpncompiler import compile_spec
from fpncompiler.cli import main
from tests.conftest import ROOT

PAGE = (ROOT / "docs/cookbook.md").read_text()
STEP = re.compile(
    r"```yaml\n# (specs/\w+\.yaml)\n(.*?)```\n\n```\n\$ fpnc (.*?)\n(.*?)```", re.DOTALL
)
STEPS = STEP.findall(PAGE)
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([\d,]+) \| ([\d.]+) G \|$", re.MULTILINE)


def test_ten_steps_print_what_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    assert len(STEPS) == PAGE.count("\n## ") - 1 == 10
    for path, spec, command, output in STEPS:
        (tmp_path / path).write_text(spec)
        assert main(command.split()) == 0
        assert capsys.readouterr().out == output


def test_lines_of_the_generated_files_are_in_them(tmp_path):
    (tmp_path / "specs").mkdir()
    sections = PAGE.split("\n## ")[1:]
    shown = 0
    for (path, spec, _, _), section in zip(STEPS, sections, strict=False):
        (tmp_path / path).write_text(spec)
        source = compile_spec(tmp_path / path, 0).source
        for code in CODE.findall(section):
            assert textwrap.indent(code, " " * 8) in source, path
            shown += 1
    assert shown == PAGE.count("```python") >= 8


def test_the_costs_at_the_end_are_theirs(tmp_path):
    (tmp_path / "specs").mkdir()
    rows = ROW.findall(PAGE)
    assert len(rows) == len(STEPS)
    for (path, spec, _, _), (_, title, parameters, macs) in zip(STEPS, rows, strict=True):
        (tmp_path / path).write_text(spec)
        compiled = compile_spec(tmp_path / path, 0)
        assert compiled.topology.title == title
        assert f"{compiled.cost.network.parameters:,}" == parameters
        assert f"{compiled.cost.network.macs / 1e9:.3f}" == macs
