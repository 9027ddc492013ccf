"""Drawings as Mermaid and DOT: complete, and harmless whatever a spec is called."""

import re
import shutil
import subprocess

import pytest

from fpncompiler.drawing.dot import quoted
from fpncompiler.drawing.drawings import network_drawing, told
from tests.drawing.specs import HARD, SPECS, checked, drawings

NAMES = [*SPECS, *HARD]
HOSTILE = '"]; end\n%%{init: {}}%% } \\" -> <b>&amp; \\N #quot; ` [x] \x00\x1b \U0001f4a3'


def mermaid_parts(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Node -> label, and the ends of edges; any other line must be of a known form."""
    nodes, edges = {}, []
    depth = 0
    body = text.split("flowchart LR\n")[1]
    for line in map(str.strip, body.splitlines()):
        if node := re.fullmatch(r'(\w+)\W+"([^"\n]*)"[\])}]+(:::\w+)?', line):
            nodes[node[1]] = node[2]
        elif edge := re.fullmatch(r"(\w+) (?:-->|==>|-\.->) (\w+)", line):
            edges.append((edge[1], edge[2]))
        elif re.fullmatch(r'subgraph \w+\["[^"]*"\]', line):
            depth += 1
        elif line == "end":
            depth -= 1
        else:
            assert re.match(r"(accDescr: |linkStyle [\d,]+ stroke:#|classDef \w+ stroke:#)", line)
    assert depth == 0
    return nodes, edges


@pytest.mark.parametrize("name", NAMES)
def test_mermaid_has_every_box_and_arrow(name):
    for drawing in drawings(name).values():
        text = told(drawing, "mermaid")
        assert text.isascii()
        nodes, edges = mermaid_parts(text)
        pictures = [panel.picture for panel in drawing.panels]
        assert len(nodes) == sum(len(picture.boxes) for picture in pictures)
        assert len(edges) == sum(len(picture.arrows) for picture in pictures)
        assert all(end in nodes for edge in edges for end in edge)
        styled = re.findall(r"linkStyle ([\d,]+)", text)
        numbers = [int(n) for each in styled for n in each.split(",")]
        assert sorted(numbers) == [*range(len(edges))]


def test_mermaid_of_a_stranger_is_text_alone():
    drawing = network_drawing(checked("fpn").network, HOSTILE)
    text = told(drawing, "mermaid")
    assert text.splitlines()[0] == "---"
    assert text.splitlines()[2:4] == ["---", "flowchart LR"]
    assert "\x1b" not in text
    assert mermaid_parts(text) == mermaid_parts(told(drawings("fpn")["network"], "mermaid"))


@pytest.mark.parametrize("name", NAMES)
def test_dot_has_every_box_and_arrow(name):
    for drawing in drawings(name).values():
        text = told(drawing, "dot")
        pictures = [panel.picture for panel in drawing.panels]
        names = re.findall(r'^ *("[^"]*") \[label=', text, re.MULTILINE)
        assert len(names) == len(set(names)) == sum(len(picture.boxes) for picture in pictures)
        edges = re.findall(r'^ *("[^"]*") -> ("[^"]*") \[', text, re.MULTILINE)
        assert len(edges) == sum(len(picture.arrows) for picture in pictures)
        assert all(end in names for edge in edges for end in edge)
        assert text.count("{") == text.count("}")


@pytest.mark.parametrize("text", [HOSTILE, "\\", '\\"', 'a"; b', "x\\N", "\ud800", "é中\u202e"])
def test_a_string_of_dot_ends_where_it_should(text):
    found = quoted(text)
    assert re.fullmatch(r'"(?:[^"\\]|\\\\)*"', found)
    assert "\n" not in found
    found.encode()


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
@pytest.mark.parametrize("name", ["bifpn", "nas_fpn", "qufpn", "the_same_twice", "long_names"])
def test_graphviz_reads_dot(name):
    for drawing in drawings(name).values():
        text = told(drawing, "dot")
        run = subprocess.run(["dot", "-Tplain"], input=text, text=True, capture_output=True)
        assert (run.returncode, run.stderr) == (0, "")
        lines = run.stdout.splitlines()
        boxes = sum(len(panel.picture.boxes) for panel in drawing.panels)
        assert sum(line.startswith("node ") for line in lines) == boxes
