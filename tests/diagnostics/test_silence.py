"""Comments that silence warnings, and those that silence nothing."""

import pytest

from fpncompiler.diagnostics import Span, SpecError, silences_in
from fpncompiler.diagnostics.silence import MAX_SILENCES
from fpncompiler.options import Options
from fpncompiler.pipeline import check_spec
from fpncompiler.spec.reading import Levels

JUMP = "fpnc: 1\nname: mine\nlevels: 3..7\nnodes:\n{}\n  out(l): [in(l), in(l+3)]{}\noutputs: out\n"


def codes(text: str) -> list[str]:
    return sorted(d.code for d in check_spec(text, Options()).diagnostics)


@pytest.mark.parametrize(
    ("above", "beside"),
    [
        ("", "  # fpnc: ignore[W303]"),
        ("", "  #fpnc:ignore[W303]"),
        ("", "  # fpnc: ignore[W305, W303]"),
        ("  # fpnc: ignore[W303]", ""),
        ("  # fpnc: ignore[W303]\n\n  # three levels, as published", ""),
        ("  # fpnc: ignore-file[W303]", ""),
    ],
)
def test_a_comment_silences_its_line_the_next_one_or_the_file(above, beside):
    assert codes(JUMP.format("", "")) == ["W303"]
    assert codes(JUMP.format(above, beside)) == []


@pytest.mark.parametrize(
    ("beside", "left"),
    [
        ("  # fpnc: ignore[W301]", ["W303"]),
        ("  # fpnc: ignore", ["W102", "W303"]),
        ("  # fpnc: ignore[]", ["W102", "W303"]),
        ("  # fpnc: ignore[F204]", ["W102", "W303"]),
        ("  # fpnc: ignore[W303, w303]", ["W102"]),
        ("  # fpnc: ignored[W303]", ["W303"]),
        ("  # fpnc:ignore[W303]x", []),
        ("x# fpnc: ignore[W303]", None),
    ],
)
def test_a_comment_that_names_no_warning_is_one(beside, left):
    text = JUMP.format("", beside)
    if left is None:
        with pytest.raises(SpecError):
            codes(text)
    else:
        assert codes(text) == left


def test_a_warning_that_is_gone_is_told_where_it_was_ignored():
    text = JUMP.replace("in(l+3)", "in(l+1)").format("", "  # fpnc: ignore[W303]")
    (found,) = check_spec(text, Options()).diagnostics
    assert (found.code, found.span.line, found.span.column) == ("W102", 6, 44)


def test_warnings_that_depend_on_phi_may_be_ignored_in_advance():
    assert codes(JUMP.replace("in(l+3)", "in(l+1)").format("", "  # fpnc: ignore[W304]")) == []


def test_a_comment_within_a_text_is_none():
    lines = ['title: "# fpnc: ignore[W303]"']
    assert silences_in("mine", lines, [Span("mine", 1, 8, 30)]) == ()


def test_faults_cannot_be_silenced():
    text = JUMP.replace("in(l+3)", "inn(l+1)").format("", "  # fpnc: ignore[F204]")
    with pytest.raises(SpecError) as caught:
        check_spec(text, Options())
    assert [d.code for d in caught.value.diagnostics] == ["F204"]


def test_a_file_of_comments_is_read_in_one_pass():
    lines = ["# fpnc: ignore[W303]"] * 50_000
    assert len(silences_in("mine", lines, [])) == MAX_SILENCES


def test_warnings_of_a_parent_are_its_authors_concern(tmp_path):
    (tmp_path / "base.yaml").write_text(JUMP.format("", "").replace("mine", "base"))
    (tmp_path / "mine.yaml").write_text("fpnc: 1\nname: mine\nextends: base\n")
    assert check_spec(tmp_path / "mine.yaml", Options()).diagnostics == ()
    assert len(check_spec(tmp_path / "base.yaml", Options()).diagnostics) == 1


def test_levels_that_the_command_chooses_make_no_silence_idle():
    text = JUMP.format("", "  # fpnc: ignore[W303]")
    found = check_spec(text, Options(levels=Levels(3, 4))).diagnostics
    assert found == ()
