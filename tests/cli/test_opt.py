"""`fpnc opt`: graphs as text in, passes, graphs as text out."""

import io
import json
import sys

import pytest

from fpncompiler.cli import main

LAYER = """graph mine
  p3_in = input 3 width 64
  p4_in = input 4 width 64
  p4_td = fuse 4 width 64 sum [p4_in]
  p3_td = fuse 3 width 64 sum [p3_in, p4_td]
outputs p3=p3_td p4=p4_td
"""
PRUNED = """graph mine
  p3_in = input 3 width 64
  p4_in = input 4 width 64
  p3_td = fuse 3 width 64 sum [p3_in, p4_in]
outputs p3=p3_td p4=p4_in
"""
PRUNE = ("--pass", "prune_single_input")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layer.ir").write_text(LAYER)


def test_a_text_is_printed_in_its_canonical_form(capsys, tmp_path):
    (tmp_path / "layer.ir").write_text(LAYER.replace(" = ", "=").replace("  p", " p"))
    assert main(["opt", "layer.ir"]) == 0
    assert capsys.readouterr().out == LAYER


def test_passes_run_in_the_order_given(capsys):
    assert main(["opt", "layer.ir", *PRUNE]) == 0
    assert capsys.readouterr().out == PRUNED
    assert main(["opt", "layer.ir", "--pass", "insert_resampling", *PRUNE]) == 0
    assert "p4_in ^1" in capsys.readouterr().out


def type_in(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_standard_input_is_a_file(capsys, monkeypatch):
    type_in(monkeypatch, LAYER.encode())
    assert main(["opt", "-", *PRUNE]) == 0
    assert capsys.readouterr().out == PRUNED


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"", "1:1", "there is no graph in it"),
        (b"graph caf\xe9\n", "1:10", "the byte 0xe9 is no UTF-8"),
        (b"fpnc: 1\nname: mine\n", "1:1", "`fpnc` is no line of a graph"),
    ],
)
def test_what_is_no_text_of_graphs_is_told(capsys, monkeypatch, data, place, message):
    type_in(monkeypatch, data)
    assert main(["opt", "-"]) == 1
    captured = capsys.readouterr()
    assert f"<standard input>:{place}\n" in captured.err
    assert message in captured.err
    assert captured.out == ""


def test_a_device_without_end_is_too_large(capsys):
    assert main(["opt", "/dev/zero"]) == 1
    assert "error[F706]" in capsys.readouterr().err


NETWORK = """network mine
  taps c3=64 c4=64
outputs p4

extra graph extra_levels
  c3 = backbone 3 width 64
  c4 = backbone 4 width 64
outputs p3=c3 p4=c4

layer x1 graph mine
  p3_in = input 3 width 64
  p4_in = input 4 width 64
  p4_out = fuse 4 width 96 sum [p3_in *96 v1]
outputs p3=p3_in p4=p4_out
"""


def test_a_network_is_lowered_after_all_passes(capsys, tmp_path):
    (tmp_path / "wide.ir").write_text(NETWORK)
    assert main(["opt", "wide.ir", "--pass", "add_same_level_skip"]) == 1
    captured = capsys.readouterr()
    assert "after add_same_level_skip: network mine" in captured.err
    assert "p4_out: input 0 arrives 64 wide, not 96" in captured.err
    assert captured.out == ""
    words = ("--pass", "add_same_level_skip", "--pass", "insert_adapters")
    assert main(["opt", "wide.ir", *words]) == 0
    assert "[p4_in *96, p3_in *96 v1]" in capsys.readouterr().out


def test_output_goes_to_a_file(capsys, tmp_path):
    assert main(["opt", "layer.ir", *PRUNE, "-o", "pruned.ir"]) == 0
    assert capsys.readouterr().out == "wrote pruned.ir\n"
    assert (tmp_path / "pruned.ir").read_text() == PRUNED
    assert main(["opt", "pruned.ir", *PRUNE, "-o", "pruned.ir"]) == 0
    assert (tmp_path / "pruned.ir").read_text() == PRUNED, "it may be the file that was read"


def test_verify_only_prints_nothing(capsys):
    assert main(["opt", "layer.ir", *PRUNE, "--verify-only"]) == 0
    assert capsys.readouterr() == ("", "")


def test_several_items_stay_several(capsys, tmp_path):
    (tmp_path / "two.ir").write_text(f"{LAYER}\n{LAYER}")
    assert main(["opt", "two.ir", *PRUNE]) == 0
    assert capsys.readouterr().out == f"{PRUNED}\n{PRUNED}"


def test_faults_are_findings_with_a_place(capsys, tmp_path):
    (tmp_path / "layer.ir").write_text(LAYER.replace("[p3_in, p4_td]", "[p3_in, p4_dt]"))
    assert main(["opt", "layer.ir"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "error[F704]" in captured.err
    assert "layer.ir:5:39" in captured.err
    assert "did you mean `p4_td`?" in captured.err
    assert "--fix" not in captured.err, "nothing is mended here"


def test_faults_are_json_where_that_is_asked_for(capsys, tmp_path):
    (tmp_path / "layer.ir").write_text("graph mine\n")
    assert main(["opt", "layer.ir", "--output-format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert found["code"] == "F701"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("layer.ir", "--pass", "prune_single_inputs"), "did you mean `prune_single_input`?"),
        (("layer.ir", "--pass", "repeat"), "no such pass"),
        (("layer.ir", "--pass", "fold"), "known: `add_same_level_skip`"),
        (("layer.ir", "--pass"), "expected one argument"),
        (("layer.ir", "more.ir"), "unrecognized arguments: more.ir"),
        (("none.ir",), "none.ir: No such file or directory"),
        ((".",), ".: Is a directory"),
        (("layer.ir", "-o", "none/out.ir"), "none/out.ir: No such file or directory"),
        (("layer.ir", "-o", "."), ".: Is a directory"),
        ((), "FILE"),
    ],
)
def test_wrong_uses_are_trouble(capsys, words, message):
    assert main(["opt", *words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
