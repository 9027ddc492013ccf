"""`fpnc diff`: what it tells apart, its forms, its exit codes, and versions in git."""

import json
import subprocess

import pytest

from fpncompiler.cli import main
from fpncompiler.difference.detectors import difference
from fpncompiler.pipeline import Options, check_spec
from tests.conftest import ROOT

SPECS = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
PANET = """\
fpnc: 1
name: mine
levels: 3..7
nodes:
  td(l): [in(l), td(l+1)]
  out(l): [td(l), out(l-1)]
outputs: out
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *words):
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def differing(old, new, **options):
    chosen = Options(**options)
    return difference(check_spec(old, chosen), check_spec(new, chosen))


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_does_not_differ_from_itself(spec, capsys):
    path = ROOT / f"specs/{spec}.yaml"
    assert run(capsys, "diff", path, spec) == (0, "no difference\n", "")


def test_bifpn_is_panet_with_nodes_pruned_and_skips_added():
    found = differing(ROOT / "specs/panet.yaml", ROOT / "specs/bifpn.yaml")
    first, others = found.layers
    assert (first.layer, others.layer) == ("layer 1", "layers 2..3")
    assert [*first.removed] == [*others.removed] == ["p7_td", "p3_out"]
    assert not first.added
    aspects = {aspect.name: aspect for aspect in first.changed["p4_out"]}
    assert aspects["inputs"].before == "p4_td, p3_out v1"
    assert aspects["inputs"].after == "p4_in *64, p4_td, p3_td v1"
    assert (aspects["fusion"].before, aspects["fusion"].after) == ("sum", "fast_normalized")
    assert [(o.name, o.before, o.after) for o in first.outputs] == [("P3", "p3_out", "p3_td")]


def test_renamed_nodes_are_the_same_nodes():
    found = differing(PANET, PANET.replace("td(", "mid("))
    (layers,) = found.layers
    assert layers.renamed == {f"p{level}_td": f"p{level}_mid" for level in (7, 6, 5, 4, 3)}
    assert not layers.changed
    assert not layers.removed
    assert not found.settings


def test_a_renamed_node_that_changed_beside_is_another():
    new = PANET.replace("td(", "mid(").replace("out(l):", "out(l): # ", 1)
    new = new.replace("# ", "").replace("mid(l): [in(l), mid(l+1)]", "mid(l): [mid(l+1), in(l)]")
    found = differing(PANET, new)
    assert {*found.layers[0].renamed} == {"p7_td"}  # it has one input
    assert {*found.layers[0].removed} == {"p6_td", "p5_td", "p4_td", "p3_td"}


@pytest.mark.parametrize(
    ("line", "setting"),
    [
        ("levels: 3..6", "output levels"),
        ("width: 32", "output channels"),
        ("depth: 1", "layers"),
    ],
)
def test_settings_that_change_are_told(line, setting):
    key = line.partition(":")[0]
    kept = [each for each in PANET.splitlines() if not each.startswith(key)]
    found = differing(PANET, "\n".join([*kept, line, ""]))
    assert setting in {each.name for each in found.settings}


@pytest.mark.parametrize("line", ["activation: relu", "up: bilinear", "norm: {eps: 0.01}"])
def test_steps_and_ways_that_change_are_told(line):
    found = differing(PANET, f"{PANET}{line}\n")
    assert found.layers
    assert found.layers[-1].changed


def test_costs_are_those_of_the_specs(capsys):
    code, out, _ = run(capsys, "diff", "bifpn", "panet", "--phi", 3, "--json")
    found = json.loads(out)
    assert (code, found["equal"]) == (1, False)
    checked = check_spec(ROOT / "specs/panet.yaml", Options(phi=3))
    (row,) = (r for r in found["cost"] if (r["part"], r["figure"]) == ("total", "macs"))
    assert row["after"] == checked.cost.total.macs
    assert row["before"] < row["after"]


def git(folder, *words):
    config = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *config, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(folder):
    """Two commits: `mine` extends `base`, beside it, and the second one changes the base."""
    git(folder, "init", "-b", "main")
    (folder / "nets").mkdir()
    (folder / "specs/models").mkdir(parents=True)
    (folder / "nets/base.yaml").write_text(PANET.replace("mine", "base"))
    (folder / "nets/mine.yaml").write_text("fpnc: 1\nname: mine\nextends: base\nmodel: lab\n")
    model = "fpnc: 1\nmodel: lab\nextends: efficientdet\nphi: 0..7\n"
    (folder / "specs/models/lab.yaml").write_text(model)
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "one")
    (folder / "nets/base.yaml").write_text(PANET.replace("mine", "base") + "fusion: softmax\n")
    (folder / "specs/models/lab.yaml").write_text(model + "heads: {depth: 1}\n")
    git(folder, "commit", "-am", "two")
    return folder


def test_a_revision_has_the_specs_and_models_of_its_time(repository, capsys):
    code, out, _ = run(capsys, "diff", "HEAD~1:nets/mine.yaml", "nets/mine.yaml")
    assert code == 1
    assert "fusion  sum -> softmax" in out
    assert "heads depth" in out
    assert run(capsys, "diff", "main:nets/mine.yaml", "nets/mine.yaml")[0] == 0


def test_paths_of_a_revision_are_git_s(repository, capsys, monkeypatch):
    monkeypatch.chdir(repository / "nets")
    assert run(capsys, "diff", "main:nets/base.yaml", "main:./base.yaml")[0] == 0


def test_a_fault_in_a_revision_is_shown_by_its_name(repository, capsys):
    (repository / "nets/base.yaml").write_text(PANET.replace("in(l)", "on(l)"))
    git(repository, "commit", "-am", "three")
    code, _, err = run(capsys, "diff", "main:nets/mine.yaml", "HEAD~1:nets/mine.yaml")
    assert code == 2
    assert "main:nets/base.yaml:5:11" in err
    assert "/tmp" not in err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere:nets/mine.yaml", "there is no revision nowhere"),
        ("--help:nets/mine.yaml", "there is no revision --help"),
        ("--output=x:nets/mine.yaml", "there is no revision --output=x"),
        (":nets/mine.yaml", "there is no revision"),
        ("main:nets/none.yaml", "there is no file nets/none.yaml in main"),
        ("main:nets", "there is no file nets in main"),
        ("main:", "is no path within the repository"),
        ("main:../mine.yaml", "is no path within the repository"),
        ("main:/etc/passwd", "is no path within the repository"),
        ("main:nets/\x1b[31m.yaml", "there is no file nets/\\x1b[31m.yaml in main"),
        ("main:\0", "is no name of a file"),
    ],
)
def test_a_version_that_is_not_there_is_trouble(repository, name, words, capsys):
    code, out, err = run(capsys, "diff", "--", "bifpn", name)
    assert code == 2
    assert words in err
    assert not out
    assert not (repository / "x").exists()


def test_outside_of_a_repository_revisions_are_trouble(capsys, monkeypatch, folder):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    code, _, err = run(capsys, "diff", "bifpn", "main:specs/bifpn.yaml")
    assert code == 2
    assert "there is no git repository here" in err


def test_without_git_revisions_are_trouble(capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    code, _, err = run(capsys, "diff", "bifpn", "main:specs/bifpn.yaml")
    assert code == 2
    assert "git is not installed" in err


def test_generated_files_are_for_breaking(capsys):
    code, _, err = run(capsys, "diff", "bifpn", "generated/bifpn_d0.py")
    assert code == 2
    assert "fpnc breaking" in err


class Terminal:
    """A stream that says it is a terminal."""

    def __init__(self, stream):
        self.stream = stream

    def isatty(self):
        return True

    def __getattr__(self, name):
        return getattr(self.stream, name)


@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(no_colour, coloured, capsys, monkeypatch):
    import sys

    monkeypatch.setenv("NO_COLOR", no_colour)
    monkeypatch.setattr(sys, "stdout", Terminal(sys.stdout))
    _, out, _ = run(capsys, "diff", "bifpn", "panet")
    assert ("\x1b[" in out) == coloured
