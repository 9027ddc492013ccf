"""What a word on a command line stands for."""

import pytest

from fpncompiler.cli import main
from fpncompiler.spec.finding import found_here, found_spec, found_specs
from fpncompiler.spec.loading import SpecNotFoundError, shipped_specs
from tests.helpers import ROOT

PANET = (ROOT / "specs/panet.yaml").read_text()


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/mine.yaml").write_text(PANET.replace("name: panet", "name: mine"))


def test_a_path_is_a_path(tmp_path):
    (tmp_path / "bifpn").write_text(PANET)
    assert str(found_spec("bifpn")) == str(found_here("bifpn")) == "bifpn"
    assert str(found_spec("elsewhere/none.yaml")) == "elsewhere/none.yaml"


def test_a_name_is_one_of_the_folder_first(tmp_path):
    assert found_spec("bifpn") == shipped_specs() / "bifpn.yaml"
    (tmp_path / "specs/bifpn.yaml").write_text(PANET)
    assert found_spec("bifpn").as_posix() == "specs/bifpn.yaml"
    assert found_here("mine").as_posix() == "specs/mine.yaml"


def test_a_folder_is_its_specs():
    assert [path.as_posix() for path in found_specs("specs")] == ["specs/mine.yaml"]
    assert len(found_specs("table_5")) == 6


@pytest.mark.parametrize("find", [found_specs, found_spec, found_here])
def test_a_wrong_name_has_suggestions(find):
    with pytest.raises(SpecNotFoundError, match="did you mean `mine`"):
        find("mien")


def test_what_ships_is_not_compiled_in_place(capsys, tmp_path):
    assert main(["compile", "bifpn"]) == 2
    assert "`fpnc new mine --from bifpn` starts from it" in capsys.readouterr().err
    assert main(["compile", "mine"]) == 0
    assert "from specs/mine.yaml" in (tmp_path / "generated/mine_d0.py").read_text()[:400]


@pytest.mark.parametrize("command", ["draw", "inspect", "compare"])
def test_what_ships_can_be_looked_at(command, capsys):
    assert main([command, "bifpn"]) == 0
    assert main([command, "bfpn"]) == 2
    assert "did you mean `bifpn`" in capsys.readouterr().err
