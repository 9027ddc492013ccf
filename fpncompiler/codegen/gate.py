"""A generated file's syntax tree, held against the closed lists of `allowlist`."""

import ast
import builtins
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fpncompiler.codegen.allowlist import (
    ATTRIBUTES,
    BLOCK_NODES,
    BUILTINS,
    DECORATORS,
    IMPORTS,
    LARGEST,
    LIBRARY,
    MODEL_ATTRIBUTES,
    MODEL_LIBRARY,
    MODEL_NODES,
    MODULES,
    TOP_LEVEL,
    RenderError,
)
from fpncompiler.codegen.definitions import Block, Import, imports_of
from fpncompiler.kinds import BLOCKS_PACKAGE

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_CONSTANT_NAME = re.compile(r"[A-Z][A-Z_]*")
_TEXT = re.compile(r"[ -~\n]*")
_PYTHONS_OWN = frozenset(dir(builtins))
_CALLED_ON_RESULT = "super().__init__"

Definition = ast.FunctionDef | ast.ClassDef


def check_file(
    parts: Iterable[tuple[str, ast.Module]], library: Mapping[str, Block], imports: Iterable[Import]
) -> None:
    """Hold a file against the lists.

    Args:
        parts: the file's pieces in their order, each with its tree.
        library: the blocks by their names.
        imports: those of the library, plug-ins included.

    Raises:
        RenderError: something is on no list; the message says what, and on which line.
    """
    offset = 0
    statements: list[_Statement] = []
    for text, tree in parts:
        if not _TEXT.fullmatch(text):
            raise RenderError("the generated file has a character other than printable ASCII")
        lines = text.split("\n")
        statements += [_Statement(node, lines, offset) for node in tree.body]
        offset += len(lines) - 1
    _File(statements, library, frozenset(imports)).check()


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement at the top level; its piece of the file begins after `offset` lines."""

    node: ast.stmt
    lines: list[str]
    offset: int

    @property
    def text(self) -> str:
        return "\n".join(self.lines[self.node.lineno - 1 : self.node.end_lineno])

    def fault(self, node: ast.AST, what: str) -> RenderError:
        line = getattr(node, "lineno", self.node.lineno) + self.offset
        return RenderError(f"line {line} of the generated file: {what}")


class _File:
    """The top level of a file."""

    def __init__(
        self,
        statements: list[_Statement],
        library: Mapping[str, Block],
        imports: frozenset[Import],
    ) -> None:
        self.statements = statements
        self.library = library
        self.imports = imports
        self.names: set[str] = set()
        self.plugin_names: set[str] = set()
        self.members: set[str] = set()

    def check(self) -> None:
        for index, statement in enumerate(self.statements):
            node = statement.node
            is_docstring = index == 0 and isinstance(node, ast.Expr) and _is_text(node.value)
            if not (is_docstring or isinstance(node, TOP_LEVEL)):
                raise statement.fault(node, f"a statement of kind {type(node).__name__}")
            for name in _defined(node):
                self._define(name, statement)
        definitions = [
            _Class(statement, statement.node, self.library.get(statement.node.name))
            for statement in self.statements
            if isinstance(statement.node, Definition)
        ]
        for each in definitions:
            self.members |= each.members
        for statement in self.statements:
            if isinstance(statement.node, ast.Import | ast.ImportFrom):
                self._check_import(statement, statement.node)
            elif isinstance(statement.node, ast.Assign):
                _check_constant(statement, statement.node)
        for each in definitions:
            self._check_definition(each)

    def _define(self, name: str, statement: _Statement) -> None:
        what = f"`{name}` is defined twice" if name in self.names else _name_fault(name)
        if what:
            raise statement.fault(statement.node, what)
        self.names.add(name)
        block = self.library.get(name)
        if block and not _is_ours(block):
            self.plugin_names |= block.uses

    def _check_import(self, statement: _Statement, node: ast.Import | ast.ImportFrom) -> None:
        for found in imports_of(node):
            plugins = found in self.imports and found.binds in self.plugin_names
            relative = isinstance(node, ast.ImportFrom) and node.level
            if not (found in IMPORTS or plugins) or relative:
                raise statement.fault(node, f"an import of `{found.target}`")

    def _check_definition(self, definition: "_Class") -> None:
        statement, node, block = definition.statement, definition.node, definition.block
        if block is None:
            if not isinstance(node, ast.ClassDef) or not _CLASS_NAME.fullmatch(node.name):
                raise statement.fault(node, f"a definition of `{node.name}`")
            rules = _Rules(MODEL_NODES, MODEL_LIBRARY, MODEL_ATTRIBUTES, self.members, self.names)
            definition.check(rules)
        elif statement.text != block.source or node.decorator_list:
            raise statement.fault(node, f"`{node.name}` is not the block of this name")
        elif _is_ours(block):
            names = block.uses & self.names
            definition.check(_Rules(BLOCK_NODES, LIBRARY, ATTRIBUTES, self.members, names))


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a definition may consist of; `members` are the attributes of `self`."""

    nodes: frozenset[str]
    library: frozenset[str]
    attributes: frozenset[str]
    members: Iterable[str]
    names: Iterable[str]


