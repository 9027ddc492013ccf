"""The README is kept: its specs compile, its samples are what the tools print."""

import re

import pytest

import fpncompiler
from fpncompiler.cli import main
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def blocks(language, containing=""):
    return [text for name, text in BLOCKS if name == language and containing in text]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_spec_of_the_readme_compiles(text, project):
    if "title" not in text and "name: mine" not in text:
        shipped = (ROOT / re.match(r"# (specs/\w+\.yaml)", text).group(1)).read_text()
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert all(line in shipped for line in lines)
    assert "class EfficientDet" in fpncompiler.compile_spec(text).source


def test_the_generated_code_of_the_readme_is_in_the_file():
    (snippet,) = blocks("python", "def forward(self, features")
    assert snippet in (ROOT / "generated/bifpn_d3.py").read_text()


def test_the_faulty_spec_of_the_readme_is_reported_as_shown(project, capsys):
    (sample,) = blocks("", "$ fpnc check specs/mine.yaml")
    (project / "specs").unlink()
    (project / "specs").mkdir()
    spec = (ROOT / "specs/panet.yaml").read_text().replace("out(l): [td(l)", "out(l): [tb(l)")
    lines = [
        line.partition("  #")[0].rstrip() for line in spec.splitlines() if not line.startswith("#")
    ]
    kept = [line for line in lines if not line.startswith(("title", "source"))]
    text = "\n".join(kept).replace("td(l):  [", "td(l): [")
    (project / "specs/mine.yaml").write_text(text + "\n")
    assert main(["check", "specs/mine.yaml"]) == 1
    shown = capsys.readouterr().err
    assert sample.splitlines()[1:] == shown.splitlines()


def test_the_commands_of_the_readme_run(project, capsys):
    (commands,) = blocks("", "fpnc compile SPEC --phi 3")
    (project / "mine.yaml").write_text(blocks("yaml", "name: mine")[0])
    for line in commands.splitlines():
        words = line.partition("#")[0].split()[1:]
        words = ["mine.yaml" if word in ("SPEC", "SPEC...") else word for word in words]
        if words[0] == "export":
            continue  # `tests/export` takes the time for it
        found = 1 if words[0] in ("diff", "breaking") else 0  # they find what they look for
        assert main(words) == found, (line, capsys.readouterr())


def test_the_makefile_has_the_two_commands():
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert f"make {target}" in README
        assert f"\n{target}: " in makefile


def test_the_commands_that_train_run(project, capsys, monkeypatch):
    """On drawn images, at a size and for a time that suit a test."""
    from fpncompiler.datasets.writing import write_folder
    from tests.training.small import small_data

    splits = [small_data(project / "drawn", 5, name) for name in ("train", "val", "test")]
    write_folder(splits, project / "data/trees", force=False)
    (commands,) = blocks("", "fpnc train bifpn --variant lite0")
    lines = [line.split()[1:] for line in commands.splitlines() if line.startswith("fpnc")]
    assert [words[0] for words in lines].count("train") == 2
    for words in lines:
        if words[:2] == ["data", "get"]:
            continue  # it reaches the network; tests/datasets has it
        if words[0] == "train":
            place = words.index("--image-size") + 1
            words[place] = "128"
            words += ["--epochs", "1", "--set", "workers=0", "--backbone-weights", "none"]
        assert main(words) == 0, (words, capsys.readouterr())
    assert list((project / "build/predictions").iterdir())
