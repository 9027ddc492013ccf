"""Every payload in every field: no code runs, nothing is written elsewhere, no shape changes.

The specs are compiled in a worker of their own, under an audit hook, and every file that comes of
them is imported and its model built.
"""

import collections
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.payloads import PAYLOADS
from tests.hostile.sinks import SINKS

ROOT = Path(__file__).resolve().parents[2]
SHARDS = 2


def test_matrix_is_as_large_as_promised():
    assert len({(p.text, p.raw) for p in PAYLOADS}) == len(PAYLOADS) >= 150
    assert len({sink.name for sink in SINKS}) == len(SINKS) >= 40


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_payload_breaks_a_rule(shard):
    command = [sys.executable, "-m", "tests.hostile.worker", str(shard), str(SHARDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcome = json.loads(done.stdout)
    broken = outcome["broken"]
    counts = collections.Counter(rule for rule, *_ in broken)
    assert not broken, f"{counts}\n" + "\n".join(map(str, broken[:20]))
    assert outcome["pwned"] == []
    assert outcome["specs"] >= 15_000
    assert outcome["counts"]["refused"] > outcome["counts"]["accepted"] > 500
    assert outcome["imported"] == outcome["distinct"] > 200
