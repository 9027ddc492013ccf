"""Every bomb is refused, or checked, in the time and memory that it may take."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.bombs import spec_bombs, yaml_bombs
from tests.fuzz.measure import Cost

ROOT = Path(__file__).parents[2]
FACTOR = float(os.environ.get("FPNC_BOMB_FACTOR", "5"))  # how much slower a machine may be


def costs(kind: str) -> list[Cost]:
    command = [sys.executable, "-m", "tests.fuzz.measure", kind, "--json"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [Cost(**row) for row in json.loads(found.stdout)]


def test_there_are_bombs_enough():
    assert len(yaml_bombs()) >= 150
    assert len(spec_bombs()) >= 70


@pytest.mark.parametrize("kind", ["yaml", "spec"])
def test_bombs_do_no_harm(kind):
    found = costs(kind)
    outcomes = {each.name: each.outcome for each in found}
    known = re.compile(r"F\d{3}|accepted" if kind == "spec" else r"F[12]\d\d")
    assert {name: o for name, o in outcomes.items() if not known.fullmatch(o)} == {}
    assert [each for each in found if not each.fits(FACTOR)] == []
