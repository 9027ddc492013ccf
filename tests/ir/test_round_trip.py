"""What is printed reads back as what it was, in every field, and prints as the same text."""

from pathlib import Path

import pytest
from hypothesis import given

from fpncompiler import compile_spec
from fpncompiler.diagnostics import SpecError
from fpncompiler.ir.reader import Item
from fpncompiler.ir.text import print_item
from fpncompiler.passes.fold_for_inference import inference_form
from fpncompiler.pipeline import Checked, Compiled, Options, check_spec
from tests.ir.texts import SPECS, contents, read
from tests.oracle.specs import Spec, specs
from tests.oracle.test_equality import AT_LEAST, EXAMPLES, shown

PHIS = (0, 1, 3, 6)


def assert_round_trip(item: Item) -> None:
    text = print_item(item)
    (again,) = read(text)
    assert contents(again) == contents(item)
    assert print_item(again) == text


def assert_all_stages(checked: Checked | Compiled) -> None:
    for _, graph in checked.stages:
        assert_round_trip(graph)
    assert_round_trip(checked.network)
    assert_round_trip(inference_form(checked.network))


def rows() -> list[tuple[Path, int]]:
    """Each spec with the rows that its model has."""
    segments = {"semantic_fpn", "unet"}
    return [(path, phi) for path in SPECS for phi in PHIS if not (phi and path.stem in segments)]


@pytest.mark.parametrize(("path", "phi"), rows(), ids=lambda value: getattr(value, "stem", value))
def test_graphs_of_every_stage_read_back(path, phi):
    try:
        checked = check_spec(path, Options(phi=phi))
    except SpecError as error:
        codes = {d.code for d in error.diagnostics}
    else:
        assert_all_stages(checked)
        return
    assert codes == {"F502"}, "no other fault, where the model has no such row"


def test_random_graphs_read_back():
    count = 0

    @EXAMPLES
    @given(specs())
    def check(spec: Spec) -> None:
        nonlocal count
        try:
            compiled = compile_spec(spec.text, **dict(spec.options))
        except SpecError:  # some are refused
            return
        count += 1
        with shown(spec):
            assert_all_stages(compiled)

    check()
    assert count >= 0.9 * AT_LEAST
