"""What code that uses a generated file relies on: the methods of its classes, their parameters."""

import ast
from dataclasses import dataclass
from typing import Literal

ParameterKind = Literal["positional", "keyword", "rest"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `default` is its source, None if it must be given."""

    name: str
    kind: ParameterKind
    annotation: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's parameters and the type that it returns."""

    parameters: tuple[Parameter, ...]
    returns: str


def methods(node: ast.ClassDef) -> dict[str, Signature]:
    """The constructor and the public methods of a class, without `self`."""
    found = {}
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and _is_public(part.name):
            is_static = any(ast.unparse(d) == "staticmethod" for d in part.decorator_list)
            found[part.name] = _signature(part, 0 if is_static else 1)
    return found


def _is_public(name: str) -> bool:
    return name == "__init__" or not name.startswith("_")


def _signature(node: ast.FunctionDef, skipped: int) -> Signature:
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    missing = len(positional) - len(given.defaults)
    defaults: list[ast.expr | None] = [*([None] * missing), *given.defaults]
    found = [
        _parameter(parameter, "positional", default)
        for parameter, default in zip(positional, defaults, strict=True)
    ][skipped:]
    if given.vararg:
        found.append(_parameter(given.vararg, "rest", None))
    for parameter, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found.append(_parameter(parameter, "keyword", default))
    return Signature(tuple(found), ast.unparse(node.returns) if node.returns else "")


def _parameter(node: ast.arg, kind: ParameterKind, default: ast.expr | None) -> Parameter:
    annotation = ast.unparse(node.annotation) if node.annotation else ""
    return Parameter(node.arg, kind, annotation, ast.unparse(default) if default else None)