class _Class:
    """A definition of the top level, its functions as the nodes that they are made of."""

    def __init__(self, statement: _Statement, node: Definition, block: Block | None) -> None:
        self.statement = statement
        self.node = node
        self.block = block
        body = node.body if isinstance(node, ast.ClassDef) else [node]
        self.functions = [
            (part, _nodes_below(part)) for part in body if isinstance(part, ast.FunctionDef)
        ]
        self.members = {function.name for function, _ in self.functions}
        self.members.update(
            part.attr
            for _, parts in self.functions
            for part in parts
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
        )

    def check(self, rules: _Rules) -> None:
        if isinstance(self.node, ast.ClassDef):
            self._check_class(self.node, rules)
        for function, parts in self.functions:
            self._check_function(function, rules)
            bound = set(_bound(parts))
            for name in bound:
                if fault := _name_fault(name):
                    raise self.statement.fault(function, fault)
            scope = _Scope(self.statement, rules, bound)
            for part in parts:
                scope.check(part)

    def _check_class(self, node: ast.ClassDef, rules: _Rules) -> None:
        plain = [base for base in node.bases if isinstance(base, ast.Name | ast.Attribute)]
        if node.decorator_list or node.keywords or len(plain) > 1 or plain != node.bases:
            raise self.statement.fault(node, f"class `{node.name}` has more than one plain base")
        for base in plain:
            _Scope(self.statement, rules, set()).check(base)
        for part in node.body:
            is_docstring = isinstance(part, ast.Expr) and _is_text(part.value)
            if not (is_docstring or isinstance(part, ast.FunctionDef)):
                raise self.statement.fault(part, f"a class holds a {type(part).__name__}")

    def _check_function(self, node: ast.FunctionDef, rules: _Rules) -> None:
        if any(ast.unparse(decorator) not in DECORATORS for decorator in node.decorator_list):
            raise self.statement.fault(node, f"`{node.name}` has an unknown decorator")
        if node.args.kwarg:
            raise self.statement.fault(node, f"`{node.name}` takes any keyword")
        fault = "" if node.name == "__init__" else _name_fault(node.name)
        if fault:
            raise self.statement.fault(node, fault)


