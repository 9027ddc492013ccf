"""The page of a comparison: one file that runs nothing but what fpnc has put there."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import pytest

from fpncompiler.cli import main
from tests.conftest import ROOT

HOSTILE = "</script><script>alert(1)</script>\u2028'\"&<b>"


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of each."""

    def __init__(self, text):
        super().__init__()
        self.found, self._open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), []))
        self._open.append(self.found[-1])

    def handle_data(self, data):
        if self._open:
            self._open[-1][2].append(data)

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def of(self, tag):
        return [(attrs, "".join(text)) for name, attrs, text in self.found if name == tag]


@pytest.fixture
def page(project, capsys):
    """Makes a page and returns its text."""

    def make(*arguments, code=0):
        assert main(["compare", *arguments, "--html", "page.html"]) == code
        return (project / "page.html").read_bytes().decode()

    return make


def test_nothing_is_loaded_from_elsewhere(page):
    text = page("fpn", "bifpn", "--phi", "0..1")
    elements = Elements(text)
    names = {tag for tag, *_ in elements.found}
    assert names.isdisjoint({"link", "img", "iframe", "object", "embed", "base", "image", "use"})
    for _, attributes, _ in elements.found:
        assert attributes.keys().isdisjoint({"src", "href", "xlink:href", "srcset", "action"})
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert set(re.findall(r"https?://[^\"'` ]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|innerHTML|eval\(", text)


def test_the_policy_allows_the_pages_own_scripts_and_styles_alone(page):
    elements = Elements(page("fpn", "bifpn"))
    policy = next(a["content"] for a, _ in elements.of("meta") if "http-equiv" in a)
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert "unsafe" not in policy
    scripts = [text for attrs, text in elements.of("script") if "type" not in attrs]
    for key, texts in (
        ("script-src", scripts),
        ("style-src", [text for _, text in elements.of("style")]),
    ):
        digests = {base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts}
        assert set(parts[key].split()) == {f"'sha256-{digest}'" for digest in digests}


def test_texts_of_strangers_stay_texts(page, project):
    text = (ROOT / "specs/fpn.yaml").read_text()
    quoted = json.dumps(HOSTILE.replace("\u2028", "")).replace("/", "\\/")
    text = re.sub("(?m)^(title|source): .*", rf"\1: {quoted.replace(chr(92), chr(92) * 2)}", text)
    (project / "<b>&.yaml").write_text(text)
    elements = Elements(page("<b>&.yaml"))
    assert len(elements.of("script")) == 2
    assert not elements.of("b")
    assert "alert(1)" in elements.of("figcaption")[0][1] + elements.of("strong")[0][1]


def test_data_cannot_end_its_element():
    from fpncompiler.comparison.page import _json

    text = _json({"title": HOSTILE})
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"title": HOSTILE}


def test_the_table_is_there_without_a_script(page):
    text = page("fpn", "bifpn", "--phi", "0..1")
    elements = Elements(text)
    assert len(elements.of("tr")) == 1 + 4
    assert {"fpn", "bifpn"} <= {attrs.get("data-value") for attrs, _ in elements.of("th")}
    hidden = {attrs.get("id") for _, attrs, _ in elements.found if "hidden" in attrs}
    assert hidden == {"theme", "filter", "plot", "tip"}  # what works by the script alone


def test_its_data_are_the_figures(page, project, capsys):
    elements = Elements(page("fpn", "bifpn", "--phi", "0..1"))
    data = json.loads(next(text for attrs, text in elements.of("script") if "type" in attrs))
    capsys.readouterr()
    assert main(["compare", "fpn", "bifpn", "--phi", "0..1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [{key: row[key] for key in data["rows"][0]} for row in rows] == data["rows"]
    assert {"network_parameters", "network_macs", "peak_memory_bytes"} <= {
        axis["key"] for axis in data["axes"]
    }


def test_each_topology_is_drawn_once(page):
    text = page("fpn", "bifpn", "--phi", "0..1")
    elements = Elements(text)
    assert [attrs["data-topology"] for attrs, _ in elements.of("figure")] == ["fpn", "bifpn"]
    assert text.count("<svg ") == 2


def test_what_is_too_large_to_draw_is_said(page, project):
    levels = "fpnc: 1\nname: deep\nlevels: 3..7\nnodes:\n"
    chain = "".join(f"  n{i}(l): n{i - 1}(l)\n" for i in range(1, 700))
    (project / "deep.yaml").write_text(
        f"{levels}  n0(l): in(l)\n{chain}outputs: n699\n", encoding="utf-8"
    )
    text = page("deep.yaml", "fpn")
    assert "nodes and edges cannot be drawn" in text
    assert text.count("<svg ") == 1


def test_faulty_specs_and_published_figures_are_told(page, project):
    (project / "faulty.yaml").write_text("fpnc: 1\nname: faulty\n")
    assert "faulty.yaml" in page("fpn", "faulty.yaml", code=1)
    text = html.unescape(page("table_5", "--phi", "3", "--against", "table_5"))
    assert "EfficientDet, table 5" in text
    assert ">0.680<" in text


def test_the_same_comparison_is_the_same_page(page):
    assert page("fpn", "qufpn", "--phi", "0..2") == page("fpn", "qufpn", "--phi", "0..2")
