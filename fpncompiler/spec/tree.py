"""YAML events -> a tree in which every key and value knows its place.

    text -> yaml.parse (events) -> Scalar | Sequence | Mapping, each with a Span

Nothing is constructed from tags, keys never repeat, nesting and size are bounded. Anchors and
aliases are refused: `extends` is how one spec builds on another.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn, TypeGuard

import yaml

from fpncompiler.diagnostics import Edit, Fix, Label, Sink, Span, printable, silences_in

SAYS_THE_SAME = "the first says the same"
MAX_BYTES = 1 << 20
MAX_ITEMS = 120_000  # scalars, lists and mappings
MAX_LENGTH = 12_500  # of one list or mapping
MAX_REFERENCE = 100  # characters of what is split at commas, and joined again
MAX_DEPTH = 32

BYTE_ORDER_MARK = "\ufeff"
_NAMED = {BYTE_ORDER_MARK: "a byte order mark", "\r": "a carriage return without a line feed"}

_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BRACKETS = re.compile(r"[a-z]\[[lk0-9]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar as written; `plain` tells `yes` from `"yes"`."""

    text: str
    plain: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list; `span` covers it if it is in brackets and on one line, else where it begins."""

    items: tuple["Node", ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value."""

    key: Scalar
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping, in the order of the file; `span` is that of a list."""

    entries: dict[str, Entry]
    span: Span

    def get(self, key: str) -> "Node | None":
        """The value of `key`, if it is there."""
        entry = self.entries.get(key)
        return entry.value if entry else None


Node = Scalar | Sequence | Mapping


def is_alike(left: Node, right: Node) -> bool:
    """Whether two trees say the same, wherever they stand."""
    match left, right:
        case Scalar(), Scalar():
            return left.text == right.text
        case Sequence(), Sequence():
            pairs = zip(left.items, right.items, strict=False)
            return len(left.items) == len(right.items) and all(is_alike(a, b) for a, b in pairs)
        case Mapping(), Mapping():
            if left.entries.keys() != right.entries.keys():
                return False
            return all(is_alike(e.value, right.entries[k].value) for k, e in left.entries.items())
        case _:
            return False


def parse_tree(data: bytes, file: str, sink: Sink) -> Mapping:
    """Read one YAML document whose top is a mapping.

    Raises:
        SpecError: F101 not YAML, F102 not text, F103 empty, F104 a construct that specs do not
            have, F105 too large or too deep. Of a key given twice, F106, the first one counts.
    """
    start = Span(file, 1, 1, 2)
    if len(data) > MAX_BYTES:
        sink.fatal("F105", f"the file has more than {MAX_BYTES} bytes", start)
    text = _decode(data, file, sink)
    if sink.characters > MAX_BYTES:
        message = f"this spec and those that it names have more than {MAX_BYTES} characters"
        sink.fatal("F105", message, start)
    events = _events(text, file, sink)
    composer = _Composer(file, sink)
    tree = composer.document(events)
    if "fpnc:" in text:
        sink.silences.extend(silences_in(file, sink.texts[file], composer.scalars))
    if not composer.is_whole:
        sink.stop_on_errors()
    if tree is None or (isinstance(tree, Scalar) and tree.plain and tree.text in ("", "null", "~")):
        help = "start with `fpnc: 1` and a `name:`"
        sink.fatal("F103", "the spec is empty", start, help=help)
    if not isinstance(tree, Mapping):
        help = "a spec is `key: value` lines, beginning with `fpnc: 1`"
        sink.fatal("F103", "the spec is not a mapping", tree.span, help=help)
    return tree


def _decode(data: bytes, file: str, sink: Sink) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        span = Span(file, line, column, column + 1)
        sink.fatal("F102", "the file is not UTF-8 text", span, help="save it as UTF-8")
    text = text.replace("\r\n", "\n")
    sink.add_text(file, text)
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1
        span = Span(file, line, column, column + 1)
        name = _NAMED.get(found.group(), "a control character")
        message = f"the file has {name} ({printable(found.group())})"
        fix = Fix((Edit(span, found.group(), ""),), safe=found.group() == BYTE_ORDER_MARK)
        sink.fatal("F102", message, span, help="remove it", fix=fix)
    return text


def _events(text: str, file: str, sink: Sink) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_Parser)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or error.context or "the text cannot be read"
        span = Span(file, line, column, column + 1)
        lines = [*text.split("\n"), "", ""]
        near = lines[max(0, line - 2)] + lines[line - 1]
        help = "look at the indentation, brackets, colons and quotes here and on the line before"
        if "\t" in near:
            help = "indent with spaces: YAML takes no tabs"
        elif _BRACKETS.search(lines[line - 1], max(0, column - MAX_REFERENCE)):
            help = "references have parentheses: `td(l+1)`"
        opened = error.context_mark
        labels: tuple[Label, ...] = ()
        if opened and opened.line < line and "flow" in (error.context or ""):
            begin = opened.column + 1
            labels = (Label(Span(file, opened.line + 1, begin, begin + 1), "opened here"),)
        sink.fatal("F101", f"not YAML: {problem}", span, help=help, labels=labels)
    except yaml.YAMLError as error:
        sink.fatal("F101", f"not YAML: {str(error).splitlines()[0]}", Span(file, 1, 1, 2))


def _is_open(node: Node) -> TypeGuard[Scalar]:
    """Whether a parenthesis is still open at the end of a plain scalar."""
    if not isinstance(node, Scalar) or "(" not in node.text:
        return False
    if not node.plain or len(node.text) > MAX_REFERENCE:
        return False
    return node.text.count("(") > node.text.count(")")


def _is_rest(key: Node, value: Node, before: Scalar) -> TypeGuard[Scalar]:
    """Whether a key without a value goes on with the parenthesis that the entry before opens."""
    if not isinstance(value, Scalar) or not value.plain or value.text:
        return False
    if not isinstance(key, Scalar) or not key.plain:
        return False
    closes = key.text.count(")") > key.text.count("(")
    return closes or key.span.line == before.span.line


def _joined(left: Scalar, right: Scalar) -> Scalar:
    span, end = left.span, right.span
    if end.line == span.line:
        span = Span(span.file, span.line, span.column, end.end_column)
    return Scalar(f"{left.text}, {right.text}", True, span)


@dataclass(slots=True)
class _Composer:
    """Builds the tree from events, one recursion a nesting level, at most MAX_DEPTH deep."""

    file: str
    sink: Sink
    depth: int = field(default=0)
    size: int = field(default=0)
    scalars: list[Span] = field(default_factory=list)
    is_whole: bool = True
    end: tuple[int, int] = (1, 1)  # behind the last list or mapping

    def document(self, events: Iterator[yaml.Event]) -> Node | None:
        tree: Node | None = None
        for event in events:
            match event:
                case yaml.DocumentStartEvent() if tree is not None:
                    self._refuse(event, "a second document")
                case yaml.DocumentStartEvent() if event.version or event.tags:
                    self._refuse(event, "a directive")
                case yaml.ScalarEvent() | yaml.CollectionStartEvent() | yaml.AliasEvent():
                    tree = self.node(event, events)
        return tree

    def node(self, event: yaml.Event, events: Iterator[yaml.Event]) -> Node:
        span = self._span(event)
        self.size += 1
        if self.size > MAX_ITEMS:
            self.sink.fatal("F105", f"the file has more than {MAX_ITEMS} values", span)
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor or event.tag:
                self._refuse(event, "an anchor" if event.anchor else "a tag")
            self.scalars.append(span)
            return Scalar(event.value, not event.style, span)
        if not isinstance(event, yaml.CollectionStartEvent):
            self._refuse(event, "an alias")
        if event.anchor or event.tag:
            self._refuse(event, "an anchor" if event.anchor else "a tag")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.sink.fatal("F105", f"nested more than {MAX_DEPTH} deep", span)
        if isinstance(event, yaml.SequenceStartEvent):
            items = tuple(self._items(events))
            node: Node = Sequence(items, self._closed(event, span))
        else:
            entries = self._entries(events)
            node = Mapping(entries, self._closed(event, span))
        self.depth -= 1
        return node

    def _next(self, events: Iterator[yaml.Event]) -> yaml.Event:
        """The next event of a list or a mapping, which may be its end."""
        event = next(events)
        if isinstance(event, yaml.CollectionEndEvent):
            assert event.end_mark is not None
            self.end = event.end_mark.line + 1, event.end_mark.column + 1
        return event

    def _closed(self, event: yaml.CollectionStartEvent, span: Span) -> Span:
        """The span of what has just ended: up to its bracket, if that is on the same line."""
        line, column = self.end
        if not event.flow_style or line != span.line:
            return span
        return Span(span.file, line, span.column, column)

    def _items(self, events: Iterator[yaml.Event]) -> Iterator[Node]:
        """The items; `[f(l, k-1)]` is one, though YAML splits it at the comma."""
        before: Scalar | None = None
        room = MAX_LENGTH
        while not isinstance(event := self._next(events), yaml.SequenceEndEvent):
            room -= 1
            node = self.node(event, events)
            if room < 0:
                self._too_long(node.span)
            if before and isinstance(node, Scalar):
                node = _joined(before, node)
            elif before:
                yield before
            before = node if _is_open(node) else None
            if before is None:
                yield node
        if before:
            yield before

    def _entries(self, events: Iterator[yaml.Event]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := self._next(events), yaml.MappingEndEvent):
            key = self.node(event, events)
            if len(entries) >= MAX_LENGTH:
                self._too_long(key.span)
            value = self.node(next(events), events)
            last = next(reversed(entries.values()), None)
            if last and _is_open(last.value) and _is_rest(key, value, last.value):
                entries[last.key.text] = Entry(last.key, _joined(last.value, key))
            elif not isinstance(key, Scalar):
                self.is_whole = False
                self.sink.error("F104", "a key must be a word", key.span)
            elif key.text == "<<":
                self.is_whole = False
                help = "`extends: NAME` builds on another spec"
                self.sink.error("F104", "specs have no merge keys", key.span, help=help)
            elif first := entries.get(key.text):
                message = f"`{key.text}` is given twice"
                help = f"the first is on line {first.key.span.line}; remove or rename one"
                if is_alike(first.value, value):
                    help = f"{SAYS_THE_SAME} on line {first.key.span.line}; remove one"
                labels = (Label(first.key.span, "first here"),)
                self.sink.error(
                    "F106", message, key.span, label="again here", help=help, labels=labels
                )
            else:
                entries[key.text] = Entry(key, value)
        return entries

    def _too_long(self, span: Span) -> NoReturn:
        self.sink.fatal("F105", f"a list or mapping of more than {MAX_LENGTH} entries", span)

    def _span(self, event: yaml.Event) -> Span:
        start, end = event.start_mark, event.end_mark
        assert start is not None
        assert end is not None
        line, column = start.line, start.column
        is_one_line = end.line == line and end.column > column
        end_column = end.column + 1 if is_one_line else column + 2
        return Span(self.file, line + 1, column + 1, end_column)

    def _refuse(self, event: yaml.Event, what: str) -> NoReturn:
        self.sink.fatal("F104", f"specs have no such thing as {what}", self._span(event))
