"""fpnc check: what it prints, what it mends, and what it leaves alone."""

import json
import os
import subprocess
import sys

import pytest

from fpncompiler import mending
from fpncompiler.cli import main

FAULTY = """\
# mine
name: mine
levels: 3-7
nodes:
  td(l): {inputs: [im(l), td(l+1)], keep: yes, fusoin: sum, channels: 010}
outputs: td
"""
SAFELY = """\
# mine
fpnc: 1
name: mine
levels: 3..7
nodes:
  td(l): {inputs: [im(l), td(l+1)], keep: true, fusion: sum, channels: 010}
outputs: td
"""
WHOLLY = SAFELY.replace("im(l)", "in(l)").replace("channels: 010", "width: 10")
JUMPING = "fpnc: 1\nname: mine\nlevels: 3..7\nnodes:\n  out(l): [in(l), in(l+3)]\noutputs: out\n"


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.yaml"
    path.write_text(FAULTY)
    return path


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(["check", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_all_faults_are_listed_and_counted(spec, capsys):
    code, out, err = run(capsys, "mine.yaml")
    assert (code, out) == (1, "")
    assert err.count("error[") == 6
    assert err.rstrip().splitlines()[-1] == "6 errors"
    assert spec.read_text() == FAULTY


def test_safe_fixes_alone_are_made(spec, capsys):
    code, out, err = run(capsys, "mine.yaml", "--fix")
    assert code == 1
    assert out == "mine.yaml: mended 4 faults\n"
    assert err.count("error[") == 2
    assert spec.read_text() == SAFELY


def test_unsafe_fixes_make_the_rest(spec, capsys):
    code, out, err = run(capsys, "mine.yaml", "--unsafe-fixes")
    assert (code, err) == (0, "")
    assert out.startswith("mine.yaml: mended 7 faults\nmine.yaml: EfficientDet-D0 with mine")
    assert spec.read_text() == WHOLLY


def test_a_mended_spec_keeps_its_line_ends_and_its_comments(spec, capsys):
    text = WHOLLY.replace("true", "yes").replace("td\n", "td  # kept\n").replace("\n", "\r\n")
    spec.write_bytes(text.encode())
    run(capsys, "mine.yaml", "--fix")
    assert spec.read_bytes().decode() == text.replace("yes", "true")


def test_quotes_around_a_mended_word_stay(spec, capsys):
    spec.write_text(WHOLLY.replace("fusion: sum", "\"fusoin\": 'summ'"))
    assert run(capsys, "mine.yaml", "--fix")[0] == 0
    assert spec.read_text() == WHOLLY.replace("fusion: sum", "\"fusion\": 'sum'")


def test_a_parent_is_not_mended(spec, tmp_path, capsys):
    (tmp_path / "base.yaml").write_text(FAULTY)
    spec.write_text("fpnc: 1\nname: mine\nextends: base\n")
    assert run(capsys, "mine.yaml", "--unsafe-fixes")[0] == 1
    assert (tmp_path / "base.yaml").read_text() == FAULTY


def test_nothing_to_mend_writes_nothing(spec, capsys):
    spec.write_text(WHOLLY)
    before = spec.stat()
    code, out, _ = run(capsys, "mine.yaml", "--fix")
    assert (code, "mended" in out) == (0, False)
    assert spec.stat().st_mtime_ns == before.st_mtime_ns


def test_a_spec_that_cannot_be_read_is_trouble(spec, capsys):
    code, _, err = run(capsys, "nowhere.yaml", "mine.yaml", "--fix")
    assert code == 2
    assert "cannot read nowhere.yaml" in err
    assert spec.read_text() == SAFELY


def test_warnings_are_no_findings_unless_strict(spec, capsys):
    spec.write_text(JUMPING)
    code, out, err = run(capsys, "mine.yaml")
    assert code == 0
    assert out.startswith("mine.yaml: EfficientDet-D0")
    assert "warning[W303]" in err
    assert err.rstrip().endswith("1 warning")
    assert run(capsys, "mine.yaml", "--strict")[0] == 1


def test_several_specs_are_counted_together(spec, tmp_path, capsys):
    (tmp_path / "other.yaml").write_text(JUMPING)
    code, _, err = run(capsys, "mine.yaml", "other.yaml")
    assert code == 1
    assert err.rstrip().splitlines()[-1] == "6 errors, 1 warning; faulty specs: 1 of 2"


def test_json_is_one_document_on_standard_output(spec, tmp_path, capsys):
    (tmp_path / "other.yaml").write_text(JUMPING)
    code, out, _ = run(capsys, "mine.yaml", "other.yaml", "no.yaml", "--output-format", "json")
    assert code == 2
    found = json.loads(out)["diagnostics"]
    assert sorted({d["span"]["file"] for d in found if d["span"]}) == ["mine.yaml", "other.yaml"]
    assert [d["severity"] for d in found].count("error") == 7
    assert any("cannot read no.yaml" in d["message"] for d in found)


def test_json_of_a_clean_spec_is_an_empty_list(spec, capsys):
    spec.write_text(WHOLLY)
    code, out, _ = run(capsys, "mine.yaml", "--output-format", "json")
    assert (code, json.loads(out)) == (0, {"version": 1, "diagnostics": []})


def test_github_gets_annotations(spec, capsys):
    code, out, _ = run(capsys, "mine.yaml", "--output-format", "github")
    assert code == 1
    lines = out.splitlines()
    assert len(lines) == 6
    assert all(line.startswith("::error file=mine.yaml,line=") for line in lines)


def test_compile_reports_in_the_same_formats(spec, capsys):
    code = main(["compile", "mine.yaml", "--output-format", "json"])
    assert (code, len(json.loads(capsys.readouterr().out)["diagnostics"])) == (1, 6)
    spec.write_text(JUMPING)
    code = main(["compile", "mine.yaml", "--output-format", "json"])
    said = capsys.readouterr()
    assert [d["code"] for d in json.loads(said.out)["diagnostics"]] == ["W303"]
    assert "wrote generated/mine_d0.py" in said.err
    assert code == 0
    spec.write_text(JUMPING + "width: 32\n")
    code = main(["compile", "mine.yaml", "--check", "--output-format", "github"])
    assert code == 1
    assert "::error title=F601::generated/mine_d0.py is stale" in capsys.readouterr().out


# What people bring from elsewhere, what --unsafe-fixes makes of it, whether --fix does too.
HABITS = [
    ("td(l): [in(i), td(i+1)]", "td(l): [in(l), td(l+1)]", False),
    ("td(l): [p3_in, p4_in]", "td(l): [in(3), in(4)]", False),
    ("td(l): {inputs: [in(l)], channels: 8}", "td(l): {inputs: [in(l)], width: 8}", False),
    ("td(l): {inputs: [in(l)], op: conv}", "td(l): {inputs: [in(l)], op: conv3x3}", False),
    ("td(l): {inputs: [in(l)], op: swish}", "td(l): {inputs: [in(l)], op: silu}", False),
    ("td(l): {inputs: [in(l)], widht: 8}", "td(l): {inputs: [in(l)], width: 8}", True),
    ("td(l): {inputs: [in(l)], width: 010}", "td(l): {inputs: [in(l)], width: 10}", True),
    (
        "td(l): {inputs: [in(l)], op: {kernal: 3}}",
        "td(l): {inputs: [in(l)], op: {kernel: 3}}",
        True,
    ),
    (
        "td(l): {inputs: [in(l)], op: [relu, rleu]}",
        "td(l): {inputs: [in(l)], op: [relu, relu]}",
        True,
    ),
    ("td(l): {inputs: [in(l)], keep: True}", "td(l): {inputs: [in(l)], keep: true}", True),
]


@pytest.mark.parametrize(("written", "meant", "safe"), HABITS)
def test_a_habit_is_mended(spec, capsys, written, meant, safe):
    text = WHOLLY.replace(
        "  td(l): {inputs: [in(l), td(l+1)], keep: true, fusion: sum, width: 10}", "  {}"
    )
    spec.write_text(text.format(written))
    run(capsys, "mine.yaml", "--fix")
    assert spec.read_text() == text.format(meant if safe else written)
    assert run(capsys, "mine.yaml", "--unsafe-fixes")[0] == 0
    assert spec.read_text() == text.format(meant)


def test_no_safe_fix_turns_one_known_word_into_another(spec, capsys):
    """`swish` is SiLU, and near `mish`; `reluu` may be `relu` or `relu6`."""
    for word, left in [
        ("swish", "swish"),
        ("misch", "mish"),
        ("reluu", "reluu"),
        ("sigmoidd", "sigmoid"),
    ]:
        spec.write_text(WHOLLY + f"activation: {word}\n")
        run(capsys, "mine.yaml", "--fix")
        assert f"activation: {left}\n" in spec.read_text()


def test_an_edit_made_meanwhile_is_not_lost(spec, capsys, monkeypatch):
    """Between the reading and the writing of a fix somebody else saves the file."""
    original = mending.apply_fixes

    def slow(text, fixes):
        spec.write_text(FAULTY + "# precious\n")
        return original(text, fixes)

    monkeypatch.setattr(mending, "apply_fixes", slow)
    code, _, err = run(capsys, "mine.yaml", "--fix")
    assert code == 2
    assert "has changed meanwhile" in err
    assert err.count("error[F20") == 6  # the spec is looked at all the same
    assert spec.read_text() == FAULTY + "# precious\n"


def test_a_new_line_ends_as_the_others_do(spec, capsys):
    spec.write_bytes(WHOLLY.replace("fpnc: 1\n", "").replace("\n", "\r\n").encode())
    assert run(capsys, "mine.yaml", "--fix")[0] == 0
    assert spec.read_bytes() == WHOLLY.replace("\n", "\r\n").encode()


def test_two_fixes_that_do_not_agree_leave_the_others_to_be_made(spec, capsys):
    """`fusio` and `fuson` would be one key twice; the levels have nothing to do with it."""
    spec.write_text(WHOLLY.replace("3..7", "3-7") + "fusio: sum\nfuson: sum\n")
    run(capsys, "mine.yaml", "--fix")
    mended = spec.read_text()
    assert "levels: 3..7\n" in mended
    assert mended.count("fusion: sum\n") == 1


def test_many_fixes_of_one_line_are_all_made(spec, capsys):
    steps = ", ".join(["rleu"] * 14)
    spec.write_text(WHOLLY + f"op: [{steps}]\n")
    assert run(capsys, "mine.yaml", "--fix")[0] == 0
    assert spec.read_text().endswith(f"op: [{steps.replace('rleu', 'relu')}]\n")


def test_what_has_no_end_is_neither_read_nor_mended(capsys):
    code, _, err = run(capsys, "/dev/zero", "--fix")
    assert (code, err) == (2, "error[F607]: /dev/zero is no file that can be mended\n")
    code, _, err = run(capsys, "/dev/zero")
    assert code == 1
    assert "F105" in err


GOOD = WHOLLY.replace("mine", "good")


def test_options_may_stand_between_specs(spec, capsys):
    (spec.parent / "good.yaml").write_text(GOOD)
    code, out, err = run(capsys, "good.yaml", "--phi", "1", "mine.yaml", "--strict")
    assert code == 1
    assert "good.yaml: EfficientDet-D1" in out
    assert err.endswith("6 errors; faulty specs: 1 of 2\n")


def test_a_spec_that_is_named_twice_is_looked_at_once(spec, capsys):
    _, _, err = run(capsys, "mine.yaml", str(spec), "./mine.yaml")
    assert err.endswith("\n\n6 errors\n")


def test_a_pipe_is_read_once_and_not_mended(spec, capsys):
    os.mkfifo("pipe")
    with open(os.open("pipe", os.O_RDWR), "wb", 0) as pipe:
        pipe.write(FAULTY.encode())
        code, _, err = run(capsys, "pipe", "--fix")
        assert (code, err) == (2, "error[F607]: pipe is no file that can be mended\n")
        assert os.read(pipe.fileno(), 4096) == FAULTY.encode()


def test_a_read_only_spec_is_not_mended(spec, capsys):
    spec.chmod(0o444)
    code, _, err = run(capsys, "mine.yaml", "--fix")
    assert code == 2
    assert err.startswith("error[F607]: ")
    assert "mine.yaml is read-only" in err
    assert err.endswith("6 errors\n")
    assert spec.read_text() == FAULTY


def test_two_names_of_one_spec_are_not_parted(spec, capsys):
    os.link(spec, spec.parent / "other.yaml")
    code, _, err = run(capsys, "mine.yaml", "--fix")
    assert code == 2
    assert "one file with 2 names" in err
    assert os.path.samefile(spec, spec.parent / "other.yaml")


def test_a_link_stays_a_link_to_what_is_mended(spec, capsys):
    os.symlink("mine.yaml", "link.yaml")
    run(capsys, "link.yaml", "--fix")
    assert os.path.islink("link.yaml")
    assert spec.read_text() == SAFELY


def test_a_spec_that_cannot_be_read_has_a_code(spec, capsys):
    code, out, _ = run(capsys, "nothing.yaml", "--output-format", "json")
    found = json.loads(out)["diagnostics"]
    assert (code, [each["code"] for each in found]) == (2, ["F607"])


@pytest.mark.parametrize("option", [["--output-format", "json"], ["--output-format=json"]])
@pytest.mark.parametrize("wrong", ["--phi=x", "--nothing", "--levels=9"])
def test_programs_get_a_document_of_a_usage_error_too(spec, capsys, option, wrong):
    code, out, err = run(capsys, "mine.yaml", *option, wrong)
    (found,) = json.loads(out)["diagnostics"]
    assert code == 2
    assert wrong.split("=")[0] in found["message"]
    assert found["message"] in err


def test_a_workflow_gets_an_annotation_of_a_usage_error(spec, capsys):
    code, out, _ = run(capsys, "--output-format", "github")
    assert (code, out) == (2, "::error::the following arguments are required: SPEC\n")


@pytest.mark.parametrize("option", ["--output-form", "--o"])
def test_a_format_may_be_abbreviated_in_a_usage_error(spec, capsys, option):
    code, out, _ = run(capsys, "mine.yaml", option, "json", "--phi=x")
    assert (code, len(json.loads(out)["diagnostics"])) == (2, 1)


@pytest.mark.parametrize(
    "words",
    [
        ["--output-format", "json", "--output-format", "text"],
        ["an --output-format json"],
        ["--", "--output-format", "json"],
    ],
)
def test_a_usage_error_is_no_document_where_none_is_asked_for(spec, capsys, words):
    code, out, _ = run(capsys, "--phi=x", *words)
    assert (code, out) == (2, "")


@pytest.mark.parametrize("path", ["/dev/stdin", "/dev/fd/0", "link.yaml"])
def test_a_spec_that_is_standard_input_is_not_mended(spec, path):
    """Though it is a plain file: its number leads to the old one once it is replaced."""
    os.symlink("/dev/stdin", "link.yaml")
    command = [sys.executable, "-m", "fpncompiler.cli", "check", path, "--fix"]
    with spec.open() as file:
        done = subprocess.run(command, stdin=file, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error[F607]: {path} is no file that can be mended\n")
    assert done.stderr.endswith("\n6 errors\n")
    assert spec.read_text() == FAULTY


def test_a_file_that_others_may_write_is_not_replaced(spec, capsys, monkeypatch):
    """The folder is open to us, and so to a rename; the file is not."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    before = spec.stat()
    code, _, err = run(capsys, "mine.yaml", "--fix")
    assert code == 2
    assert err.startswith("error[F607]: mine.yaml is read-only\n  = help: make it writable")
    assert spec.stat().st_ino == before.st_ino


@pytest.mark.parametrize("fix", [[], ["--fix"]])
@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_what_no_file_can_be_called_hides_no_other_spec(spec, capsys, name, fix):
    code, _, err = run(capsys, name, "mine.yaml", *fix)
    assert code == 2
    assert err.startswith("error[F607]: cannot read ")
    assert "error[F204]" in err
