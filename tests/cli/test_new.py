"""`fpnc new` and `fpnc schema`, as an author uses them."""

import pytest

from fpncompiler.authoring import EDITOR_LINE
from fpncompiler.cli import main


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
