"""Diagnostics for people, for programs and for workflows: complete, and harmless to all of them."""

import json

import pytest

from fpncompiler.diagnostics import Diagnostic, Edit, Fix, Label, Span, SpecError, render
from fpncompiler.diagnostics.formats import as_github, as_json
from fpncompiler.options import Options
from fpncompiler.pipeline import check_spec

HERE = Span("specs/mine.yaml", 2, 8, 13)
ABOVE = Span("specs/mine.yaml", 1, 3, 5)
TEXTS = {"specs/mine.yaml": ["  td(l): [in(l)]", "  up:  [tb(l)]", "", "  x: [y]"]}
FAULT = Diagnostic(
    "F204",
    "`tb(l)` is not defined",
    HERE,
    label="no such node",
    help="did you mean `td`?",
    labels=(Label(ABOVE, "this one is"),),
    fix=Fix((Edit(HERE, "tb", "td"),), safe=False),
)
WARNING = Diagnostic("W301", "nothing reads it", ABOVE, severity="warning")
NOWHERE = Diagnostic("F502", "phi 9 is out of range")
HOSTILE = "\x1b[31m\r\n::error::%0Aowned ##[error]x \u202e\x9b"


def test_text_shows_both_places_of_a_fault():
    assert render([FAULT], TEXTS).splitlines() == [
        "error[F204]: `tb(l)` is not defined",
        " --> specs/mine.yaml:2:8",
        "  |",
        "1 |   td(l): [in(l)]",
        "  |   -- this one is",
        "2 |   up:  [tb(l)]",
        "  |        ^^^^^ no such node",
        "  = help: did you mean `td`? [--unsafe-fixes]",
    ]


def test_text_leaves_out_the_lines_between_and_names_a_second_file():
    far = Label(Span("specs/mine.yaml", 4, 3, 4), "far")
    other = Label(Span("specs/base.yaml", 1, 1, 2), "there")
    texts = {**TEXTS, "specs/base.yaml": ["a: 1"]}
    shown = render([Diagnostic("F208", "twice", ABOVE, labels=(far, other))], texts)
    assert shown.splitlines()[2:] == [
        "  |",
        "1 |   td(l): [in(l)]",
        "  |   ^^",
        "...",
        "4 |   x: [y]",
        "  |   - far",
        " ::: specs/base.yaml:1:1",
        "  |",
        "1 | a: 1",
        "  | - there",
    ]


def test_json_holds_all_that_a_diagnostic_says():
    document = json.loads(as_json([NOWHERE, FAULT]))
    assert document["version"] == 1
    fault, nowhere = document["diagnostics"]
    span = {"file": "specs/mine.yaml", "line": 2, "column": 8, "end_column": 13}
    assert fault == {
        "code": "F204",
        "severity": "error",
        "message": "`tb(l)` is not defined",
        "span": span,
        "label": "no such node",
        "labels": [
            {
                "span": {**span, "line": 1, "column": 3, "end_column": 5},
                "text": FAULT.labels[0].text,
            }
        ],
        "help": "did you mean `td`?",
        "fix": {"safe": False, "edits": [{"span": span, "old": "tb", "new": "td"}]},
    }
    assert (nowhere["code"], nowhere["span"], nowhere["fix"]) == ("F502", None, None)


def test_github_puts_faults_before_warnings():
    assert as_github([WARNING, FAULT, NOWHERE]).splitlines() == [
        "::error file=specs/mine.yaml,line=2,col=8,endColumn=13,title=F204"
        "::`tb(l)` is not defined%0Ahelp: did you mean `td`?",
        "::error title=F502::phi 9 is out of range",
        "::warning file=specs/mine.yaml,line=1,col=3,endColumn=5,title=W301::nothing reads it",
    ]


@pytest.mark.parametrize("show", [as_json, as_github, lambda d: render(d, {})])
def test_no_format_lets_a_control_character_through(show):
    span = Span(f"a,b:{HOSTILE}.yaml", 1, 1, 2)
    hostile = Diagnostic("F204", HOSTILE, span, HOSTILE, HOSTILE, labels=(Label(span, HOSTILE),))
    shown = show([hostile])
    assert not [c for c in shown if c != "\n" and not " " <= c <= "~"]
    assert "##[" not in shown


def test_json_says_what_the_text_said():
    (found,) = json.loads(as_json([Diagnostic("F204", HOSTILE)]))["diagnostics"]
    assert found["message"] == HOSTILE


def test_a_message_begins_no_second_workflow_command():
    span = Span(f"a,b:{HOSTILE}.yaml", 1, 1, 2)
    (line,) = as_github([Diagnostic("F204", HOSTILE, span, help=HOSTILE)]).splitlines()
    properties, message = line.removeprefix("::error ").split("::", 1)
    assert [part.split("=")[0] for part in properties.split(",")] == [
        "file",
        "line",
        "col",
        "endColumn",
        "title",
    ]
    assert "%0Aowned" not in message
    assert message.count("%0A") == 1  # between message and help


def test_fixes_of_a_base_are_not_advertised(tmp_path):
    base = "fpnc: 1\nname: base\nlevels: 3-7\nnodes:\n  td(l): [in(l), td(l+1)]\noutputs: td\n"
    (tmp_path / "base.yaml").write_text(base)
    child = tmp_path / "child.yaml"
    child.write_text("name: child\nextends: base\nfusions: sum\n")
    with pytest.raises(SpecError) as caught:
        check_spec(child, Options())
    text = str(caught.value)
    assert "write `3..7`\n" in f"{text}\n"
    assert text.count("[--fix]") == 1
    assert "did you mean `fusion`? [--fix]" in text
