"""Expressions of a generated file, evaluated: numbers, modules, maps of the forward pass."""

import ast
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from fpncompiler.reading.arithmetic import MAX_ITEMS, combined
from fpncompiler.reading.program import Operation, Program, Section
from fpncompiler.reading.values import (
    Function,
    Instance,
    Library,
    Map,
    Method,
    NotUnderstoodError,
    Tensor,
    Unknown,
    Value,
)

MAX_STEPS = 2_000_000
BUILTINS = frozenset(
    "abs bool dict enumerate float int len list max min range reversed round str sum "
    "super tuple zip".split()
)
LIBRARIES = frozenset("F copy math nn timm torch".split())


@dataclass(slots=True)
class Scope:
    """The variables of a function; `owner` is the class that it is of, `section` its layer's."""

    names: dict[str, Value] = field(default_factory=dict)
    owner: ast.ClassDef | None = None
    section: Section | None = None

    def inner(self) -> "Scope":
        """The scope of a comprehension."""
        return Scope(dict(self.names), self.owner, self.section)


class Expressions(ABC):
    """Evaluates expressions; what calls do is left open.

    `globals` are the names at the top level of the file.
    """

    def __init__(self) -> None:
        self.globals: dict[str, Value] = {}
        self.program = Program()
        self.steps = 0

    @abstractmethod
    def call(self, function: Value, arguments: list[Value], words: dict[str, Value]) -> Value:
        """What a call gives."""

    @abstractmethod
    def parent_call(self, scope: Scope, arguments: list[Value], words: dict[str, Value]) -> None:
        """`super().__init__(...)`."""

    @abstractmethod
    def method_of(self, instance: Instance, name: str) -> Function | None:
        """A method that the class of a module has in the file."""

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """The value of an expression.

        Raises:
            NotUnderstoodError: generated files do not say such a thing.
        """
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise NotUnderstoodError("a file that takes too long to read", node.lineno)
        try:
            value = self._evaluated(node, scope)
        except NotUnderstoodError as error:
            error.line = error.line or node.lineno
            raise
        if isinstance(value, list | tuple):
            self.steps += len(value)
        return value

    def _evaluated(self, node: ast.expr, scope: Scope) -> Value:
        match node:
            case ast.Constant():
                return _literal(node)
            case ast.Name():
                return self._name(node.id, scope)
            case ast.Tuple():
                return tuple(self._items(node.elts, scope))
            case ast.List():
                return self._items(node.elts, scope)
            case ast.Attribute():
                return self.attribute(self.evaluate(node.value, scope), node.attr)
            case ast.Subscript():
                return self._item(
                    self.evaluate(node.value, scope), self.evaluate(node.slice, scope)
                )
            case ast.Slice():
                ends = (node.lower, node.upper, node.step)
                return slice(*(self._index(end, scope) for end in ends))
            case ast.BinOp():
                left, right = self.evaluate(node.left, scope), self.evaluate(node.right, scope)
                return self._binary(node.op, left, right)
            case ast.UnaryOp():
                return _unary(node.op, self.evaluate(node.operand, scope))
            case ast.BoolOp():
                return self._logical(node, scope)
            case ast.Compare():
                return self._comparison(node, scope)
            case ast.IfExp():
                chosen = node.body if truth(self.evaluate(node.test, scope)) else node.orelse
                return self.evaluate(chosen, scope)
            case ast.Call():
                return self._call(node, scope)
            case ast.ListComp() | ast.GeneratorExp():
                return self._comprehension(node, scope)
            case ast.JoinedStr():
                return Unknown()
            case _:
                raise NotUnderstoodError(f"a {type(node).__name__}")

    def _name(self, name: str, scope: Scope) -> Value:
        if name in scope.names:
            return scope.names[name]
        if name in self.globals:
            return self.globals[name]
        if name in BUILTINS or name in LIBRARIES:
            return Library(name)
        raise NotUnderstoodError(f"the name `{name}`, which is not defined")

    def _items(self, nodes: list[ast.expr], scope: Scope) -> list[Value]:
        items: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                items += self.iterated(self.evaluate(node.value, scope))
            else:
                items.append(self.evaluate(node, scope))
        return items

    def iterated(self, value: Value) -> list[Value]:
        """The items of a list, or the modules of a ModuleList."""
        if isinstance(value, list | tuple):
            return [*value]
        if isinstance(value, Instance) and value.kind in ("nn.ModuleList", "nn.Sequential"):
            return [*value.children.values()]
        raise NotUnderstoodError("a loop over what is no list")

    def attribute(self, value: Value, name: str) -> Value:
        """An attribute of a library, a module, a tensor or a map."""
        match value:
            case Library():
                return Library(f"{value.name}.{name}")
            case Instance():
                return self._of_module(value, name)
            case Tensor() if name == "shape":
                return value.shape
            case Map() if name in ("shape", "device", "dtype"):
                return Unknown()
            case Unknown():
                return value
            case Tensor():
                return Method(value, name)
            case _:
                raise NotUnderstoodError(f"the attribute `{name}`")

    def _of_module(self, module: Instance, name: str) -> Value:
        for found in (module.children, module.weights, module.settings):
            if name in found:
                return found[name]
        return self.method_of(module, name) or Method(module, name)

    def _item(self, value: Value, index: Value) -> Value:
        if isinstance(value, Unknown) or isinstance(index, Unknown):
            return Unknown()
        if isinstance(value, Instance):
            value = self.iterated(value)
        if isinstance(value, list | tuple) and isinstance(index, int | slice):
            try:
                return value[index]
            except IndexError:
                raise NotUnderstoodError("an index out of range") from None
        if isinstance(value, dict) and isinstance(index, str) and index in value:
            return value[index]
        raise NotUnderstoodError("an index into what is no list")

    def _index(self, node: ast.expr | None, scope: Scope) -> int | None:
        value = self.evaluate(node, scope) if node else None
        if value is None or isinstance(value, int):
            return value
        raise NotUnderstoodError("a slice by what is no number")

    def _binary(self, sign: ast.operator, left: Value, right: Value) -> Value:
        if isinstance(left, Map) and isinstance(right, Map) and isinstance(sign, ast.Add):
            return self.program.add(Operation("add", "+", (("left", left), ("right", right))))
        return combined(sign, left, right)

    def _logical(self, node: ast.BoolOp, scope: Scope) -> Value:
        value: Value = None
        for part in node.values:
            value = self.evaluate(part, scope)
            if truth(value) == isinstance(node.op, ast.Or):
                break
        return value

    def _comparison(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        for sign, part in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(part, scope)
            if not _holds(sign, left, right):
                return False
            left = right
        return True

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        arguments = self._items(node.args, scope)
        words = {}
        for word in node.keywords:
            if word.arg is None:
                raise NotUnderstoodError("a call with `**`")
            words[word.arg] = self.evaluate(word.value, scope)
        if ast.unparse(node.func) == "super().__init__":
            self.parent_call(scope, arguments, words)
            return None
        return self.call(self.evaluate(node.func, scope), arguments, words)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Value:
        found: list[Value] = []
        inner = scope.inner()

        def run(generators: list[ast.comprehension]) -> None:
            if not generators:
                found.append(self.evaluate(node.elt, inner))
                if len(found) > MAX_ITEMS:
                    raise NotUnderstoodError(f"a list of more than {MAX_ITEMS} items")
                return
            first, *rest = generators
            for item in self.iterated(self.evaluate(first.iter, inner)):
                self.assign(first.target, item, inner)
                if all(truth(self.evaluate(test, inner)) for test in first.ifs):
                    run(rest)

        run(node.generators)
        return found

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a name, or several, or an attribute of `self`, a value."""
        match target:
            case ast.Name():
                scope.names[target.id] = value
                if scope.section is not None and isinstance(value, Map):
                    scope.section.names.setdefault(target.id, value.index)
            case ast.Tuple() | ast.List():
                values = self._unpacked(value, len(target.elts))
                for part, item in zip(target.elts, values, strict=True):
                    self.assign(part, item, scope)
                    if scope.section is not None and isinstance(part, ast.Name):
                        scope.section.given.append(part.id)
            case ast.Attribute():
                of = self.evaluate(target.value, scope)
                if not isinstance(of, Instance):
                    raise NotUnderstoodError("an attribute of what is no module is set")
                set_attribute(of, target.attr, value)
            case _:
                raise NotUnderstoodError("an assignment to other than names")

    def _unpacked(self, value: Value, count: int) -> list[Value]:
        if isinstance(value, Unknown):
            return [value] * count
        items = self.iterated(value)
        if len(items) != count:
            raise NotUnderstoodError(f"{len(items)} values for {count} names")
        return items


def set_attribute(module: Instance, name: str, value: Value) -> None:
    """What `self.name = value` does: modules and parameters are registered."""
    for kept in (module.children, module.weights, module.settings):
        kept.pop(name, None)
    if isinstance(value, Instance):
        module.children[name] = value
    elif isinstance(value, Tensor) and value.is_parameter:
        module.weights[name] = value
    else:
        module.settings[name] = value


def truth(value: Value) -> bool:
    """Whether a condition holds.

    Raises:
        NotUnderstoodError: it is known when the model runs alone.
    """
    if isinstance(value, Unknown | Map | Tensor):
        raise NotUnderstoodError("a condition on what is known when the model runs alone")
    return bool(value)


def _literal(node: ast.Constant) -> Value:
    value = node.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if value is ...:
        return Unknown()
    raise NotUnderstoodError(f"a literal of type {type(value).__name__}")


def _unary(sign: ast.unaryop, value: Value) -> Value:
    if isinstance(sign, ast.Not):
        return not truth(value)
    if isinstance(value, Unknown):
        return value
    if isinstance(sign, ast.USub) and isinstance(value, int | float):
        return -value
    raise NotUnderstoodError(f"the operator {type(sign).__name__}")


def _holds(sign: ast.cmpop, left: Value, right: Value) -> bool:
    if isinstance(left, Unknown | Map) or isinstance(right, Unknown | Map):
        raise NotUnderstoodError("a condition on what is known when the model runs alone")
    match sign:
        case ast.Eq():
            return left == right
        case ast.NotEq():
            return left != right
        case ast.Is():
            return left is right
        case ast.IsNot():
            return left is not right
        case ast.In() if isinstance(right, tuple | list | dict):
            return left in right
        case ast.NotIn() if isinstance(right, tuple | list | dict):
            return left not in right
    if isinstance(left, int | float) and isinstance(right, int | float):
        match sign:
            case ast.Lt():
                return left < right
            case ast.LtE():
                return left <= right
            case ast.Gt():
                return left > right
            case ast.GtE():
                return left >= right
    raise NotUnderstoodError(f"a comparison by {type(sign).__name__}")
