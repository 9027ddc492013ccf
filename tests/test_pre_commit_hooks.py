"""The hooks of .pre-commit-hooks.yaml run, on the files that they ask for."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from fpncompiler.cli import main

ROOT = Path(__file__).parents[1]
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def matching(hook: dict) -> list[str]:
    """The files of the repository that pre-commit would pass."""
    files = (p.relative_to(ROOT).as_posix() for p in sorted(ROOT.glob("[sg]*/**/*.*")))
    return [file for file in files if re.search(hook["files"], file)]


def test_specs_are_checked_and_models_are_not(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    hook = HOOKS["fpnc-check"]
    files = matching(hook)
    assert len(files) >= 27
    assert "specs/bifpn.yaml" in files
    assert not [file for file in files if "models" in file or file.endswith(".json")]
    assert main([*shlex.split(hook["entry"])[1:], *files]) == 0


def test_a_faulty_spec_stops_a_commit(tmp_path):
    spec = tmp_path / "mine.yaml"
    spec.write_text("fpnc: 1\nname: mine\n")
    assert main([*shlex.split(HOOKS["fpnc-check"]["entry"])[1:], str(spec)]) == 1


@pytest.mark.parametrize("file", ["specs/models/efficientdet.yaml", "generated/bifpn_d0.py"])
def test_a_changed_model_or_generated_file_runs_the_second_hook(file):
    assert file in matching(HOOKS["fpnc-compile-check"])


def test_generated_files_are_checked_as_a_whole(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    hook = HOOKS["fpnc-compile-check"]
    assert hook["pass_filenames"] is False
    assert main(shlex.split(hook["entry"])[1:]) == 0
