"""The pages of `fpnc explain`: a page a code, whose examples do what the page says of them."""

import contextlib
import difflib
import io
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from fpncompiler.breakage.compare import breaking
from fpncompiler.breakage.findings import MESSAGES
from fpncompiler.cli import main
from fpncompiler.cli.options import Parser, add_options, options_of
from fpncompiler.diagnostics import SpecError
from fpncompiler.explain import UnknownCodeError, explain, pages, titles
from fpncompiler.fit import MAX_MAP_WIDTH
from fpncompiler.ir.node_lines import MAX_INPUTS
from fpncompiler.ir.node_lines import MAX_LEVEL as MAX_LEVEL_OF_TEXTS
from fpncompiler.ir.reader import MAX_BYTES
from fpncompiler.ir.reader import MAX_PARTS as MAX_PARTS_OF_TEXTS
from fpncompiler.ir.settings import MAX_SETTINGS
from fpncompiler.ir.step_words import MAX_STEPS
from fpncompiler.options import Options
from fpncompiler.pipeline import check_spec, compile_spec
from fpncompiler.spec.budget import MAX_PARTS
from fpncompiler.spec.loading import MAX_EXTENDS
from fpncompiler.spec.names import MAX_NAME, MAX_NODE_NAME
from fpncompiler.spec.nodes import MAX_NODES
from fpncompiler.spec.reading import MAX_LEVEL
from fpncompiler.spec.style import MAX_FAN_IN
from fpncompiler.spec.tree import MAX_DEPTH, MAX_ITEMS, MAX_LENGTH
from tests.diagnostics.corpus import diagnostics_of_text
from tests.helpers import ROOT

PAGES = pages()
GUIDE = (ROOT / "docs/diagnostics.md").read_text()
CODE = re.compile(r'"([BDFW][0-9]{3})"')
FENCE = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
FOR_A_MODEL = "fpnc: 1\nname: mine\nextends: panet\nmodel: lab\n"
# our faults, what is too long for a page, plug-ins and edited files
WITHOUT_EXAMPLE = {"F706", "F999", "B815", "B839"}
WITH_SPECS = [code for code, page in PAGES.items() if "\nFails:" in page]
WITH_VERSIONS = [code for code, page in PAGES.items() if "\nOld:" in page]
WITH_DATA = [code for code in PAGES if code[0] == "D"]  # tests/datasets/test_pages.py
WITH_COMMANDS = [code for code, page in PAGES.items() if "```console" in page]


@dataclass(frozen=True)
class Block:
    """A fence: its language, the words and `key=value` pairs behind it, and its text."""

    language: str
    info: dict[str, str]
    text: str

    @property
    def data(self) -> bytes:
        """The text in a file; behind the word `bytes`, `\\xe9` is one byte."""
        data = self.text.encode()
        if "bytes" not in self.info:
            return data
        return re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), data)


def blocks(text: str) -> list[Block]:
    found = []
    for language, info, content in FENCE.findall(text):
        pairs = (word.partition("=") for word in shlex.split(info))
        found.append(Block(language, {key: value for key, _, value in pairs}, content))
    return found


def example(code: str, heading: str) -> list[Block]:
    """The blocks below `Fails:` or `Mended:`, `Old:` or `New:`."""
    body = PAGES[code].split(f"\n{heading}")[1]
    return blocks(re.split("\n(?:Mended|New):", body)[0])


def write(found: list[Block], folder: Path) -> Path:
    """The files of an example; a model alone is that of a PANet."""
    (folder / "models").mkdir()
    spec = folder / "mine.yaml"
    spec.write_text(FOR_A_MODEL)
    for block in found:
        assert block.language == "yaml"
        path = folder / "models/lab.yaml" if "model" in block.info else spec
        (folder / block.info.get("file", path)).write_bytes(block.data)
    return spec


def given_options(found: list[Block]) -> Options:
    """The options of an example."""
    parser = Parser()
    add_options(parser)
    given = " ".join(block.info.get("options", "") for block in found)
    return options_of(parser.parse_args(shlex.split(given)))


def diagnosed(found: list[Block], folder: Path) -> list[str]:
    """The codes that an example gives; warnings too."""
    folder.mkdir()
    if found[0].language == "ir":
        (text,) = found
        (folder / "mine.ir").write_bytes(text.data)
        return [each.code for each in diagnostics_of_text(folder / "mine.ir")]
    try:
        diagnostics = check_spec(write(found, folder), given_options(found)).diagnostics
    except SpecError as error:
        diagnostics = error.diagnostics
    return [each.code for each in diagnostics]


def test_every_code_has_a_page_and_every_page_a_code():
    sources = (ROOT / "fpncompiler").rglob("*.py")
    assert {*PAGES} == {code for path in sources for code in CODE.findall(path.read_text())}


@pytest.mark.parametrize("code", PAGES)
def test_a_page_is_plain_text_below_its_title(code):
    page = PAGES[code]
    assert page.isascii()
    assert page.startswith(f"# {code}: {titles()[code]}\n\n")
    prose = FENCE.sub("", page)
    assert max(len(line) for line in page.splitlines()) <= 88
    assert "!" not in re.sub(r"`[^`]*`", "", prose)
    assert page.endswith("\n")
    assert not page.endswith("\n\n")


