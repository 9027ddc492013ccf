"""`fpnc draw`, as users call it, rightly and wrongly."""

import json
import os
import shlex
import sys

import pytest

from fpncompiler.cli import main
from fpncompiler.drawing.drawings import MAX_PARTS
from tests.conftest import ROOT

PNG = b"\x89PNG"


def run(capsys, *arguments):
    """Exit code, standard output, standard error of a command."""
    code = main(["draw", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_an_svg_goes_to_build(project, capsys):
    code, out, err = run(capsys, "specs/bifpn.yaml", "--phi", "3")
    assert (code, out, err) == (0, "wrote build/bifpn_d3.svg\n", "")
    text = (project / "build/bifpn_d3.svg").read_text()
    assert text.startswith("<svg ")
    assert "<title>BiFPN (d3)</title>" in text
    assert "bifpn &#215; 6" in text


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--stages"], "bifpn_d0_stages.svg"),
        (["--levels", "3..5"], "bifpn_d0_p3_p5.svg"),
        (["--name", "mine"], "mine.svg"),
        (["--name", "mine", "--stages"], "mine.svg"),
        (["specs/fpn.yaml"], "bifpn_fpn_d0.svg"),
        (["--format", "png"], "bifpn_d0.png"),
    ],
)
def test_files_are_called_by_what_was_chosen(project, capsys, arguments, name):
    code, out, _ = run(capsys, "specs/bifpn.yaml", *arguments)
    assert (code, out) == (0, f"wrote build/{name}\n")
    assert [path.name for path in (project / "build").iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.svg", b"<svg "),
        ("a.SVG", b"<svg "),
        ("a.png", PNG),
        ("a.mmd", b"---\ntitle"),
        ("a.mermaid", b"---\ntitle"),
        ("a.dot", b"digraph "),
        ("a.gv", b"digraph "),
        ("deep/er/a.svg", b"<svg "),
    ],
)
def test_the_suffix_says_the_format(project, capsys, name, start):
    code, out, _ = run(capsys, "specs/fpn.yaml", "-o", name)
    assert (code, out) == (0, f"wrote {name}\n")
    assert (project / name).read_bytes().startswith(start)


def test_a_format_needs_no_suffix(project, capsys):
    assert run(capsys, "specs/fpn.yaml", "-o", "drawing", "--format", "dot")[0] == 0
    assert (project / "drawing").read_text().startswith("digraph ")


@pytest.mark.parametrize(("form", "start"), [("dot", "digraph "), ("mermaid", "---\n")])
def test_texts_are_printed(project, capsys, form, start):
    code, out, err = run(capsys, "specs/fpn.yaml", "--format", form)
    assert (code, err) == (0, "")
    assert out.startswith(start)
    assert not (project / "build").exists()


def test_an_svg_is_printed_if_asked(project, capsys):
    _, out, _ = run(capsys, "specs/fpn.yaml", "-o", "-")
    run(capsys, "specs/fpn.yaml", "-o", "file.svg")
    assert out == (project / "file.svg").read_text()


def test_a_png_is_piped(project, capfdbinary):
    assert main(["draw", "specs/fpn.yaml", "--format", "png", "-o", "-"]) == 0
    sys.stdout.flush()
    assert capfdbinary.readouterr().out.startswith(PNG)


def test_drawing_again_replaces_the_drawing(project, capsys):
    run(capsys, "specs/fpn.yaml", "-o", "a.svg")
    run(capsys, "specs/bifpn.yaml", "-o", "a.svg")
    assert "<title>BiFPN" in (project / "a.svg").read_text()


def test_stages_end_with_the_network(project, capsys):
    run(capsys, "specs/bifpn.yaml", "--stages", "-o", "a.svg")
    text = (project / "a.svg").read_text()
    headings = ["as declared", "after prune_single_input", "after add_same_level_skip", "repeated"]
    places = [text.index(f">{heading}</text>") for heading in headings]
    assert places == sorted(places)


def test_several_specs_stand_side_by_side(project, capsys):
    run(capsys, "specs/fpn.yaml", "specs/panet.yaml", "-o", "a.svg")
    text = (project / "a.svg").read_text()
    assert ">FPN (d0)</text>" in text
    assert ">PANet (d0)</text>" in text


