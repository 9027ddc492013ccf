"""The corpus of bad specs in `tests/data/diagnostics`, and what each says of itself.

CODE/name.yaml        one spec; or a folder CODE/name with `main.yaml` and the specs that it names
CODE/name.ir          a text of graphs, for `fpnc opt`
  td(l): [tb(l)]      # <- F204 tb(l) | words; F201 x@9 | words
# expect 3:1-2 F101 | words
# expect nowhere F402 | words
# fpnc check --phi 9 --model lab

A marker at the end of a line says the code, the text under the carets (`TEXT@9` where it stands in
column 9 and is not the first of the line), and what message, label or help must say. Where a
comment at the line would change the fault, an `# expect` line anywhere in the file gives line and
columns, the last one exclusive, or a file `name.expect` beside it has them without `# expect`.
`# fpnc check` gives options of the command line. All that a case marks is all that is reported.
"""

import argparse
import re
import shlex
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fpncompiler.cli.options import add_options, options_of
from fpncompiler.diagnostics import Diagnostic, SpecError
from fpncompiler.opt import optimize
from fpncompiler.options import Options
from fpncompiler.pipeline import check_spec
from tests.helpers import ROOT

CORPUS = ROOT / "tests" / "data" / "diagnostics"
_MARKER = re.compile(r"\s*([FW]\d{3}) (\S|\S.*?\S)(?:@(\d+))? \| ([^;]+)(?:;|$)")
_EXPECT = re.compile(r"(?:(?:(\S+):)?(\d+):(\d+)-(\d+)|nowhere) ([FW]\d{3}) \| (.+)")
_OPTIONS = re.compile(r"^# fpnc check (.*)$", re.MULTILINE)

Place = tuple[str, int, int, int]  # file, line, column, end column


@dataclass(frozen=True)
class Expected:
    """One diagnostic; `place` is None for a fault of the command line."""

    code: str
    place: Place | None
    words: str


@dataclass(frozen=True)
class Case:
    """A spec, a folder of them or a text, with the complete set of what is to be reported."""

    code: str
    name: str
    main: Path
    options: Options
    expected: tuple[Expected, ...]

    @property
    def id(self) -> str:
        """`F204/unknown_family`."""
        return f"{self.code}/{self.name}"

    @property
    def is_folder(self) -> bool:
        """Whether it has several files."""
        return self.main.name == "main.yaml"

    @property
    def is_text(self) -> bool:
        """Whether it is a text of graphs."""
        return self.main.suffix == ".ir"

    @property
    def files(self) -> list[Path]:
        """Its specs, the main one first."""
        if not self.is_folder:
            return [self.main]
        rest = sorted(p for p in self.main.parent.rglob("*.yaml") if p != self.main)
        return [self.main, *rest]


def marked(text: str, file: str) -> list[Expected]:
    """What the comments of a spec say."""
    found: list[Expected] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("# expect "):
            found.append(stated(line.removeprefix("# expect "), file))
            continue
        content, arrow, markers = line.partition("# <- ")
        read = _MARKER.findall(markers)
        assert bool(arrow) == bool(read), line
        for code, token, column, words in read:
            start = int(column) if column else content.index(token) + 1
            assert content.startswith(token, start - 1), line
            place = (file, number, start, start + len(token))
            found.append(Expected(code, place, words.strip()))
    return found


def stated(text: str, file: str) -> Expected:
    """`3:1-2 F101 | words`, or `specs/fpn.yaml:3:1-2 F101 | words` for a spec that ships."""
    found = _EXPECT.fullmatch(text.strip())
    assert found, text
    other, line, start, end, code, words = found.groups()
    place = (other or file, int(line), int(start), int(end)) if line else None
    return Expected(code, place, words.strip())


def options_in(text: str) -> Options:
    """The options that a spec's `# fpnc check` names."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    found = _OPTIONS.search(text)
    return options_of(parser.parse_args(shlex.split(found.group(1)) if found else []))


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _case(path: Path) -> Case:
    is_folder = path.is_dir()
    main = path / "main.yaml" if is_folder else path
    case = Case(path.parent.name, path.stem, main, options_in(_read(main)), ())
    copied = f"main{main.suffix}"
    expected: list[Expected] = []
    for file in case.files:
        name = file.relative_to(main.parent).as_posix() if is_folder else copied
        beside = file.with_suffix(".expect")
        if beside.exists():
            expected += [stated(line, name) for line in beside.read_text().splitlines()]
        else:
            expected += marked(_read(file), name)
    return Case(case.code, case.name, main, case.options, tuple(expected))


@cache
def cases() -> tuple[Case, ...]:
    """All cases that are specs, in order."""
    paths = [*CORPUS.glob("*/*.yaml"), *(p.parent for p in CORPUS.glob("*/*/main.yaml"))]
    return tuple(_case(path) for path in sorted(paths))


@cache
def text_cases() -> tuple[Case, ...]:
    """All cases that are texts of graphs, in order."""
    return tuple(_case(path) for path in sorted(CORPUS.glob("*/*.ir")))


def single_cases() -> tuple[Case, ...]:
    """The cases of one file that is UTF-8 text and needs no options."""
    return tuple(c for c in cases() if not c.is_folder and c.options == Options())


def reported(case: Case, folder: Path) -> tuple[Diagnostic, ...]:
    """What the compiler says of a case, which is copied to an empty folder: names are looked for
    beside a spec, and other cases are no part of it.
    """
    if case.is_folder:
        shutil.copytree(case.main.parent, folder, dirs_exist_ok=True)
    else:
        shutil.copy(case.main, folder / f"main{case.main.suffix}")
    if case.is_text:
        return diagnostics_of_text(folder / "main.ir")
    return diagnostics_of(folder / "main.yaml", case.options)


def diagnostics_of(spec: str | Path, options: Options | None = None) -> tuple[Diagnostic, ...]:
    """Faults, or the warnings of a spec without."""
    try:
        return check_spec(spec, options or Options()).diagnostics
    except SpecError as error:
        return error.diagnostics


def diagnostics_of_text(path: Path) -> tuple[Diagnostic, ...]:
    """What `fpnc opt` says of a text."""
    try:
        optimize(path.read_bytes(), str(path), ())
    except SpecError as error:
        return error.diagnostics
    return ()


def place_of(diagnostic: Diagnostic, folder: Path) -> Place | None:
    """Where a diagnostic points, its file relative to a folder, or to the project."""
    span = diagnostic.span
    if span is None:
        return None
    file = Path(span.file).resolve()
    base = folder.resolve() if file.is_relative_to(folder.resolve()) else ROOT
    return file.relative_to(base).as_posix(), span.line, span.column, span.end_column


def said(diagnostic: Diagnostic) -> str:
    """All that a diagnostic says."""
    seconds = " ".join(label.text for label in diagnostic.labels)
    return f"{diagnostic.message} {diagnostic.label} {diagnostic.help} {seconds}"
