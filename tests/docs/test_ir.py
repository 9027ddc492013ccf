"""The page about graphs as text: its graphs read back, its commands print what it shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fpncompiler.builtin_kinds import FUSIONS
from fpncompiler.ir.defaults import Defaults
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.node_lines import DEFAULT_WORDS, MAX_INPUTS, MAX_LEVEL, NODE_FORMS
from fpncompiler.ir.ops import (
    CONV_KINDS,
    DOWN_MODES,
    GRANULARITIES,
    PADDINGS,
    PLAIN_FUSIONS,
    POOL_KINDS,
    SHARINGS,
    UP_MODES,
    WEIGHTED_FUSIONS,
)
from fpncompiler.ir.reader import FORMS, MAX_BYTES, MAX_PARTS, MAX_REPEATS
from fpncompiler.ir.step_words import MAX_KERNEL, MAX_STEPS, MAX_WIDTH
from fpncompiler.ir.text import print_item, step_text
from fpncompiler.passes import PASSES, TRACED
from tests.helpers import ROOT
from tests.ir.texts import contents, read
from tests.passes.test_pass_texts import SEPARATOR, after, given

PAGE = (ROOT / "docs/ir.md").read_text()
TEXTS = re.findall(r"^```ir\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", [text for text in TEXTS if SEPARATOR not in text])
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


def test_the_pass_test_of_the_page_holds():
    (text,) = (text for text in TEXTS if SEPARATOR in text)
    before, _, expected = text.partition(SEPARATOR)
    assert after(given(before)) == expected


def test_every_word_is_on_the_page():
    fusions = (*PLAIN_FUSIONS, *WEIGHTED_FUSIONS, *(kind.name for kind in FUSIONS))
    modes = (*UP_MODES, *DOWN_MODES, *PADDINGS, *SHARINGS)
    sorts = (*FORMS, *NODE_FORMS, *DEFAULT_WORDS, *CONV_KINDS)
    pools = (f"{kind}pool" for kind in POOL_KINDS)
    known = {*re.findall(r"[a-z]+(?:_[a-z]+)*", PAGE)}
    assert {*fusions, *modes, *sorts, *pools, *GRANULARITIES} - known == set()


def test_the_bounds_are_the_readers():
    bounds = re.search(r"## Bounds\n\n(.*?)\n\n", PAGE, re.DOTALL)[1]
    stated = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\b", bounds)}
    limits = (MAX_LEVEL, MAX_WIDTH, MAX_INPUTS, MAX_STEPS, MAX_KERNEL, MAX_REPEATS)
    assert stated == {0, MAX_BYTES, MAX_PARTS, *limits}


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
