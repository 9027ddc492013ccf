"""XML as elements that know their lines; no DTD, no entities, bounded."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from fpncompiler.datasets.findings import DataError
from fpncompiler.datasets.raw import read_bytes

MAX_BYTES = 8 << 20
MAX_DEPTH = 32
MAX_ELEMENTS = 400_000


class XmlError(Exception):
    """A file that is no XML, or more than plain XML; `line` says where, 0 for the whole file."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class Element:
    """An element, its text, and what it holds, in the order of the file."""

    name: str
    line: int
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def child(self, name: str) -> "Element | None":
        """The first element of a name that it holds."""
        return next((each for each in self.children if each.name == name), None)

    def word(self, *names: str) -> str:
        """The text of the element at a path of names; empty if there is none."""
        found: Element | None = self
        for name in names:
            found = found.child(name) if found else None
        return found.text.strip() if found else ""


def read_xml(path: Path) -> Element:
    """The root element of a file.

    Raises:
        XmlError: it cannot be read, or is not what `parse_xml` takes.
    """
    try:
        data = read_bytes(path, MAX_BYTES)
    except DataError as error:
        raise XmlError(str(error)) from error
    return parse_xml(data)


def parse_xml(data: bytes) -> Element:
    """The root element of a document.

    Raises:
        XmlError: it is no XML, has a DOCTYPE, or is too large or too deep.
    """
    builder = _Builder()
    parser = builder.parser
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmlError(f"no XML: {expat.errors.messages[error.code]}", error.lineno) from error
    except (LookupError, ValueError) as error:  # an encoding that is not known, or a long text
        raise XmlError(f"no XML: {error}", parser.CurrentLineNumber) from error
    return builder.root


@dataclass(slots=True)
class _Builder:
    """Builds elements from expat's events."""

    parser: expat.XMLParserType = field(default_factory=expat.ParserCreate)
    top: Element = field(default_factory=lambda: Element("", 0))
    stack: list[Element] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.stack.append(self.top)
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    @property
    def root(self) -> Element:
        return self.top.children[0]

    def _refuse(self, *_: object) -> None:
        message = "a DOCTYPE, which annotations do not need and fpnc does not read"
        raise XmlError(message, self.parser.CurrentLineNumber)

    def _start(self, name: str, _: dict[str, str]) -> None:
        self.count += 1
        line = self.parser.CurrentLineNumber
        if len(self.stack) > MAX_DEPTH:
            raise XmlError(f"nested more than {MAX_DEPTH} deep", line)
        if self.count > MAX_ELEMENTS:
            raise XmlError(f"more than {MAX_ELEMENTS} elements", line)
        element = Element(name, line)
        self.stack[-1].children.append(element)
        self.stack.append(element)

    def _end(self, _: str) -> None:
        self.stack.pop()

    def _text(self, text: str) -> None:
        self.stack[-1].text += text
