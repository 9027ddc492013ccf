"""The page about graphs as text: its graphs read back, its commands print what it shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fpncompiler.ir.defaults import Defaults
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.text import print_item, step_text
from fpncompiler.passes import PASSES, TRACED
from tests.helpers import ROOT
from tests.ir.texts import contents, read

PAGE = (ROOT / "docs/ir.md").read_text()
TEXTS = re.findall(r"^```ir\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", TEXTS)
def test_a_graph_of_the_page_reads_back(text):
    (item,) = read(text)
    (again,) = read(print_item(item))
    assert contents(again) == contents(item)


@pytest.mark.parametrize(("command", "expected"), COMMANDS)
def test_a_command_of_the_page_prints_what_it_shows(command, expected, tmp_path):
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    commands = Path(sys.executable).parent.as_posix()
    environment = os.environ | {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    found = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert found.stdout.strip() == expected.strip()


def test_every_pass_has_its_row():
    rows = re.search(r"\| pass \| what it leaves \|\n(.*?)\n\n", PAGE, re.DOTALL)[1]
    named = re.findall(r"`(\w+)`", "\n".join(row.split("|")[1] for row in rows.splitlines()))
    assert sorted(set(named) - {"-"}) == sorted(set(TRACED))
    assert {*PASSES} <= {*TRACED}


def test_every_step_of_the_table_is_a_step_and_is_printed_so():
    rows = re.search(r"\| step \| what it does \|\n\|---\|---\|\n(.*?)\n\n", PAGE, re.DOTALL)[1]
    words = [
        word for row in rows.splitlines() for word in re.findall(r"`([^`]+)`", row.split("|")[1])
    ]
    assert len(words) >= 15
    for word in words:
        head = "graph g\n  p9_in = input 9 width 64\n"
        steps = {"~": "[p9_in ~]"}.get(word, f"[p9_in {word}]")
        (graph,) = read(f"{head}  a = unary 9 width ? takes=any {steps}\noutputs p9=a\n")
        assert isinstance(graph, Graph)
        (edge,) = graph.inputs("a")
        (step,) = edge.via
        assert step_text(step, Defaults()).startswith(word.partition("(")[0])
