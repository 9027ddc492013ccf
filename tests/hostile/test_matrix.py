"""Every payload in every field: no code runs, nothing is written elsewhere, no shape changes.

The specs are compiled in a worker of their own, under an audit hook. FPNC_HEAVY=1 puts every
payload into every field, in place of every fourth into those whose text does not go far, and
imports and builds every file that came of them, in place of some.
"""

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.payloads import PAYLOADS
from tests.hostile.sinks import SINKS

ROOT = Path(__file__).resolve().parents[2]
HEAVY = bool(os.environ.get("FPNC_HEAVY"))
SHARDS = 2
BUILT = 10_000 if HEAVY else 40


@pytest.fixture(scope="module", params=range(SHARDS))
def outcome(request):
    command = [sys.executable, "-m", "tests.hostile.worker"]
    words = [str(word) for word in (request.param, SHARDS, BUILT)]
    found = subprocess.run(
        [*command, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-2000:]
    return json.loads(found.stdout)


def test_matrix_is_as_large_as_promised():
    assert len({(p.text, p.raw) for p in PAYLOADS}) == len(PAYLOADS) >= 150
    assert len({sink.name for sink in SINKS}) == len(SINKS) >= 40


def test_no_rule_is_broken(outcome):
    broken = outcome["broken"]
    counts = collections.Counter(rule for rule, *_ in broken)
    assert not broken, f"{counts}\n" + "\n".join(map(str, broken[:20]))


def test_nothing_has_run(outcome):
    assert outcome["pwned"] == []


def test_specs_are_many_and_most_are_refused(outcome):
    assert outcome["specs"] >= 6_000
    assert outcome["counts"]["refused"] > outcome["counts"]["accepted"] > 100
    assert outcome["imported"] >= min(BUILT, outcome["distinct"]) >= 30
