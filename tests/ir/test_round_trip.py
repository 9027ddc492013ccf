"""What is printed reads back as what it was, in every field, and prints as the same text."""

import os
import random

import pytest

from fpncompiler import compile_spec
from fpncompiler.diagnostics import SpecError
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.reader import Item
from fpncompiler.ir.text import print_all, print_item
from fpncompiler.passes.fold_for_inference import inference_form
from fpncompiler.pipeline import Checked, Options, check_spec
from tests.ir.texts import SPECS, contents, read
from tests.oracle.specs import Drafter

DRAWN = int(os.environ.get("FPNC_ORACLE_EXAMPLES", "40"))
SEED = 6
PHIS = (0, 1, 3, 6)


def assert_round_trip(item: Item) -> None:
    text = print_item(item)
    (again,) = read(text)
    assert contents(again) == contents(item)
    assert print_item(again) == text


def assert_all_stages(checked: Checked) -> None:
    for _, graph in checked.stages:
        assert_round_trip(graph)
    assert_round_trip(checked.network)
    assert_round_trip(inference_form(checked.network))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("phi", PHIS)
def test_graphs_of_every_stage_read_back(path, phi):
    try:
        checked = check_spec(path, Options(phi=phi))
    except SpecError as error:
        assert {d.code for d in error.diagnostics} == {"F502"}  # no row for this phi
        return
    assert_all_stages(checked)
