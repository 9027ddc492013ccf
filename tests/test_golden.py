"""The committed files of generated/ are what the compiler writes now, and run."""

import importlib
import os
import subprocess
import sys

import pytest
import torch

from fpncompiler.cli import main
from tests.conftest import ROOT

GOLDEN = sorted(path.stem for path in (ROOT / "generated").glob("*.py"))


def test_the_promised_networks_are_committed():
    bifpn = {f"bifpn_d{phi}" for phi in range(8)} | {"bifpn_d7x"}
    assert bifpn | {"fpn_d0", "panet_d0", "simplified_panet_d0"} <= set(GOLDEN)


def test_every_committed_file_is_current(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["compile", "--check", "--all"]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.count("is up to date") == len(GOLDEN)


def test_committed_files_pass_the_linters_and_the_strict_type_checker():
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy", "--strict"]):
        done = subprocess.run(
            [sys.executable, "-m", *command, "generated"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["bifpn_d0", "fpn_d0", "panet_d0", "simplified_panet_d0"])
def test_a_committed_file_runs_at_any_size_with_the_documented_shapes(name):
    module = importlib.import_module(f"generated.{name}")
    model = module.EfficientDet(num_classes=3).eval()
    with torch.no_grad():
        class_logits, box_deltas = model(torch.randn(2, 3, 200, 133))
    sizes = [(-(-200 // 2**level), -(-133 // 2**level)) for level in module.LEVELS]
    assert [tuple(m.shape) for m in class_logits] == [(2, 27, *size) for size in sizes]
    assert [tuple(m.shape) for m in box_deltas] == [(2, 36, *size) for size in sizes]


@pytest.mark.parametrize("name", [name for name in GOLDEN if not name.endswith("_inference")])
def test_a_committed_file_has_the_parameters_that_it_states(name):
    module = importlib.import_module(f"generated.{name}")
    with torch.device("meta"):
        model = getattr(module, "EfficientDet", getattr(module, "SegmentationModel", None))()
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert f" {count:,} " in module.__doc__


def test_the_file_does_not_grow_with_phi():
    sizes = [len((ROOT / "generated" / f"bifpn_d{phi}.py").read_bytes()) for phi in range(8)]
    assert max(sizes) < 1.1 * min(sizes)


def test_the_demo_writes_a_picture_and_says_that_the_model_is_untrained(tmp_path):
    out = tmp_path / "deep" / "demo.png"
    command = [sys.executable, "-m", "fpncompiler.detection.demo", "generated.bifpn_d0"]
    done = subprocess.run(
        [*command, "tests/data/chelsea.png", "--out", str(out)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "untrained" in done.stdout
    assert out.read_bytes().startswith(b"\x89PNG")


def test_the_demo_names_a_missing_photo(tmp_path):
    command = [sys.executable, "-m", "fpncompiler.detection.demo", "generated.bifpn_d0", "no.png"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no.png" in done.stderr
    assert "Traceback" not in done.stderr
