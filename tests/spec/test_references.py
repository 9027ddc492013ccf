import pytest

from fpncompiler.diagnostics import Sink, Span
from fpncompiler.spec.references import (
    Earlier,
    Everywhere,
    Exactly,
    Last,
    Neighbour,
    read_reference,
)
from fpncompiler.spec.tree import Scalar, Sequence

SPAN = Span("s.yaml", 1, 1, 2)


def read(text):
    sink = Sink()
    return read_reference(Scalar(text, True, SPAN), sink), sink.diagnostics


@pytest.mark.parametrize(
    ("text", "family", "level"),
    [
        ("gp", "gp", None),
        ("in(l)", "in", Neighbour(0, 0)),
        ("td(l+1)", "td", Neighbour(1, 1)),
        ("td( l - 2 )", "td", Neighbour(-2, -2)),
        ("td (l+10)", "td", Neighbour(10, 10)),
        ("in(l-1..l+1)", "in", Neighbour(-1, 1)),
        ("in(l .. l+2)", "in", Neighbour(0, 2)),
        ("td(3)", "td", Exactly(3)),
        ("td(12)", "td", Exactly(12)),
        ("td(*)", "td", Everywhere()),
    ],
)
def test_reference_is_read(text, family, level):
    reference, faults = read(text)
    assert not faults
    assert (reference.family, reference.level, reference.layer) == (family, level, None)


@pytest.mark.parametrize(
    ("text", "level", "layer"),
    [
        ("f(l, k)", Neighbour(0, 0), Neighbour(0, 0)),
        ("f(l, k-1)", Neighbour(0, 0), Neighbour(-1, -1)),
        ("f( l+1 ,k + 1 )", Neighbour(1, 1), Neighbour(1, 1)),
        ("f(l-1..l+1, k-2..k)", Neighbour(-1, 1), Neighbour(-2, 0)),
        ("f(*, k-1)", Everywhere(), Neighbour(-1, -1)),
        ("f(*, *)", Everywhere(), Everywhere()),
        ("f(3, 1)", Exactly(3), Exactly(1)),
        ("f(l, last)", Neighbour(0, 0), Last()),
        ("f(l, 1..k-1)", Neighbour(0, 0), Earlier(-1)),
        ("f(l, 1 .. k)", Neighbour(0, 0), Earlier(0)),
    ],
)
def test_reference_with_a_layer_is_read(text, level, layer):
    reference, faults = read(text)
    assert not faults
    assert (reference.family, reference.level, reference.layer) == ("f", level, layer)


@pytest.mark.parametrize(
    "text",
    ["f(l,)", "f(, k)", "f(k, l)", "f(l, l)", "f(k)", "f(l, first)", "f(l, 2..k)", "f(l, 1..3)",
     "f(l, k+1..k-1)", "f(l, k, k)", "f(l, 1..)", "f(l, ..k)", "f(l, k even)", "f(last)",
     "f(l, -1)"],
)  # fmt: skip
def test_what_is_no_layer_is_a_fault(text):
    reference, faults = read(text)
    assert reference is None
    assert [fault.code for fault in faults] == ["F206"]


@pytest.mark.parametrize(
    "text", ["gp", "in(l)", "td(l+1)", "td(l-2)", "in(l-1..l+1)", "td(3)", "td(*)"]
)
def test_reference_prints_as_it_is_written(text):
    assert read(text)[0].text == text


@pytest.mark.parametrize(
    "text",
    ["", "td(", "td()", "td(l)(l)", "td[l]", "3", "td(l*2)", "td(1+l)", "td(l+100)", "td(100)",
     "td(-1)", "td(l+1..l-1)", "td(3..5)", "td(k)", "td(l+)", "a.b", "a b", "td(l);x"],
)  # fmt: skip
def test_what_is_no_reference_is_a_fault(text):
    reference, faults = read(text)
    assert reference is None
    assert [fault.code for fault in faults] == ["F206"]


def test_list_is_no_reference():
    sink = Sink()
    assert read_reference(Sequence((), SPAN), sink) is None
    assert [fault.code for fault in sink.diagnostics] == ["F206"]


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("td(*)", True),
        ("in(l-1..l)", True),
        ("in(l)", False),
        ("gp", False),
        ("f(l, *)", True),
        ("f(l, 1..k-1)", True),
        ("f(l, k-1..k)", True),
        ("f(l, k-1)", False),
        ("f(l, last)", False),
    ],
)
def test_reference_may_be_several(text, several):
    assert read(text)[0].may_be_several is several
