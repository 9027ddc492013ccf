"""Maps dropped as soon as nothing reads them lower the measured peak, and change nothing."""

import re

import pytest
import torch

from benchmarks.speed.live_memory import live_tensors
from fpncompiler import load_model
from fpncompiler.analysis import liveness
from fpncompiler.analysis.liveness import deletions
from fpncompiler.analysis.statements import Statement
from fpncompiler.work import Work
from tests.conftest import ROOT
from tests.helpers import generate

DELETION = re.compile(r"^ +del ", re.MULTILINE)
SPECS = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))


@pytest.mark.parametrize("spec", SPECS)
def test_peak_falls_by_a_tenth_and_outputs_stay(spec, monkeypatch):
    path = ROOT / "specs" / f"{spec}.yaml"
    if not DELETION.search(generate(spec).compiled.source):
        return
    dropping = load_model(path, 0)().eval()
    monkeypatch.setattr(liveness, "WORTH", -1.0)
    keeping = load_model(path, 0)().eval()
    keeping.load_state_dict(dropping.state_dict())
    with torch.inference_mode():
        features = dropping.backbone(torch.randn(1, 3, 128, 128))
        kept, dropped = (model.network(list(features)) for model in (keeping, dropping))
        assert all(map(torch.equal, kept, dropped))
        before, after = (
            live_tensors(lambda m=model: m.network(list(features))).peak
            for model in (keeping, dropping)
        )
    assert after <= 0.95 * before  # a layer's falls by a tenth; others share the network's


def line(name, reads, values=100, held=None):
    return Statement(name, frozenset(reads), values, Work(held or values, values))


def test_returned_small_and_last_maps_are_kept():
    lines = [
        line("a", {"x"}),
        line("b", {"a"}),
        line("s", {"b"}, 1),
        line("c", {"b", "s"}),
        line("d", {"c"}),
    ]
    assert deletions(lines, ["d"]) == [(), ("a",), (), ("b",), ()]
    assert deletions(lines, ["a", "b", "d"]) == [()] * 5  # 1 of 4 stays


def test_nothing_is_dropped_where_the_peak_is_elsewhere():
    lines = [line("a", {"x"}, held=300), line("b", {"a"}, 10), line("c", {"b"}, 10)]
    assert deletions(lines, ["c"]) == [()] * 3


def test_map_that_is_handed_on_lives_under_its_new_name():
    lines = [
        line("a", {"x"}),
        Statement("b", frozenset({"a"}), 100, Work(0, 0), same_as="a"),
        line("c", {"b"}, held=300),
        line("d", {"c"}),
    ]
    assert not any("a" in names for names in deletions(lines, ["d"]))
