"""Maps dropped as soon as nothing reads them lower the measured peak, and change nothing."""

import re

import pytest
import torch

from benchmarks.speed.live_memory import live_tensors
from fpncompiler import load_model
from fpncompiler.codegen import liveness
from fpncompiler.codegen.liveness import Line, with_deletions
from tests.conftest import ROOT

DELETION = re.compile(r"^ +del ", re.MULTILINE)


@pytest.mark.parametrize(
    ("spec", "most"), [("pafpn_mmdet", 0.8), ("panet_2018", 0.8), ("fpn_lin2017", 0.95)]
)
def test_peak_falls_and_outputs_stay(spec, most, monkeypatch):
    path = ROOT / "specs" / f"{spec}.yaml"
    dropping = load_model(path, 0)().eval()
    monkeypatch.setattr(liveness, "WORTH", -1.0)
    keeping = load_model(path, 0)().eval()
    keeping.load_state_dict(dropping.state_dict())
    with torch.inference_mode():
        features = dropping.backbone(torch.randn(1, 3, 128, 128))
        for kept, dropped in zip(
            keeping.network(list(features)), dropping.network(list(features)), strict=True
        ):
            assert torch.equal(kept, dropped)
        peaks = [
            live_tensors(lambda m=model: m.network(list(features))).peak
            for model in (keeping, dropping)
        ]
    assert peaks[1] <= most * peaks[0]


def test_returned_small_and_last_maps_are_kept():
    def line(name, reads, values=100):
        return Line(name, name, frozenset(reads), values)

    first, second, small = line("a", {"x"}), line("b", {"a"}), line("s", {"b"}, 1)
    wide, last = line("c", {"b", "s"}), line("d", {"c"})
    lines = [first, second, small, wide, last]
    assert with_deletions(lines, ["d"], 0) == ["a", "b", "del a", "s", "c", "del b", "d"]
    assert with_deletions(lines, ["a", "b", "d"], 0) == ["a", "b", "s", "c", "d"]  # 1 of 4 stays


def test_no_line_where_the_peak_is_elsewhere():
    lines = [
        Line("a", "a", frozenset({"x"}), 100, working=3),
        Line("b", "b", frozenset({"a"}), 10),
        Line("c", "c", frozenset({"b"}), 10),
    ]
    assert with_deletions(lines, ["c"], 0) == ["a", "b", "c"]
