"""Every bad spec is reported as it says itself: codes, lines, columns and words, and no more."""

import re
from collections import Counter

import pytest

from tests.diagnostics.corpus import (
    Case,
    Expected,
    cases,
    diagnostics_of,
    diagnostics_of_text,
    place_of,
    reported,
    said,
    text_cases,
)
from tests.helpers import ROOT

TEXTS = text_cases()
CASES = (*cases(), *TEXTS)
SOURCES = "\n".join(p.read_text() for p in sorted((ROOT / "fpncompiler").rglob("*.py")))
# F6xx are faults of writing (tests/writing, tests/cli), F999 is our own
EMITTED = {
    code
    for code in re.findall(r'"([FW]\d{3})"', SOURCES)
    if not code.startswith("F6") and code != "F999"
}
SEVERAL = "several"  # a folder of cases with faults of several codes
LEAST = 6


def differences(case: Case, found, folder) -> list[str]:
    """What is reported and not marked, what is marked and not reported, and words that miss."""
    got = Counter((d.code, place_of(d, folder)) for d in found)
    wanted = Counter((e.code, e.place) for e in case.expected)
    listed = [f"reported: {one}" for one in (got - wanted).elements()]
    listed += [f"marked: {one}" for one in (wanted - got).elements()]
    for one in case.expected:
        texts = [said(d) for d in found if (d.code, place_of(d, folder)) == (one.code, one.place)]
        if texts and not any(one.words in text for text in texts):
            listed.append(f"not said: {one.words!r} in {texts}")
    return listed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_all_faults_are_reported_once_and_at_their_place(case, tmp_path):
    assert case.expected
    assert differences(case, reported(case, tmp_path), tmp_path) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_stands_in_the_folder_of_its_code(case):
    codes = {e.code for e in case.expected}
    assert len(codes) > 1 if case.code == SEVERAL else case.code in codes


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.code.startswith("W")], ids=lambda case: case.id
)
def test_a_spec_with_warnings_compiles(case, tmp_path):
    assert not any(d.severity == "error" for d in reported(case, tmp_path))


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.id)
def test_a_fault_of_a_text_says_where_and_what_to_do(case, tmp_path):
    for found in reported(case, tmp_path):
        assert found.span
        assert found.help
        assert not found.fix, "nothing mends texts"


def test_every_code_has_six_cases():
    rows = (*GENERATED.values(), *GENERATED_TEXTS.values())
    count = Counter(case.code for case in CASES) + Counter(row[1] for row in rows)
    assert {code: count[code] for code in sorted(EMITTED) if count[code] < LEAST} == {}
    assert set(count) - {SEVERAL} <= EMITTED
    assert count.total() >= 300


def _spec(nodes: str) -> str:
    return f"fpnc: 1\nname: mine\nlevels: 3..7\nnodes:\n{nodes}outputs: n0\n"


def _many_nodes(count: int) -> str:
    return _spec("".join(f"  n{i}(l): [in(l), in(l)]\n" for i in range(count)))


def _graph(node: str, count: int) -> str:
    nodes = "".join(f"{node.format(i)}\n" for i in range(count))
    return f"graph mine\np3_in = input 3 width 64\n{nodes}outputs p3=p3_in\n"


# What is too large for a file: the spec, the code, the line, and what is said.
GENERATED: dict[str, tuple[str | bytes, str, int, str]] = {
    "too_large": (b"a" * (4 << 20) + b"\n", "F105", 1, "bytes"),
    "too_many_nodes": (_many_nodes(2401), "F505", 2405, "more than 12000 nodes"),
}
_FUSE = "n{} = fuse 3 width 64 sum [p3_in"
# The same for texts of graphs.
GENERATED_TEXTS: dict[str, tuple[str | bytes, str, int, str]] = {
    "long": (b"#" * (4 << 20) + b"\n", "F706", 1, "bytes"),
    "long_and_no_text": (b"\xff" * (4 << 20) + b"\n", "F706", 1, "bytes"),
    "inputs": (_graph(f"{_FUSE}{', p3_in' * 256}]", 1), "F706", 3, "more than 256 maps"),
    "edges": (_graph(f"{_FUSE}{', p3_in' * 255}]", 400), "F706", 392, "200000 parts"),
    "parts": (_graph(f"{_FUSE} {'^1v1' * 500}]", 400), "F706", 202, "200000 parts"),
    "parts_of_nodes": (_graph(f"{_FUSE}] > {'relu ' * 1000}", 400), "F706", 202, "200000 parts"),
    "steps": (_graph(f"{_FUSE}] > {'relu ' * 1001}", 1), "F706", 3, "1000 steps"),
    "settings": (
        _graph(f"{_FUSE} *64({', '.join(f's{i}' for i in range(101))})]", 1),
        "F706",
        3,
        "settings",
    ),
}


@pytest.mark.parametrize("name", [*GENERATED, *GENERATED_TEXTS])
def test_what_is_too_large_is_refused(name, tmp_path):
    is_text = name in GENERATED_TEXTS
    data, code, line, words = GENERATED_TEXTS[name] if is_text else GENERATED[name]
    path = tmp_path / ("mine.ir" if is_text else "mine.yaml")
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    (found,) = diagnostics_of_text(path) if is_text else diagnostics_of(path)
    assert found.span
    assert (found.code, found.span.line) == (code, line)
    assert words in found.message


LEVELS = {"superscript": "\u00b2", "arabic": "\u0664", "long": "9" * 900, "longest": "9" * 5000}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("nodes", ["  td(l): [in(l), 'td({})']\n", "  ? td({})\n  : [in(4)]\n"])
def test_a_number_that_is_no_small_level_is_refused(level, nodes):
    text = _spec("  n0(l): [in(l)]\n" + nodes.format(LEVELS[level]))
    assert [d.code for d in diagnostics_of(text)] == ["F206"]


def test_the_loader_reads_what_its_docstring_says():
    from tests.diagnostics.corpus import marked

    text = "a: b  # <- F201 a | one; W101 b@4 | two\n# expect nowhere F402 | three"
    assert marked(text, "x") == [
        Expected("F201", ("x", 1, 1, 2), "one"),
        Expected("W101", ("x", 1, 4, 5), "two"),
        Expected("F402", None, "three"),
    ]
