"""The shape of a file: what it is apart from its texts, which must not depend on them.

A file is rendered twice, once with harmless words for the title, the source, the names of model and
variant, and the backbone. Outside its string literals each must be the other, character by
character, so that the syntax trees are equal but for the strings: where a text ends its docstring,
leaves its quotes, or stands in a comment or as code, the remainder differs from the harmless one's.

Comparing text in place of trees is stronger, since comments count too, and cheaper: the twin, which
holds nothing of a stranger's, is neither parsed nor walked, and shares the lowered graphs, which no
text reaches. It costs 1.5 ms of a compilation of 300.

    file   class A: \"\"\"...\"\"\" def ...        the strings' places come from the syntax tree
    twin   class A: "word" def ...             a literal must stand at each, the same text between
"""

import ast
import re
from collections.abc import Collection, Iterator

from fpncompiler.codegen.allowlist import RenderError

_LITERAL = re.compile(r'"""[^"\\]*"""|"[^"\\\n]*"')
_COMMENT = re.compile(r"#[ -~]*")
_HEADER_LINES = 3
# What makes a comment on one of the first two lines declare the file's encoding (PEP 263).
_ENCODING = re.compile(r"coding[:=]")


def check_shape(text: str, tree: ast.Module, twin: str, blocks: Collection[str]) -> None:
    """Compare a piece of a file with its harmless twin; `blocks` are copied and need no look.

    Raises:
        RenderError: they differ in more than strings.
    """
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    at = end = 0
    for string in _strings(tree, blocks):
        begin = starts[string.lineno - 1] + string.col_offset
        at = _same(text[end:begin], twin, at, string.lineno)
        literal = _LITERAL.match(twin, at)
        if literal is None:
            raise _differs(string.lineno)
        at = literal.end()
        assert string.end_lineno is not None
        assert string.end_col_offset is not None
        end = starts[string.end_lineno - 1] + string.end_col_offset
        if not _LITERAL.fullmatch(text, begin, end):
            raise RenderError(f"near line {string.lineno} of the generated file: a string with \\")
    if twin[at:] != text[end:]:
        raise _differs(text.count("\n", 0, end) + 1)


def check_header(text: str, body: str) -> None:
    """Hold the lines in front of a body against what comments may be.

    A comment ends at a line break and nowhere else, so that with comments alone the file means what
    its body means; unless one of the first two declares an encoding in which it is something else.

    Raises:
        RenderError: a line is no comment, has other characters, or declares an encoding.
    """
    *lines, rest = text.removesuffix(body).split("\n")
    if not text.endswith(body) or rest or len(lines) != _HEADER_LINES:
        raise RenderError(f"the header is not {_HEADER_LINES} lines in front of the body")
    for number, line in enumerate(lines, 1):
        if not _COMMENT.fullmatch(line):
            raise RenderError(f"line {number} of the header is no comment of printable ASCII")
        if declares_encoding(line):
            raise RenderError(f"line {number} of the header declares an encoding")


def declares_encoding(comment: str) -> bool:
    """Whether a comment on the first or second line would be read as naming the file's encoding.

    In `unicode_escape`, to name one, a backslash and an `n` within the comment end it.
    """
    return _ENCODING.search(comment) is not None


def _same(between: str, twin: str, at: int, line: int) -> int:
    if not twin.startswith(between, at):
        raise _differs(line)
    return at + len(between)


def _differs(line: int) -> RenderError:
    return RenderError(f"near line {line} of the generated file: its shape depends on a text")


def _strings(tree: ast.Module, blocks: Collection[str]) -> Iterator[ast.Constant]:
    """The string literals outside of blocks, in the order of the file."""
    for node in tree.body:
        if not (isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in blocks):
            yield from sorted(_literals(node), key=lambda part: (part.lineno, part.col_offset))


def _literals(node: ast.AST) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    elif not isinstance(node, ast.JoinedStr):
        for child in ast.iter_child_nodes(node):
            yield from _literals(child)
