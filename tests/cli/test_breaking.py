"""`fpnc breaking`: its forms, exit codes and refusals. What it finds is tested on models."""

import contextlib
import json

import pytest
import torch

from fpncompiler import load_model
from fpncompiler.breakage.compare import breaking
from fpncompiler.cli import main
from fpncompiler.detection.weights import rename_keys
from fpncompiler.reading.file import read_file
from fpncompiler.reading.values import NotUnderstoodError
from tests.cli.test_diff import PANET, git, run
from tests.conftest import ROOT

GENERATED = sorted((ROOT / "generated").glob("*.py"))
D0 = (ROOT / "generated/bifpn_d0.py").read_text()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.stem)
def test_a_generated_file_breaks_nothing_for_itself(path, capsys):
    code, out, _ = run(capsys, "breaking", path, path)
    assert code == 0
    assert out.endswith("the files are equal\n")


def test_a_spec_and_its_generated_file_are_equal(capsys):
    code, out, _ = run(capsys, "breaking", "bifpn", ROOT / "generated/bifpn_d3.py", "--phi", 3)
    assert (code, out.endswith("the files are equal\n")) == (0, True)


def test_another_shape_is_told_with_its_key(folder, capsys):
    (folder / "mine.yaml").write_text(PANET + "fusion: fast_normalized\n")
    more = PANET.replace("[in(l), td(l+1)]", "[in(l), td(l+1), in(l)]")
    (folder / "more.yaml").write_text(more + "fusion: fast_normalized\n")
    code, out, _ = run(capsys, "breaking", "mine.yaml", "more.yaml")
    assert code == 1
    assert "network.layers.{0..2}.p{3..6}_td.fuse.weight  [2] -> [3]" in out


def test_categories_choose_what_counts(capsys):
    words = ("breaking", "bifpn", "bifpn", "--json")
    assert run(capsys, *words)[0] == 0
    words = ("breaking", "panet", "simplified_panet")
    assert run(capsys, *words)[0] == 1
    code, out, _ = run(capsys, *words, "--category", "api,numerics")
    assert code == 0
    assert "WEIGHTS" not in out


def test_json_has_every_key(capsys):
    _, out, _ = run(capsys, "breaking", "panet", "simplified_panet", "--json")
    found = json.loads(out)
    (finding,) = (f for f in found["findings"] if f["code"] == "B811")
    assert finding["category"] == "weights"
    assert "network.layers.0.p7_td.conv.pointwise.weight" in {c["key"] for c in finding["changes"]}
    assert found["numerics_compared"] is False


def test_a_key_map_renames_a_checkpoint(folder, capsys):
    (folder / "old.yaml").write_text(PANET)
    (folder / "new.yaml").write_text(PANET.replace("td(", "mid("))
    code, out, err = run(capsys, "breaking", "old.yaml", "new.yaml", "--key-map", "map.json")
    assert code == 1
    assert "only names changed" in out
    assert err == "wrote map.json\n"
    with torch.device("meta"):
        old, new = load_model("old.yaml")(), load_model("new.yaml")()
    key_map = json.loads((folder / "map.json").read_text())
    new.load_state_dict(rename_keys(old.state_dict(), key_map), strict=True)


@pytest.mark.parametrize(
    ("new", "words"),
    [("panet", "the checkpoint loads as it is"), ("bifpn", "more than names changed")],
)
def test_no_key_map_is_written_where_none_is_of_use(new, words, folder, capsys):
    _, _, err = run(capsys, "breaking", "panet", new, "--key-map", "map.json")
    assert err == f"no key map is written: {words}\n"
    assert not (folder / "map.json").exists()


def test_a_generated_file_of_a_revision(folder, capsys):
    git(folder, "init", "-b", "main")
    (folder / "net.py").write_text(D0)
    git(folder, "add", "net.py")
    git(folder, "commit", "-m", "one")
    (folder / "net.py").write_text(D0.replace("nn.SiLU", "nn.ReLU"))
    code, out, _ = run(capsys, "breaking", "main:net.py", "net.py")
    assert code == 1
    assert "NUMERICS B833" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nope", "panet"), "there is no spec `nope`"),
        (("nope.py", "panet"), "cannot read nope.py"),
        (("panet", "panet", "--category", "weight"), "is no category"),
        (("a.py", "b.py", "--phi", "1"), "generated files have their options"),
        (("panet", ROOT / "fpncompiler/api.py"), "error: NEW"),
        (("panet", "panet", "--phi", "99"), "there is nothing to compare"),
        (("panet", ROOT / "specs/panet.yaml", "--key-map"), "expected one argument"),
    ],
)
def test_wrong_use_is_trouble(words, said, capsys):
    code, _, err = run(capsys, "breaking", *words)
    assert code == 2
    assert said in err


