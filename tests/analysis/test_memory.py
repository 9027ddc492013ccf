"""Static memory is what a real forward pass holds: the maps of all nodes, and the most at once."""

import sys

import pytest
import torch

from benchmarks.speed.live_memory import live_tensors
from fpncompiler.analysis.memory import VALUE, heads_memory, network_memory, node_bytes
from fpncompiler.diagnostics import SpecError
from tests.conftest import ROOT
from tests.helpers import Generated, generate
from tests.oracle.specs import SPECS as BLOCKS

SPECS = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))


def available(spec: str, phi: int) -> Generated:
    try:
        return generate(spec, phi=phi)
    except SpecError:
        pytest.skip(f"{spec} has no phi {phi}")
