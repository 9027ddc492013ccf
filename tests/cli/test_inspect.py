"""`fpnc inspect`: its forms agree with each other and with the cost that a compilation states."""

import csv
import io
import json

import pytest

from fpncompiler.cli import main
from tests.conftest import ROOT

SPECS = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
BIFPN = str(ROOT / "specs/bifpn.yaml")


def inspected(capsys, *words):
    assert main(["inspect", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("spec", SPECS)
def test_nodes_add_up_to_the_network(spec, capsys):
    found = json.loads(inspected(capsys, str(ROOT / f"specs/{spec}.yaml"), "--json"))
    parts = {part["part"]: part for part in found["parts"]}
    for figure in ("parameters", "macs", "activation_bytes"):
        total = sum(row["repeats"] * row[figure] for row in found["nodes"])
        assert total == parts["feature network"][figure]
        known = [parts[name][figure] for name in ("backbone", "feature network", "heads")]
        assert parts["total"][figure] == (None if None in known else sum(known))
    for row in found["nodes"]:
        assert row["stride"] == 2 ** row["level"]
        assert row["activation_bytes"] == 4 * row["channels"] * row["height"] * row["width"]


def test_figures_are_those_of_the_generated_file(capsys):
    parts = json.loads(inspected(capsys, BIFPN, "--phi", "3", "--json"))["parts"]
    assert [part["parameters"] for part in parts][-1] == 12_032_296
    text = (ROOT / "generated/bifpn_d3.py").read_text()
    for part in parts:
        assert f"{part['parameters']:,}" in text or part["part"] == "heads"


def test_csv_has_the_same_lines_as_json(capsys):
    found = json.loads(inspected(capsys, BIFPN, "--json"))
    rows = list(csv.DictReader(io.StringIO(inspected(capsys, BIFPN, "--csv"))))
    nodes = [row for row in rows if row["part"] == "node"]
    for row, expected in zip(nodes, found["nodes"], strict=True):
        assert {key: row[key] for key in expected} == {k: str(v) for k, v in expected.items()}
    assert [row["part"] for row in rows[len(nodes) :]] == [p["part"] for p in found["parts"]]


def test_table_names_the_line_of_each_node_and_fits_a_terminal(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = inspected(capsys, "specs/bifpn.yaml")
    line = next(line for line in text.splitlines() if line.split()[:1] == ["p4_td"])
    assert line.endswith("specs/panet.yaml:9")
    declared = (ROOT / "specs/panet.yaml").read_text().splitlines()[8]
    assert declared.strip().startswith("td(l)")
    assert "layers 2..3 (2 times the same)" in text
    for spec in ("bifpn", "gfpn_log2n", "fully_connected"):
        assert max(map(len, inspected(capsys, f"specs/{spec}.yaml").splitlines())) <= 100


def test_formulas_stand_beside_what_is_published(capsys):
    found = json.loads(inspected(capsys, BIFPN, "--scaling", "formula", "--json"))
    rows = {(row["phi"], row["figure"]): (row["formula"], row["published"])
            for row in found["scaling"]}  # fmt: skip
    assert rows[7, "width"] == ("520", "384")
    assert rows[7, "depth"] == ("10", "8")
    assert rows[6, "width"] == ("384", "384")
    assert rows[7, "resolution"] == ("1408", "1536")
    assert {phi for phi, _ in rows} == set(range(8))
    assert inspected(capsys, BIFPN, "--scaling", "formula").count("differs") > 5
    assert "differs" not in inspected(capsys, BIFPN)


def test_other_sizes_scale_the_maps(capsys):
    found = json.loads(inspected(capsys, BIFPN, "--image-size", "256x384", "--json"))
    assert found["image_size"] == [256, 384]
    finest = next(row for row in found["nodes"] if row["node"] == "p3_td")
    assert (finest["height"], finest["width"]) == (32, 48)


def test_output_goes_to_a_file(capsys, tmp_path):
    path = tmp_path / "found.json"
    assert inspected(capsys, BIFPN, "--json", "-o", str(path)) == f"wrote {path}\n"
    assert json.loads(path.read_text())["nodes"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([BIFPN, "--phi", "99"], 1, "phi 99 is out of range"),
        (["nowhere.yaml"], 2, "nowhere.yaml"),
        ([BIFPN, "--image-size", "64x64"], 2, "give sides of 128 pixels or more"),
        ([BIFPN, "--image-size", "12"], 2, "write HEIGHTxWIDTH"),
        ([BIFPN, "-o", "/nowhere/found.txt"], 2, "/nowhere/found.txt"),
        ([BIFPN, "--json", "--csv"], 2, "not allowed with"),
    ],
)
def test_bad_input_is_told(words, code, told, capsys):
    assert main(["inspect", *words]) == code
    assert told in capsys.readouterr().err
