"""The definitions of a generated file: what they say, apart from comments and docstrings.

Of a class that is what its methods say but the constructor, which is followed elsewhere.
"""

import ast
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Text:
    """A definition: a digest of its code, one with docstrings and constructor, names it uses."""

    digest: str
    whole: str
    uses: frozenset[str]


def definitions(tree: ast.Module) -> dict[str, Definition]:
    """The functions and classes of a file by their names."""
    return {node.name: node for node in tree.body if isinstance(node, Definition)}


def texts(nodes: Mapping[str, Definition]) -> dict[str, Text]:
    """What definitions say, without docstrings and annotations, and which others they use."""
    return {name: text_of(node) for name, node in nodes.items()}


def text_of(node: Definition) -> Text:
    """What one definition says."""
    bare = _bare(node)
    uses = frozenset(part.id for part in ast.walk(bare) if isinstance(part, ast.Name))
    return Text(_digest(bare), _digest(node), uses)


def _digest(node: ast.AST) -> str:
    return hashlib.sha256(ast.dump(node).encode()).hexdigest()


def reachable(names: Iterable[str], known: Mapping[str, Text]) -> set[str]:
    """The named definitions and those that they use, directly or not."""
    found: set[str] = set()
    waiting = [name for name in names if name in known]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [use for use in known[name].uses if use in known]
    return found


class _Bare(ast.NodeTransformer):
    """Drops docstrings and annotations."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        return ast.FunctionDef(
            name=node.name,
            args=node.args,
            body=_without_docstring(node.body),
            decorator_list=node.decorator_list,
            returns=None,
            type_comment=None,
            lineno=node.lineno,
        )

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        return ast.ClassDef(
            name=node.name,
            bases=node.bases,
            keywords=node.keywords,
            body=[part for part in _without_docstring(node.body) if not _is_constructor(part)],
            decorator_list=node.decorator_list,
        )

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(arg=node.arg, annotation=None)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if node.value is None:
            return None
        return ast.Assign(targets=[node.target], value=node.value, lineno=node.lineno)


def _bare(node: Definition) -> ast.AST:
    copied = ast.parse(ast.unparse(node)).body[0]  # for the transformer changes what it walks
    bare = _Bare().visit(copied)
    assert isinstance(bare, ast.AST)
    return bare


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (body[1:] if is_text else body) or [ast.Pass()]


def _is_constructor(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"
