"""Bytes in, diagnostics or a network out: nothing else, in bounded time and memory."""

import os
import random

import pytest

from tests.fuzz.engine import Campaign, peak_mib, saved_corpus, shipped
from tests.fuzz.run import save
from tests.fuzz.target import MIB, remembering, run

SECONDS = float(os.environ.get("FPNC_FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("FPNC_FUZZ_SEED", "20261123"))
ALLOWED = 10.0  # seconds of processor time, on a busy machine; `tests.fuzz.run` allows 2


@pytest.mark.parametrize("index", range(8))
def test_saved_inputs_raise_nothing(index, tmp_path):
    for data in saved_corpus()[index::8]:
        run(data, tmp_path, ALLOWED)


@pytest.mark.skipif(not SECONDS, reason="FPNC_FUZZ_SECONDS is 0")
def test_mutants_raise_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("fpncompiler.spec.loading.parse_tree", remembering())
    before = peak_mib()
    campaign = Campaign(random.Random(SEED), tmp_path, saved_corpus(), [*shipped()], ALLOWED)
    campaign.fuzz(seconds=SECONDS)
    print(f"seed {SEED}: {campaign.executions} executions, {campaign.accepted} accepted")
    found = {kind: save(data) for kind, data in campaign.failures}
    assert not found, f"seed {SEED}: {found}"
    assert peak_mib() - before < MIB
