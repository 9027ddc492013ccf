"""`fpnc compare`: what it prints and writes, and what it says of wrong use."""

import csv
import io
import json
import re

import pytest

from fpncompiler import compile_spec
from fpncompiler.cli import main
from fpncompiler.comparison import figures
from tests.conftest import ROOT

FAULTY = (ROOT / "specs/panet.yaml").read_text().replace("[td(l),", "[tb(l),")

SEGMENTERS = ("semantic_fpn", "unet")  # their model has one phi
DETECTORS = sorted(path.stem for path in ROOT.glob("specs/*.yaml") if path.stem not in SEGMENTERS)


def rows_of(capsys, *arguments, code=0):
    """The rows of `--json`, by topology and phi."""
    assert main(["compare", *arguments, "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    return {(row["topology"], row["phi"]): row for row in document["rows"]}


@pytest.mark.parametrize("phi", [0, 3])
def test_costs_are_those_of_the_compilation(project, capsys, phi):
    found = rows_of(capsys, *(DETECTORS if phi else ["specs"]), "--phi", str(phi))
    assert len(found) == len(DETECTORS if phi else [*ROOT.glob("specs/*.yaml")])
    for row in found.values():
        compiled = compile_spec(row["spec"], phi)
        assert row["network_parameters"] == compiled.cost.network.parameters
        assert row["network_macs"] == compiled.cost.network.macs
        assert row["total_parameters"] == compiled.cost.total.parameters
        assert row["total_macs"] == compiled.cost.total.macs
        assert (row["image_height"], row["image_width"]) == compiled.model.resolution


def test_the_graph_of_bifpn_is_counted_as_the_paper_draws_it(project, capsys):
    # a layer has 8 nodes, 3 of 2 inputs and 3 of 3 beside p3_td and p7_out, of 2 each; P6 and P7
    # are made of C5; the first layer adapts C3, C4 and C5, and C4 and C5 for the skip
    row = rows_of(capsys, "bifpn")["bifpn", 0]
    assert (row["layers"], row["nodes"], row["edges"]) == (3, 3 * 8 + 2, 3 * (5 * 2 + 3 * 3) + 2)
    assert row["adapters"] == 6


def test_an_adapter_that_edges_share_is_one(project, capsys):
    text = "fpnc: 1\nname: shared\nextends: bifpn\nadapters: {sharing: per_source}\n"
    (project / "shared.yaml").write_text(text)
    found = rows_of(capsys, "bifpn", "shared.yaml")
    assert found["shared", 0]["adapters"] == found["bifpn", 0]["adapters"] - 2
    assert found["shared", 0]["nodes"] == found["bifpn", 0]["nodes"]
    assert found["shared", 0]["edges"] == found["bifpn", 0]["edges"]


def test_ratios_are_to_the_baseline_at_the_same_phi(project, capsys):
    found = rows_of(capsys, "fpn", "panet", "bifpn", "--phi", "0,2", "--baseline", "panet")
    for (_, phi), row in found.items():
        base = found["panet", phi]
        for key in ("network_parameters", "network_macs", "total_parameters", "total_macs"):
            assert row[f"{key}_ratio"] == pytest.approx(row[key] / base[key], abs=1e-6)
        memory = row["peak_memory_bytes"] / base["peak_memory_bytes"]
        assert row["peak_memory_ratio"] == pytest.approx(memory, abs=1e-6)
    assert found["panet", 2]["network_macs_ratio"] == 1


def test_without_a_baseline_the_first_is_it(project, capsys):
    assert rows_of(capsys, "bifpn", "fpn")["bifpn", 0]["network_macs_ratio"] == 1


@pytest.mark.parametrize(
    ("phi", "expected"),
    [("2", [2]), ("0..3", [0, 1, 2, 3]), ("0,3", [0, 3]), ("4,0..1", [0, 1, 4])],
)
def test_phis_are_given_as_numbers_and_ranges(project, capsys, phi, expected):
    assert [found for _, found in rows_of(capsys, "fpn", "--phi", phi)] == expected


@pytest.mark.parametrize("phi", ["", "3..1", "-1", "x", "1..", "1,,2", "1e3", "٣", "0..1000"])
def test_other_phis_are_refused(project, capsys, phi):
    assert main(["compare", "fpn", f"--phi={phi}"]) == 2
    assert "0..3" in capsys.readouterr().err


def test_options_of_a_compilation_are_shared(project, capsys):
    found = rows_of(capsys, "fpn", "--variant", "lite2", "--classes", "7", "--levels", "3..6")
    compiled = compile_spec("specs/fpn.yaml", variant="lite2", num_classes=7, levels=(3, 6))
    row = found["fpn", 2]
    assert (row["variant"], row["total_parameters"]) == ("lite2", compiled.cost.total.parameters)


def test_specs_are_sorted_within_each_phi(project, capsys):
    arguments = ["bifpn", "fpn", "panet", "--phi", "0..1", "--sort", "network_macs"]
    names = [name for name, _ in rows_of(capsys, *arguments)]
    assert names == ["fpn", "bifpn", "panet"] * 2
    names = [name for name, _ in rows_of(capsys, *arguments, "--descending")]
    assert names == ["panet", "bifpn", "fpn"] * 2


def test_a_spec_given_twice_is_compared_once(project, capsys):
    assert len(rows_of(capsys, "fpn", "specs/fpn.yaml", "./specs/fpn.yaml")) == 1


def test_topologies_of_one_name_go_by_their_files(project, capsys):
    text = (ROOT / "specs/fpn.yaml").read_text()
    (project / "mine.yaml").write_text(text.replace("levels: 3..7", "levels: 3..6"))
    assert {name for name, _ in rows_of(capsys, "fpn", "mine.yaml")} == {
        "specs/fpn.yaml",
        "mine.yaml",
    }


def test_the_table_of_all_shipped_specs_fits_100_columns(project, capsys):
    assert main(["compare", *DETECTORS, "table_5", "--phi", "0..3", "--against", "table_5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert next(line for line in lines if line.startswith("phi ")) == "phi 0, images of 512x512"


def test_csv_has_the_figures_of_the_json(project, capsys):
    found = rows_of(capsys, "fpn", "bifpn", "--phi", "0..1")
    assert main(["compare", "fpn", "bifpn", "--phi", "0..1", "--csv"]) == 0
    table = [*csv.DictReader(io.StringIO(capsys.readouterr().out))]
    expected = [{key: str(value) for key, value in row.items()} for row in found.values()]
    assert table == expected


def test_markdown_has_a_table_a_phi(project, capsys):
    assert main(["compare", "fpn", "repeated_fpn", "--phi", "0..1", "--markdown"]) == 0
    out = capsys.readouterr().out
    tables = [part for part in out.split("\n\n") if part.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert r"| repeated\_fpn | 32 |" in out


def test_names_of_files_stay_within_their_cells(project, capsys):
    text = (ROOT / "specs/fpn.yaml").read_text()
    for name in ("=1|2\n# x.yaml", "\x1b[31m.yaml"):
        (project / name).write_text(text)
    arguments = ["compare", "=1|2\n# x.yaml", "./\x1b[31m.yaml"]
    assert main([*arguments, "--markdown"]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 6
    assert "\x1b" not in out
    assert r"| \=1\|2" not in out
    assert r"=1\|2" in out
    assert main([*arguments, "--csv"]) == 0
    rows = [*csv.reader(io.StringIO(capsys.readouterr().out))]
    assert len(rows) == 3
    assert not [cell for row in rows for cell in row if cell.startswith("=")]


def test_output_goes_to_a_file(project, capsys):
    assert main(["compare", "fpn", "--json", "-o", "found.json"]) == 0
    assert capsys.readouterr().out == "wrote found.json\n"
    assert json.loads((project / "found.json").read_text())["baseline"] == "fpn"


def test_a_spec_with_faults_does_not_hide_the_others(project, capsys):
    (project / "faulty.yaml").write_text(FAULTY)
    assert main(["compare", "fpn", "faulty.yaml", "bifpn", "--phi", "0..2", "--json"]) == 1
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert {row["topology"] for row in document["rows"]} == {"fpn", "bifpn"}
    assert document["failed"] == ["faulty.yaml"]
    assert printed.err.count("error[F204]") == 1  # though three phis have the fault


def test_a_fault_of_several_specs_is_told_once(project, capsys):
    assert main(["compare", *SEGMENTERS, "--phi", "0..1"]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("error[F502]") == 1
    assert "left out where they are: specs/semantic_fpn.yaml, specs/unet.yaml" in printed.err
    assert "phi 0, images of" in printed.out


def test_a_fault_at_one_phi_leaves_the_others(project, capsys):
    found = rows_of(capsys, "yolov8_pan", "--phi", "4..5", code=1)
    assert [*found] == [("yolov8_pan", 4)]


def test_a_baseline_with_faults_leaves_the_costs(project, capsys):
    (project / "faulty.yaml").write_text(FAULTY)
    arguments = ["fpn", "faulty.yaml", "--baseline", "faulty"]
    row = rows_of(capsys, *arguments, code=1)["fpn", 0]
    assert row["network_macs"] > 0
    assert row["network_macs_ratio"] is None
    assert main(["compare", *arguments]) == 1
    assert "no ratios: the baseline `faulty` has faults" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fpn", "bifpn", "--baseline", "bifqn"], "did you mean `bifpn`?"),
        (["fpn", "bifqn"], "did you mean `bifpn`?"),
        (["fpn", "missing/spec.yaml"], "No such file"),
        (["fpn", "empty"], "the folder empty has no specs"),
        (["fpn", "--sort", "network_mac"], "did you mean `network_macs`?"),
        (["fpn", "--descending"], "--descending is for --sort"),
        (["fpn", "--rounds", "3"], "--rounds is for --measure"),
        (["fpn", "--measure", "--rounds", "0"], "'0' is no whole number"),
        (["fpn", "--json", "--csv"], "not allowed with"),
        (["fpn", "--html", "a", "-o", "./a"], "name one file"),
        (["fpn", "--against", "tabel_5"], "did you mean `table_5`?"),
        (["fpn", "--output-format", "json", "--csv"], "give -o FILE"),
        ([], "SPEC"),
    ],
)
def test_wrong_use_is_told_what_to_do(project, capsys, arguments, message):
    (project / "empty").mkdir()
    assert main(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--html", "-o"])
@pytest.mark.parametrize("place", ["folder", "file/out.html", "x" * 300, "no\0name"])
def test_an_output_that_cannot_be_written_is_told_before_any_work(
    project, capsys, monkeypatch, option, place
):
    (project / "folder").mkdir()
    (project / "file").write_text("")

    def work(*arguments):
        raise AssertionError("nothing is compared before")

    monkeypatch.setattr(figures, "row_of", work)
    assert main(["compare", "fpn", option, place]) == 2
    assert capsys.readouterr().err.startswith("error[F607]")


def test_published_figures_with_faults_are_shown_where_they_stand(project, capsys):
    text = "fpnc: 1\npublished: mine\nphi: no\nfigures:\n  fpn: {network_mac: 1, nodes: many}\n"
    (project / "mine.yaml").write_text(text)
    assert main(["compare", "fpn", "--against", "mine.yaml"]) == 1
    err = capsys.readouterr().err
    assert re.findall(r"mine.yaml:(\d+:\d+)", err) == ["3:6", "5:9", "5:32"]
    assert "did you mean `network_macs`?" in err


def test_published_ratios_come_with_their_baseline(project, capsys):
    assert main(["compare", "table_5", "--against", "table_5", "--baseline", "nas_fpn_plain"]) == 0
    assert "the published ratios are to `fpn_panet`" in capsys.readouterr().err
    assert main(["compare", "fpn", "--against", "table_5"]) == 2
    assert "the baseline `fpn_panet` is not compared" in capsys.readouterr().err


def test_a_published_figure_without_a_row_stands_alone(project, capsys):
    text = "fpnc: 1\npublished: mine\nfigures:\n  fpn: {nodes: 20}\n  bifpn: {nodes: 26}\n"
    (project / "mine.yaml").write_text(text)
    assert main(["compare", "bifpn", "--against", "mine.yaml", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["published"]["figures"]
    assert [(each["topology"], each["here"]) for each in figures] == [("fpn", None), ("bifpn", 26)]
    assert figures[1]["difference"] == 0
    assert main(["compare", "bifpn", "--against", "mine.yaml"]) == 0
