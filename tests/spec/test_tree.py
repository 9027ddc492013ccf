"""The YAML reader: places, and what specs do not have (the messages: tests/diagnostics)."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fpncompiler.diagnostics import Sink, Span, SpecError, render
from fpncompiler.spec.tree import MAX_BYTES, MAX_DEPTH, Mapping, Scalar, Sequence, parse_tree


def parse(text: str | bytes) -> Mapping:
    return parse_tree(text if isinstance(text, bytes) else text.encode(), "s.yaml", Sink())


def faults(text: str | bytes) -> list[tuple[str, int, int]]:
    with pytest.raises(SpecError) as caught:
        parse(text)
    found = caught.value.diagnostics
    return [(d.code, d.span.line, d.span.column) for d in found if d.span]


def covered(text: str, span: Span) -> str:
    return text.splitlines()[span.line - 1][span.column - 1 : span.end_column - 1]


def test_keys_and_values_know_their_places():
    text = "name: mine\nnodes:\n  td(l): [in(l), 'td(l+1)']  # top-down\n  é: {x: \"ü\", y: 3..7}\n"
    tree = parse(text)
    nodes = tree.get("nodes")
    assert isinstance(nodes, Mapping)
    td, accented = nodes.get("td(l)"), nodes.get("é")
    assert isinstance(td, Sequence)
    assert isinstance(accented, Mapping)
    assert [covered(text, item.span) for item in td.items] == ["in(l)", "'td(l+1)'"]
    assert [covered(text, e.key.span) for e in accented.entries.values()] == ["x", "y"]
    assert [covered(text, e.value.span) for e in accented.entries.values()] == ['"ü"', "3..7"]
    assert nodes.entries["td(l)"].key.span == Span("s.yaml", 3, 3, 8)
    assert tree.entries["nodes"].key.span == Span("s.yaml", 2, 1, 6)


def test_places_hold_with_windows_line_ends():
    tree = parse(b"a: 1\r\nb: [x,\r\n  y]\r\n")
    items = tree.get("b")
    assert isinstance(items, Sequence)
    assert [(i.span.line, i.span.column) for i in items.items] == [(2, 5), (3, 3)]


def test_order_of_the_file_is_kept():
    assert [*parse("b: 1\na: 2\nc: 3\n").entries] == ["b", "a", "c"]


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "1e-3", "0x10", "010", "3..7", "null"])
def test_scalars_stay_as_they_are_written(word):
    value = parse(f"a: {word}\n").get("a")
    assert isinstance(value, Scalar)
    assert (value.text, value.plain) == (word, True)


@pytest.mark.parametrize("quoted", ['"yes"', "'yes'", "|-\n  yes", ">-\n  yes"])
def test_quoted_scalars_are_not_plain(quoted):
    value = parse(f"a: {quoted}\n").get("a")
    assert isinstance(value, Scalar)
    assert (value.text, value.plain) == ("yes", False)


def texts(node: object) -> object:
    match node:
        case Scalar():
            return node.text
        case Sequence():
            return [texts(item) for item in node.items]
        case Mapping():
            return {key: texts(entry.value) for key, entry in node.entries.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[f(l, k-1), in(l)]", ["f(l, k-1)", "in(l)"]),
        ("[in(l), f(l, k-1)]", ["in(l)", "f(l, k-1)"]),
        ("[f(l, 1), f(l, 2)]", ["f(l, 1)", "f(l, 2)"]),
        ("[f(l,k-1)]", ["f(l, k-1)"]),
        ("[f(l, 1..k-1)]", ["f(l, 1..k-1)"]),
        ("['f(l', k-1)]", ["f(l", "k-1)"]),
        ("[f(l, [a], b)]", ["f(l", ["a"], "b)"]),
        ("[f(l]", ["f(l"]),
        ("[in(l), f(l]", ["in(l)", "f(l"]),
        ("[round_to(64 * 1.35 ** phi, 8), 3]", ["round_to(64 * 1.35 ** phi, 8)", "3"]),
        ("[max(min(1, 2), 3)]", ["max(min(1, 2), 3)"]),
        ("{from: f(l, k-1), via: conv1x1}", {"from": "f(l, k-1)", "via": "conv1x1"}),
        ("{via: conv1x1, from: f(l, k-1)}", {"via": "conv1x1", "from": "f(l, k-1)"}),
        ("{width: min(64, max(8, l)), up: x}", {"width": "min(64, max(8, l))", "up": "x"}),
        ("{a: max(1, 2, 3)}", {"a": "max(1, 2, 3)"}),
        ("{a: max(min(1, 2), 3), b: 1}", {"a": "max(min(1, 2), 3)", "b": "1"}),
        ("[{from: f(l, k-1)}, f(l, k)]", [{"from": "f(l, k-1)"}, "f(l, k)"]),
        ("{sum: [f(l, k-1), in(l)], a: g(1, 2)}", {"sum": ["f(l, k-1)", "in(l)"], "a": "g(1, 2)"}),
        ("{a: f(l, b: c}", {"a": "f(l", "b": "c"}),
        ("{a: f(l, k): c}", {"a": "f(l", "k)": "c"}),
        ("{a: 'f(l', k)}", {"a": "f(l", "k)": ""}),
    ],
)
def test_comma_in_parentheses_does_not_end_a_flow_item(text, expected):
    assert texts(parse(f"x: {text}\n").get("x")) == expected


def test_joined_item_covers_all_of_its_text():
    text = "x: [in(l), f(l, k-1), g]\ny: {from: f(l, k-1), via: relu}\n"
    tree = parse(text)
    items, edge = tree.get("x"), tree.get("y")
    assert isinstance(items, Sequence)
    assert isinstance(edge, Mapping)
    assert [covered(text, item.span) for item in items.items] == ["in(l)", "f(l, k-1)", "g"]
    source = edge.get("from")
    assert isinstance(source, Scalar)
    assert covered(text, source.span) == "f(l, k-1)"
    assert source.plain


def test_item_may_be_joined_over_two_lines():
    tree = parse("x: [f(l,\n  k-1), g]\n")
    items = tree.get("x")
    assert texts(items) == ["f(l, k-1)", "g"]
    assert isinstance(items, Sequence)
    assert (items.items[0].span.line, items.items[1].span.line) == (1, 2)


def test_duplicate_is_shown_at_its_place_and_names_the_first():
    sink = Sink()
    tree = parse_tree(b"a: 1\nb: {x: 1, x: 2}\na: 3\n", "s.yaml", sink)
    assert tree.get("a") == Scalar("1", True, Span("s.yaml", 1, 4, 5))  # the first one counts
    found = {d.span.line: (d.code, d.span.column, d.help) for d in sink.diagnostics if d.span}
    assert found[3][:2] == ("F106", 1)
    assert found[2][:2] == ("F106", 11)
    assert "line 1" in found[3][2]
    assert "line 2" in found[2][2]


def test_merge_bomb_is_refused_at_once():
    bomb = "a: &a {x: 1}\n" + "".join(
        f"b{i}: &b{i} {{<<: [{', '.join(['*a'] * 9)}]}}\n" for i in range(9)
    )
    assert faults(bomb) == [("F104", 1, 4)]


@pytest.mark.parametrize(
    "opening", ["[", "{a: ", "- ", "? "], ids=["flow", "flow mapping", "block", "key"]
)
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5_000])
def test_deep_nesting_is_refused(opening, depth):
    text = "a:\n  " + opening * depth if opening in "- ? " else "a: " + opening * depth
    assert [code for code, *_ in faults(text)] == ["F105"]


def test_nesting_at_the_limit_is_read():
    inner = MAX_DEPTH - 1
    assert parse(f"a: {'[' * inner}1{']' * inner}\n").get("a")


@pytest.mark.parametrize("size", [MAX_BYTES, MAX_BYTES + 1])
def test_size_is_limited(size):
    text = b"a: 1\n#" + b"x" * (size - 7) + b"\n"
    assert len(text) == size
    if size <= MAX_BYTES:
        assert [*parse(text).entries] == ["a"]
    else:
        assert faults(text) == [("F105", 1, 1)]


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\u2028", "\ufeff"])
def test_control_characters_are_refused_where_they_stand(character):
    assert faults(f"a: 1\nbc: x{character}\n") == [("F102", 2, 6)]


def test_bytes_that_are_no_text_are_refused_where_they_stand():
    assert faults(b"a: 1\nb: \xff\n") == [("F102", 2, 4)]


@given(
    st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace"))
)
@example(b"%TAG ! tag:x,2000:\n---\na: !y 1\n")
@example(b"--- |\n x\n...\n--- b\n")
@example(b"? [a]\n: b\n")
def test_any_bytes_are_a_tree_or_faults_with_places(data):
    sink = Sink()
    with contextlib.suppress(SpecError):
        parse_tree(data, "s.yaml", sink)
        assert not sink.diagnostics
    assert render(sink.diagnostics, sink.texts) or not sink.diagnostics
    assert all(d.span and d.span.line >= 1 and d.span.column >= 1 for d in sink.diagnostics)