def test_themes_are_fixed_if_asked(project, capsys):
    texts = {}
    for theme in ("auto", "light", "dark"):
        run(capsys, "specs/fpn.yaml", "--theme", theme, "-o", "a.svg")
        texts[theme] = (project / "a.svg").read_text()
    assert "prefers-color-scheme" in texts["auto"]
    assert "prefers-color-scheme" not in texts["light"] + texts["dark"]
    assert texts["light"] != texts["dark"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a.pdf"], "-o a.pdf: name a file that ends in .svg, .png, .mmd, .mermaid, .dot"),
        (["-o", "folder/"], "name a file that ends in"),
        (["-o", "a.svg", "--format", "png"], "-o a.svg: a file for --format png ends in .png"),
        (["--layers", "0"], "'0' is no number of layers from 1 to 1000"),
        (["--layers", "x"], "'x' is no number of layers"),
        (["--layers", "2", "--stages"], "not allowed with argument"),
        (["--stages", "specs/fpn.yaml"], "--stages is for one SPEC"),
        (["--stages", "--adapters"], "--adapters is not for --stages"),
        (["--format", "pdf"], "invalid choice: 'pdf'"),
        (["--theme", "blue"], "invalid choice: 'blue'"),
        (["--format", "dot", "--output-format", "json"], "give -o FILE"),
        (["--levels", "x"], "--levels x: write two levels"),
    ],
)
def test_wrong_use_is_told(project, capsys, arguments, message):
    code, _, err = run(capsys, "specs/bifpn.yaml", *arguments)
    assert code == 2
    assert message in err.replace("\n", " ")
    assert not (project / "build").exists()


def test_a_faulty_spec_is_not_drawn(project, capsys):
    (project / "bad.yaml").write_text("fpnc: 1\nname: bad\nlevels: 3..7\nnodes: {td(l): tx(l)}\n")
    code, _, err = run(capsys, "specs/fpn.yaml", "bad.yaml", "missing.yaml", "-o", "a.svg")
    assert code == 2  # for the file that is missing
    assert "error[F204]" in err
    assert "missing.yaml" in err
    assert not (project / "a.svg").exists()
    assert run(capsys, "specs/fpn.yaml", "bad.yaml")[0] == 1


def test_findings_are_for_programs_if_asked(project, capsys):
    (project / "bad.yaml").write_text("fpnc: 1\nname: bad\nlevels: 3..7\nnodes: {td(l): tx(l)}\n")
    code, out, _ = run(capsys, "bad.yaml", "-o", "a.svg", "--output-format", "json")
    assert code == 1
    assert any(found["code"] == "F204" for found in json.loads(out)["diagnostics"])
    code, out, err = run(capsys, "specs/fpn.yaml", "-o", "a.svg", "--output-format", "json")
    assert json.loads(out)["diagnostics"] == []
    assert "wrote a.svg" in err


@pytest.mark.skipif(os.name != "posix", reason="there is no such file elsewhere")
@pytest.mark.parametrize("output", ["/proc/a.svg", "/dev/null/a.svg", "folder.svg", "a\0.svg"])
def test_what_cannot_be_written_is_told(project, capsys, output):
    (project / "folder.svg").mkdir()
    code, _, err = run(capsys, "specs/fpn.yaml", "-o", output)
    assert code == 2
    assert err.startswith("error")
    assert "Traceback" not in err


def test_a_png_without_the_renderer_says_what_to_install(project, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    code, _, err = run(capsys, "specs/fpn.yaml", "-o", "a.png")
    assert code == 2
    assert err == (
        "error: a PNG needs resvg-py\n  = help: pip install 'fpnc[draw]', or write SVG\n"
    )


def test_what_nobody_could_read_is_not_drawn(project, capsys):
    nodes = "  f(l, 1): in(*)\n  f(l, k): f(*, k-1)\n  out(l): f(l, last)\n"
    head = "fpnc: 1\nname: large\nlevels: 3..8\ndepth: 60\nk: 1..depth\nwidth: 8\n"
    (project / "large.yaml").write_text(f"{head}outputs: out\nnodes:\n{nodes}")
    specs = ["large.yaml"] * 3
    code, _, err = run(capsys, *specs, "-o", "a.svg")
    assert code == 2
    assert f"nodes and edges cannot be drawn: {MAX_PARTS} is the most" in err


def test_every_command_of_the_page_on_drawing_runs(project, capsys):
    page = (ROOT / "docs/drawing.md").read_text()
    commands = [line for line in page.splitlines() if line.startswith("fpnc draw ")]
    assert len(commands) >= 6
    for command in commands:
        words = shlex.split(command.partition("|")[0], comments=True)
        assert main(words[1:]) == 0, (command, capsys.readouterr().err)


def test_pictures_of_the_docs_are_up_to_date(tmp_path, monkeypatch, capsys):
    """`make pictures` repairs."""
    monkeypatch.chdir(ROOT)
    makefile = (ROOT / "Makefile").read_text()
    commands = [line.split()[1:] for line in makefile.splitlines() if "fpnc draw " in line]
    drawn = set()
    for words in commands:
        output = words[words.index("-o") + 1]
        made = tmp_path / os.path.basename(output)
        assert main([*words[: words.index("-o")], "-o", str(made)]) == 0
        assert made.read_bytes() == (ROOT / output).read_bytes(), output
        drawn.add(output)
    assert drawn == {str(p.relative_to(ROOT)) for p in (ROOT / "docs/pictures").glob("*.svg")}