@pytest.mark.parametrize("code", PAGES)
def test_a_page_has_an_example_of_its_kind(code):
    kinds = (WITH_SPECS, WITH_COMMANDS, WITH_VERSIONS, WITH_DATA, WITHOUT_EXAMPLE)
    assert sum(code in kind for kind in kinds) == 1
    assert (code in WITH_VERSIONS) <= code.startswith("B")
    assert (code in WITH_COMMANDS) == code.startswith("F6")


@pytest.mark.parametrize("code", WITH_SPECS)
def test_the_failing_example_has_this_fault_alone(code, tmp_path):
    assert {*diagnosed(example(code, "Fails:"), tmp_path / "fails")} == {code}


@pytest.mark.parametrize("code", WITH_SPECS)
def test_the_mended_example_has_none(code, tmp_path):
    assert diagnosed(example(code, "Mended:"), tmp_path / "mended") == []


@pytest.mark.parametrize("code", WITH_SPECS)
def test_the_examples_differ_by_little(code):
    fails, mended = (example(code, heading) for heading in ("Fails:", "Mended:"))
    assert [block.info.get("options") for block in fails] == [
        block.info.get("options") for block in mended
    ]
    before, after = (
        [line for b in each for line in b.text.splitlines()] for each in (fails, mended)
    )
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    assert 1 <= len(changed) <= 6
    assert sum(line[0] == "+" for line in changed) <= 3


@pytest.mark.parametrize("code", WITH_VERSIONS)
def test_the_versions_differ_by_this_breakage(code, tmp_path):
    sources = []
    for heading in ("Old:", "New:"):
        (tmp_path / heading).mkdir()
        found = example(code, heading)
        spec = write(found, tmp_path / heading)
        sources.append(compile_spec(spec, given_options(found)).source)
    assert code in {finding.code for finding in breaking(*sources).findings}


def test_breakages_are_called_as_their_pages_are():
    assert {code: title for code, title in titles().items() if code[0] == "B"} == MESSAGES


@dataclass
class Terminal:
    """Runs the commands of an example in a folder; `fpnc` within this process."""

    folder: Path
    status: int = 0

    def run(self, command: str) -> str:
        if command == "echo $?":
            return f"{self.status}\n"
        if command.startswith("fpnc "):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                self.status = main(shlex.split(command)[1:])
            return printed.getvalue()
        done = subprocess.run(
            command, shell=True, cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout


def is_shown(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; `...` stands for whatever follows."""
    pattern = r"(?:.|\n)*".join(re.escape(part) for part in shown.split("...\n"))
    return not shown or re.fullmatch(pattern, printed) is not None


def follow(page: str, terminal: Terminal) -> set[str]:
    """Write the files of a page and run its commands; the codes that it shows."""
    said = ""
    for block in blocks(page):
        if block.language == "yaml":
            (terminal.folder / block.info["file"]).write_bytes(block.data)
            continue
        for command, shown in COMMAND.findall(block.text):
            printed = terminal.run(command)
            assert is_shown(shown, printed), f"$ {command}\n{printed}"
            said += shown
    return {*re.findall(r"^(?:error|warning)\[(\w+)\]: ", said, re.MULTILINE)}


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)


@pytest.mark.parametrize("code", WITH_COMMANDS)
def test_the_commands_print_what_is_shown(code, terminal):
    assert follow(PAGES[code], terminal) == {code}


def test_the_guide_shows_what_is_printed(terminal):
    assert follow(GUIDE, terminal) == {"F201", "F204", "W305"}


def test_the_guide_lists_all_codes():
    table = re.findall(r"^\| ([BDFW][0-9]{3}) \| (.*) \|$", GUIDE, re.MULTILINE)
    assert table == [*titles().items()]


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("F105", (MAX_ITEMS, MAX_LENGTH, MAX_DEPTH)),
        ("F205", (MAX_NAME, MAX_NODE_NAME)),
        ("F210", (MAX_EXTENDS,)),
        ("F302", (MAX_LEVEL,)),
        ("F505", (MAX_NODES, MAX_PARTS, MAX_FAN_IN, MAX_MAP_WIDTH)),
        ("F703", (MAX_LEVEL_OF_TEXTS,)),
        ("F706", (MAX_BYTES, MAX_PARTS_OF_TEXTS, MAX_INPUTS, MAX_STEPS, MAX_SETTINGS)),
    ],
)
def test_the_limits_are_the_compilers(code, limits):
    stated = {number.replace(",", "") for number in re.findall(r"\d[\d,]*", PAGES[code])}
    assert {str(limit) for limit in limits} <= stated


def test_a_code_is_explained_in_either_case_and_by_its_number():
    assert explain("F204") == explain("f204") == explain(" 204 ") == PAGES["F204"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("F219", "did you mean `F2"),
        ("203", "did you mean `F203` or `W203`?"),
        ("levels", "`fpnc explain` lists all codes"),
        ("", "`fpnc explain` lists all codes"),
        ("../../pyproject.toml", "`fpnc explain` lists all codes"),
    ],
)
def test_an_unknown_code_is_told_from_the_known_ones(code, words):
    with pytest.raises(UnknownCodeError) as caught:
        explain(code)
    assert str(caught.value).startswith(f"there is no code `{code}`\n  = help: ")
    assert words in str(caught.value)


def test_titles_are_in_the_order_of_the_codes():
    assert [*titles()] == sorted(titles())
    assert all(title[0].islower() and title[-1] != "." for title in titles().values())
