"""Three independent faults in one spec: all three are reported, and hardly anything else."""

import itertools
import random
from collections import Counter

import pytest

from tests.diagnostics.corpus import diagnostics_of
from tests.diagnostics.planting import PLANTERS, Line, Planted, Spec, plant
from tests.helpers import ROOT

COUNT = 500
SHIPPED = [
    "fpn",
    "fpn_lin2017",
    "pafpn_mmdet",
    "panet",
    "panet_2018",
    "repeated_fpn",
    "rtdetr_ccff",
    "yolov3_neck",
    "yolov5_pan",
    "yolov8_pan",
]
OWN = """\
fpnc: 1
name: own
title: one of everything
levels: 3..7
width: 64
depth: 2
fusion: {kind: softmax, granularity: channel}
op: {conv: full, kernel: 3, order: [conv, norm, act]}
nodes:
  lateral(l): {inputs: in(l), op: conv1x1}
  td(l): [lateral(l), td(l+1)]
  mid(4..6): [in(l), td(l-1), td(l)]
  mid(3): [in(3), td(4)]
  mid(7): [in(7), {from: td(6), via: [relu, resample]}]
  out(l): [{max: [td(l), in(l)]}, mid(l), out(l-1)]
outputs: out
"""
LAYERED = """\
fpnc: 1
name: layered
levels: 3..6
k: 1..4
nodes:
  f(l, 1): [in(l), in(l+1)]
  f(l, k): [f(l, k-1), f(l+1, k-1), in(l)]
  out(l): [f(l, last), f(l, 2)]
outputs: out
"""
BASES = [*((ROOT / "specs" / f"{name}.yaml").read_text() for name in SHIPPED), OWN, LAYERED]


def triple(rng: random.Random) -> tuple[Spec, list[Planted]]:
    """A spec with three faults of different kinds at different lines."""
    while True:
        spec = [Line(text) for text in rng.choice(BASES).splitlines()]
        planted = [plant(spec, kind, rng) for kind in rng.sample(sorted(PLANTERS), 3)]
        found = [one for one in planted if one]
        if len(found) == 3:
            return spec, found


def judged(spec: Spec, planted: list[Planted]) -> tuple[list[Planted], int]:
    """Which faults are reported at their line, and how many diagnostics there are."""
    found = [(d.code, d.span and d.span.line) for d in diagnostics_of(text_of(spec))]
    numbers = {id(line): number for number, line in enumerate(spec, 1)}
    hit = [one for one in planted if (one.code, numbers[id(one.line)]) in found]
    return hit, len(found)


def text_of(spec: Spec) -> str:
    return "".join(f"{line.text}\n" for line in spec)


def test_three_faults_are_reported_as_three():
    rng = random.Random(2026)
    missed: Counter[str] = Counter()
    reported = complete = 0
    for _ in range(COUNT):
        spec, planted = triple(rng)
        hit, count = judged(spec, planted)
        reported += count
        complete += len(hit) == 3
        missed.update(one.kind for one in planted if one not in hit)
    print(f"{complete} of {COUNT} complete; {reported / 3 / COUNT:.3f} for each; {missed}")
    assert complete >= 0.99 * COUNT, missed
    assert reported <= 1.02 * 3 * COUNT


@pytest.mark.parametrize("kind", sorted(PLANTERS))
def test_a_fault_alone_is_reported_alone(kind):
    rng = random.Random(kind)
    for text, _ in itertools.product(BASES, range(3)):
        spec = [Line(one) for one in text.splitlines()]
        planted = plant(spec, kind, rng)
        if planted:
            hit, count = judged(spec, [planted])
            assert hit, text_of(spec)
            assert count == 1, text_of(spec)
