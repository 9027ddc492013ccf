"""The example of each page of a D code gives that finding, and no other but notes."""

import json
import shutil

import pytest

from fpncompiler.cli import main
from fpncompiler.datasets.findings import KINDS
from fpncompiler.explain import pages, titles
from tests.datasets.builders import picture, write_text
from tests.diagnostics.test_explanations import blocks

CODES = [code for code in pages() if code[0] == "D"]


def test_findings_are_called_as_their_pages_are():
    assert {code: title for code, title in titles().items() if code[0] == "D"} == {
        code: title for code, (_, title) in KINDS.items()
    }


@pytest.mark.parametrize("code", CODES)
def test_the_example_gives_the_finding(code, tmp_path, capsys):
    for name, colour in (("a", "olive"), ("b", "teal")):
        picture(tmp_path / f"images/{name}.png", (640, 480), colour)
    shutil.copy(tmp_path / "images/b.png", tmp_path / "images/b_again.png")
    for block in blocks(pages()[code]):
        write_text(tmp_path / block.info["file"], block.text)
    status = main(["data", "check", str(tmp_path), "--verify", "--json"])
    document = json.loads(capsys.readouterr().out)
    found = [finding for split in document["splits"] for finding in split["findings"]]
    assert {each["code"] for each in found} - {"D941", "D942"} == {code} - {"D941", "D942"}
    assert code in {each["code"] for each in found}
    assert status == (KINDS[code][0] == "error")
    assert all(each["message"] and each["file"] for each in found)