@dataclass(frozen=True, slots=True)
class _Scope:
    """The inside of a function; `bound` are its parameters and variables."""

    statement: _Statement
    rules: _Rules
    bound: set[str]

    def check(self, node: ast.AST) -> None:
        kind = type(node).__name__
        if kind not in self.rules.nodes:
            raise self.statement.fault(node, f"a {kind}")
        if (check := _CHECKS.get(kind)) and (fault := check(self, node)):
            raise self.statement.fault(node, fault)

    def name(self, node: ast.Name) -> str:
        known = node.id in self.bound or node.id in self.rules.names or node.id in BUILTINS
        return "" if known and node.id not in MODULES else f"the name `{node.id}`"

    def attribute(self, node: ast.Attribute) -> str:
        of_self = isinstance(node.value, ast.Name) and node.value.id == "self"
        if isinstance(node.ctx, ast.Store):
            return _name_fault(node.attr) if of_self else "an attribute of another is set"
        dotted = _dotted(node)
        if dotted.partition(".")[0] in MODULES:
            known = dotted in self.rules.library
        elif node.attr == "__init__":
            known = ast.unparse(node) == _CALLED_ON_RESULT
        else:
            known = node.attr in self.rules.attributes or (
                of_self and node.attr in self.rules.members
            )
        return "" if known else f"the attribute `{dotted or node.attr}`"

    def call(self, node: ast.Call) -> str:
        rows = self.rules.nodes is BLOCK_NODES and isinstance(node.func, ast.Subscript)
        if not (isinstance(node.func, ast.Name | ast.Attribute) or rows):
            return f"a call of a {type(node.func).__name__}"
        return "a call with `**`" if any(word.arg is None for word in node.keywords) else ""

    def value(self, node: ast.Expr) -> str:
        taken = _is_text(node.value) or isinstance(node.value, ast.Call)
        return "" if taken else "a value that nothing takes"

    def literal(self, node: ast.Constant) -> str:
        return _literal_fault(node.value)

    def formatted(self, node: ast.FormattedValue) -> str:
        plain = node.format_spec is None and node.conversion == -1
        return "" if plain else "an f-string with a format"

    def assignment(self, node: ast.Assign | ast.AnnAssign) -> str:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            taken = ast.Name | ast.Attribute
            if self.rules.nodes is BLOCK_NODES:
                taken |= ast.Subscript
            if not all(isinstance(part, taken) for part in parts):
                return "an assignment to something other than a name"
        return ""


_CHECKS: dict[str, Callable[..., str]] = {
    "AnnAssign": _Scope.assignment,
    "Assign": _Scope.assignment,
    "Attribute": _Scope.attribute,
    "Call": _Scope.call,
    "Constant": _Scope.literal,
    "Expr": _Scope.value,
    "FormattedValue": _Scope.formatted,
    "Name": _Scope.name,
}


def _check_constant(statement: _Statement, node: ast.Assign) -> None:
    (target, *more) = node.targets
    if more or not isinstance(target, ast.Name) or not _CONSTANT_NAME.fullmatch(target.id):
        raise statement.fault(node, "an assignment to something other than a constant")
    for part in ast.walk(node.value):
        if isinstance(part, ast.Constant):
            fault = _literal_fault(part.value)
        else:
            literal = isinstance(part, ast.Tuple | ast.UnaryOp | ast.USub | ast.Load)
            fault = "" if literal else f"`{target.id}` is no literal"
        if fault:
            raise statement.fault(node, fault)


def _literal_fault(value: object) -> str:
    if isinstance(value, float):
        fits = math.isfinite(value)
    elif isinstance(value, int):
        fits = abs(value) < LARGEST
    else:
        fits = value is None or value is ... or isinstance(value, str)
    return "" if fits else f"a literal of type {type(value).__name__}"


def _name_fault(name: str) -> str:
    """Why a file cannot give this name to something."""
    if not _IDENTIFIER.fullmatch(name) or name.startswith("__"):
        return f"`{name}` is no name to give"
    return f"`{name}` is Python's own" if name in _PYTHONS_OWN else ""


def _is_ours(block: Block) -> bool:
    return block.module.startswith(f"{BLOCKS_PACKAGE}.")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Import() | ast.ImportFrom():
            yield from (found.binds for found in imports_of(node))
        case ast.Assign():
            yield from (part.id for part in node.targets if isinstance(part, ast.Name))
        case ast.FunctionDef() | ast.ClassDef():
            yield node.name


def _nodes_below(function: ast.FunctionDef) -> list[ast.AST]:
    """All that is inside a function; of `nn.init.zeros_` the whole, and not its parts."""
    found: list[ast.AST] = [function.args, *function.body]
    found += [function.returns] if function.returns else []
    for node in found:  # which grows
        if isinstance(node, ast.Attribute) and _dotted(node).partition(".")[0] in MODULES:
            continue
        for value in node.__dict__.values():
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found.extend(part for part in value if isinstance(part, ast.AST))
    return found


def _bound(parts: Iterable[ast.AST]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, ast.arg):
            yield part.arg
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, ast.ExceptHandler) and part.name:
            yield part.name


def _dotted(node: ast.expr) -> str:
    """`nn.init.zeros_` of an attribute of a name; empty for one of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (of := _dotted(node.value)):
        return f"{of}.{node.attr}"
    return ""
