"""`fpnc new` and `fpnc schema`, as an author uses them."""

import importlib.util

import pytest

from fpncompiler.authoring import EDITOR_LINE
from fpncompiler.cli import main
from tests.conftest import ROOT

SHIPPED = sorted(path.stem for path in ROOT.glob("specs/*.yaml"))


@pytest.mark.parametrize("arguments", [["mine"], ["mine", "--from", "bifpn"]])
def test_a_new_spec_compiles_at_once(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert main(["new", *arguments]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["wrote specs/mine.yaml", "wrote specs/topology.schema.json"]
    assert main(said[2].removeprefix("  next: fpnc ").split()) == 0
    assert (tmp_path / "generated/mine_d0.py").is_file()
    assert (tmp_path / "specs/mine.yaml").read_text().startswith(EDITOR_LINE)
    assert main(["check", "specs/mine.yaml"]) == 0


def test_what_a_new_spec_compiles_to_can_be_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["new", "mine"])
    main(["compile", "specs/mine.yaml", "--phi", "0"])
    source = importlib.util.spec_from_file_location("mine_d0", "generated/mine_d0.py")
    module = importlib.util.module_from_spec(source)
    source.loader.exec_module(module)
    assert module.EfficientDet(num_classes=3, pretrained_backbone=False).training


@pytest.mark.parametrize("base", SHIPPED)
def test_every_shipped_spec_can_be_begun_from(tmp_path, monkeypatch, base):
    monkeypatch.chdir(tmp_path)
    main(["new", "mine", "--from", base])
    path = tmp_path / "specs/mine.yaml"
    assert main(["check", "specs/mine.yaml"]) == 0
    for suggested in ("fusion: ", "up: "):
        text = path.read_text()
        assert f"\n# {suggested}" in text
        path.write_text(text.replace(f"\n# {suggested}", f"\n{suggested}"))
    assert main(["check", "specs/mine.yaml"]) == 0


def test_the_comments_of_a_new_spec_are_examples_that_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["new", "mine"])
    path = tmp_path / "specs/mine.yaml"
    text = path.read_text()
    assert "  # out(5): " in text
    path.write_text(text.replace("  # out(5): ", "  out(5): "))
    assert main(["check", "specs/mine.yaml"]) == 0


def test_nothing_is_overwritten(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/mine.yaml").write_text("precious")
    assert main(["new", "mine"]) == 2
    assert "specs/mine.yaml is there already" in capsys.readouterr().err
    assert (tmp_path / "specs/mine.yaml").read_text() == "precious"
    assert [path.name for path in (tmp_path / "specs").iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize("command", [["new", "mine"], ["schema", "-o", "specs"]])
def test_a_schema_of_ours_is_renewed_and_no_other_file(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    main(["schema", "-o", "specs"])
    schema = tmp_path / "specs/topology.schema.json"
    current = schema.read_text()
    schema.write_text(current.replace("nodes", "knots"))
    assert main(command) == 0
    assert schema.read_text() == current
    (tmp_path / "specs/mine.yaml").unlink(missing_ok=True)
    schema.write_text("precious")
    assert main(command) == 2
    assert "is no schema of fpnc" in capsys.readouterr().err
    assert schema.read_text() == "precious"
    assert [*(tmp_path / "specs").iterdir()] == [schema]


@pytest.mark.parametrize("name", ["../evil", "class", "Mine", "a__b", "mine.yaml", ""])
def test_a_name_that_is_none_writes_nothing(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["new", name]) == 2
    assert "cannot be the name of a spec" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_an_unknown_base_is_refused_with_a_suggestion(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine", "--from", "bifnp"]) == 1
    assert "did you mean `bifpn`?" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(["new", "mine", "-o", "file/specs"]) == 2
    assert "cannot write file/specs/mine.yaml" in capsys.readouterr().err


def test_a_schema_is_printed_or_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["schema"]) == 0
    printed = capsys.readouterr().out
    assert main(["schema", "topology", "-o", "specs"]) == 0
    assert (tmp_path / "specs/topology.schema.json").read_text() == printed
    assert main(["schema", "-o", "specs"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "unchanged specs/topology.schema.json"
    assert main(["schema", "model"]) == 0
    assert '"heads"' in capsys.readouterr().out
