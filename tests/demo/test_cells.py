"""The detector that ships finds what it is said to find."""

import json
from pathlib import Path

import pytest

from fpncompiler.cli import main
from fpncompiler.datasets.opening import open_dataset
from fpncompiler.detectors.checkpoints import open_detector
from fpncompiler.evaluation.running import evaluate
from tests.conftest import ROOT
from tests.datasets.builders import BCCD

CELLS = ROOT / "docs/cells"


def test_it_is_small_and_says_where_it_is_from():
    weights = CELLS / "cells.safetensors"
    assert weights.stat().st_size < 8_000_000
    card = json.loads((CELLS / "provenance.json").read_text())
    assert card["provenance"] == open_detector(weights).provenance
    assert card["spec"] == "bifpn"
    assert card["choice"] == {"variant": "lite0"}
    assert card["provenance"]["data"]["name"] == "bccd"
    assert "/" not in json.dumps(card["provenance"]["data"])


def test_it_finds_the_cells_in_a_photo_it_never_saw(project, capsys):
    photo = (CELLS / "blood_smear.jpg").as_posix()
    words = [(CELLS / "cells.safetensors").as_posix(), photo, "--score", "0.4", "-o", "build"]
    assert main(["predict", *words]) == 0
    assert "blood_smear.jpg: 3 Platelets, 16 RBC, 1 WBC" in capsys.readouterr().out
    assert Path("build/blood_smear.jpg").stat().st_size > 10_000


def test_the_readme_quotes_its_evaluation():
    figures = json.loads((CELLS / "evaluation.json").read_text())["figures"]
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert f"AP {figures['AP']:.3f}, AP50 {figures['AP50']:.3f} on its 87 validation" in readme


@pytest.mark.skipif(not BCCD.is_dir(), reason="BCCD is not at ../shared/data/bccd")
def test_its_evaluation_can_be_made_again(one_thread):
    detector = open_detector(CELLS / "cells.safetensors")
    evaluation, _ = evaluate(detector, open_dataset(BCCD, "val").dataset)
    told = json.loads((CELLS / "evaluation.json").read_text())["figures"]
    assert evaluation.figures["AP"] == pytest.approx(told["AP"], abs=2e-3)
    assert evaluation.figures["AP50"] == pytest.approx(told["AP50"], abs=2e-3)
