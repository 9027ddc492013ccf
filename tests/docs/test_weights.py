"""The page on weights shows what the tools print."""

import re

import pytest
import torch
from effdet import EfficientDet, get_efficientdet_config

from fpncompiler.cli import main
from fpncompiler.weights.backbones import CHOICES
from fpncompiler.weights.files import open_weights
from tests.conftest import ROOT

PAGE = (ROOT / "docs/weights.md").read_text()


def save_d0():
    torch.save(
        EfficientDet(get_efficientdet_config("tf_efficientdet_d0"), False).state_dict(), "d0.pth"
    )


def test_the_import_is_as_shown(project, capsys):
    save_d0()
    (project / "generated").symlink_to(ROOT / "generated")
    command, shown = re.search(
        r"^\$ fpnc (weights import .*)\n((?:.+\n)*?)```", PAGE, re.M
    ).groups()
    assert main(command.split()) == 0
    assert capsys.readouterr().out == shown


def test_the_options_of_the_table_exist(capsys):
    table = PAGE[PAGE.index("| option") : PAGE.index("Every key of")]
    with pytest.raises(SystemExit):
        main(["weights", "import", "--help"])
    told = capsys.readouterr().out
    options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", table))
    assert {"-o", "--classes", "--report"} <= options
    assert all(option in told for option in options)


def test_the_errors_are_as_shown(tmp_path):
    assert CHOICES in PAGE


def test_the_python_of_the_page_runs(project):
    save_d0()
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    exec(code, {})
    assert len(open_weights(project / "build/d0.safetensors").state) == 784
