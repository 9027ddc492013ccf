"""The page about versions shows what the commands print."""

from tests.conftest import ROOT
from tests.diagnostics.test_explanations import Terminal, follow


def test_the_page_shows_what_is_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/breaking.md").read_text()
    commands = page.replace("```python\n", "```\n")
    assert follow(commands, Terminal(tmp_path)) == set()
    assert (tmp_path / "map.json").is_file()
