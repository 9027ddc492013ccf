"""Every fix that the corpus is offered mends its fault: the safe ones always, the others mostly."""

import pytest

from fpncompiler.diagnostics import Diagnostic, Edit, Fix, Span
from fpncompiler.diagnostics.fixes import apply_fixes, fixes_for
from tests.diagnostics.corpus import cases, diagnostics_of, single_cases


def offers(safe: bool) -> list[tuple[str, str, Diagnostic]]:
    """Name and text of a case, and a diagnostic that has a fix."""
    found = []
    for case in single_cases():
        if case.main.with_suffix(".expect").exists():
            continue  # no text that could be mended, or none at its place
        text = case.main.read_text()
        offered = [d for d in diagnostics_of(text) if d.fix and d.fix.safe is safe]
        found += [(f"{case.id}-{d.span.line}:{d.span.column}", text, d) for d in offered]
    return found


SAFE, UNSAFE = offers(True), offers(False)


def is_mended(text: str, diagnostic: Diagnostic) -> bool:
    """Whether a fix takes its own diagnostic away, and brings none that was not there."""
    mended, made = apply_fixes(text, [diagnostic.fix])
    if made != 1 or mended == text:
        return False
    return faults(mended) <= faults(text) - {(diagnostic.code, diagnostic.message)}


def faults(text: str) -> set[tuple[str, str]]:
    """What is wrong with a spec; warnings may show once it has no fault."""
    return {(d.code, d.message) for d in diagnostics_of(text) if d.severity == "error"}


@pytest.mark.parametrize(("text", "diagnostic"), [s[1:] for s in SAFE], ids=[s[0] for s in SAFE])
def test_a_safe_fix_mends_its_fault(text, diagnostic):
    assert is_mended(text, diagnostic)


def test_other_fixes_mend_nine_of_ten_faults():
    failed = [name for name, text, diagnostic in UNSAFE if not is_mended(text, diagnostic)]
    print(f"safe fixes: {len(SAFE)}; unsafe ones: {len(UNSAFE)}, of which fail {failed}")
    assert len(SAFE) >= 12
    assert len(UNSAFE) >= 10
    assert len(failed) <= len(UNSAFE) / 10


def test_fixes_are_offered_where_their_text_is():
    for case in cases():
        for diagnostic in diagnostics_of(case.main, case.options):
            for edit in diagnostic.fix.edits if diagnostic.fix else ():
                assert edit.span.line == diagnostic.span.line


def edit(line: int, start: int, old: str, new: str) -> Fix:
    return Fix((Edit(Span("mine", line, start, start + len(old)), old, new),), safe=True)


def test_one_fix_a_line_is_made_at_a_time():
    text, made = apply_fixes("a: b\nc: d\n", [edit(1, 1, "a", "x"), edit(1, 4, "b", "y")])
    assert (text, made) == ("x: b\nc: d\n", 1)


def test_a_fix_for_another_text_is_left_out():
    assert apply_fixes("a: b\n", [edit(1, 4, "c", "y"), edit(7, 1, "c", "y")]) == ("a: b\n", 0)


def test_fixes_of_other_files_are_left_alone():
    own, other = edit(1, 1, "a", "x"), edit(1, 1, "a", "y")
    found = [Diagnostic("F201", "", fix=own), Diagnostic("F201", "", fix=other)]
    assert fixes_for(found, "theirs", unsafe=True) == []
    assert fixes_for(found, "mine", unsafe=False) == [own, other]