def test_a_key_map_that_cannot_be_written_is_trouble(folder, capsys):
    (folder / "old.yaml").write_text(PANET)
    (folder / "new.yaml").write_text(PANET.replace("td(", "mid("))
    code, _, err = run(capsys, "breaking", "old.yaml", "new.yaml", "--key-map", "none/map.json")
    assert code == 2
    assert "none/map.json" in err


def edited(old, new):
    assert old in D0
    return D0.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("IMAGE_MEAN = (0.485,", "IMAGE_MEAN = (0.5,", "B837"),
        ("ANCHOR_OCTAVES = 3", "ANCHOR_OCTAVES = 2", "B838"),
        ("        checkpoint: bool = False,", "        checkpoint: bool = True,", "B824"),
        ("def detect(", "def find(", "B821"),
        ("upsample_nearest(p7_in, p6_in)", "upsample_nearest(p6_in, p6_in)", "B832"),
        ("FastNormalizedFusion(2), Act", "FastNormalizedFusion(3), Act", "B813"),
        ("SeparableConv2d(64, 64)", "SeparableConv2d(64, 32)", "B813"),
        ("        height, width = images.shape[-2:]\n", "        height, width = 1, 1\n", "B839"),
        ('"""Class logits and box', '"""Logits and box', "B841"),
        ("drop_path_rate=0.2 if", "drop_path_rate=0.1 if", "B842"),
    ],
)
def test_an_edit_of_a_generated_file_is_found(old, new, code):
    found = breaking(D0, edited(old, new))
    assert code in {finding.code for finding in found.findings}


EVIL = "__import__('pathlib').Path('touched').touch()"


@pytest.mark.parametrize(
    "text",
    [
        f"{EVIL}\n{D0}",
        D0.replace("LEVELS = (3, 4, 5, 6, 7)", f"LEVELS = {EVIL}"),
        D0.replace("        super().__init__()\n", f"        {EVIL}\n        super().__init__()\n"),
        D0.replace("checkpoint: bool = False", f"checkpoint: bool = {EVIL}"),
        D0.replace("class EfficientDet(nn.Module):", f"@{EVIL}\nclass EfficientDet(nn.Module):"),
        "",
        "\0",
        "class EfficientDet: pass\nclass FeatureNetwork: pass",
        "class FeatureNetwork(FeatureNetwork): pass\nclass EfficientDet(EfficientDet): pass",
        "(" * 5000,
        "-" * 100_000 + "1",
        D0.replace("for _ in range(3)", "for _ in range(10 ** 9)"),
        D0.replace("for _ in range(3)", "for _ in range(2 ** 62)"),
        D0.replace("range(3)", "range(99_999) for _ in range(99_999) for _ in range(99_999)"),
        "class FeatureNetwork:\n def __init__(self, channels=(1,)): self.__init__()\n"
        "class EfficientDet:\n def __init__(self): FeatureNetwork()\n",
        "x = [0]\n" + "x = [x, x]\n" * 60 + D0,
        D0.replace("import math", "import math\nwhile True: pass"),
    ],
    ids=range(17),
)
def test_a_foreign_file_is_never_run_and_never_ends_the_reader(text, folder):
    with contextlib.suppress(NotUnderstoodError):
        breaking(D0, text)
    assert not (folder / "touched").exists()


def test_a_foreign_file_is_trouble_and_no_traceback(folder, capsys):
    (folder / "bad.py").write_bytes(b"\xff\xfe\x00")
    assert run(capsys, "breaking", "panet", "bad.py")[0] == 2
    (folder / "bad.py").write_text("class \x1b[31m")
    code, _, err = run(capsys, "breaking", "panet", "bad.py")
    assert code == 2
    assert "\x1b" not in err
    assert "failed" not in err


def test_reading_loads_no_library():
    assert read_file(D0).constants["IMAGE_SIZE"] == (512, 512)
    assert main(["breaking", "panet", "panet"]) == 0
