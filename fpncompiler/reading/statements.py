"""Statements of a generated file's functions, followed one after another."""

import ast
from abc import abstractmethod
from dataclasses import dataclass

from fpncompiler.reading.expressions import Expressions, Scope, truth
from fpncompiler.reading.values import NotUnderstoodError, Value

MAX_CALLS = 60  # one within the other


@dataclass(frozen=True, slots=True)
class Returned:
    """What ends a function."""

    value: Value


class Statements(Expressions):
    """Runs the bodies of functions."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0

    def run(self, function: ast.FunctionDef, scope: Scope) -> Value:
        """What a function returns, its parameters being in the scope.

        Raises:
            NotUnderstoodError: generated files do not say such a thing.
        """
        if self.depth == MAX_CALLS:
            raise NotUnderstoodError("functions that call each other without end", function.lineno)
        self.depth += 1
        try:
            ended = self._body(function.body, scope)
        finally:
            self.depth -= 1
        return ended.value if ended else None

    @abstractmethod
    def default(self, node: ast.expr) -> Value:
        """A parameter's default."""

    def _body(self, body: list[ast.stmt], scope: Scope) -> Returned | None:
        for statement in body:
            try:
                ended = self._statement(statement, scope)
            except NotUnderstoodError as error:
                error.line = error.line or statement.lineno
                raise
            if ended:
                return ended
        return None

    def _statement(self, node: ast.stmt, scope: Scope) -> Returned | None:
        match node:
            case ast.Expr():
                if not isinstance(node.value, ast.Constant):
                    self.evaluate(node.value, scope)
            case ast.Assign():
                value = self.evaluate(node.value, scope)
                for target in node.targets:
                    self.assign(target, value, scope)
            case ast.AnnAssign():
                if node.value is not None:
                    self.assign(node.target, self.evaluate(node.value, scope), scope)
            case ast.Return():
                return Returned(self.evaluate(node.value, scope) if node.value else None)
            case ast.If():
                chosen = node.body if truth(self.evaluate(node.test, scope)) else node.orelse
                return self._body(chosen, scope)
            case ast.For() if not node.orelse:
                for item in self.iterated(self.evaluate(node.iter, scope)):
                    self.assign(node.target, item, scope)
                    if ended := self._body(node.body, scope):
                        return ended
            case ast.Delete():
                for target in node.targets:
                    if not isinstance(target, ast.Name):
                        raise NotUnderstoodError("a deletion of other than names")
            case ast.Assert() | ast.Pass():
                pass
            case ast.Raise():
                raise NotUnderstoodError("a constructor that ends with an error")
            case _:
                raise NotUnderstoodError(f"a statement of kind {type(node).__name__}")
        return None
