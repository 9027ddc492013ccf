"""Operators on what is known before a model runs: numbers, lists, the shapes of tensors."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import TypeGuard

from fpncompiler.reading.values import NotUnderstoodError, Shape, Tensor, Unknown, Value

Number = int | float

LARGEST = 2**63
MAX_ITEMS = 100_000  # of a list or a range
MAX_EXPONENT = 64

_OPERATORS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "abs": abs,
    "bool": bool,
    "float": float,
    "int": int,
    "max": max,
    "min": min,
    "round": round,
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.log": math.log,
    "math.log2": math.log2,
    "math.prod": math.prod,
    "math.sqrt": math.sqrt,
    "sum": sum,
}


def combined(sign: ast.operator, left: Value, right: Value) -> Value:
    """What an operator gives.

    Raises:
        NotUnderstoodError: it is none of numbers, lists or tensors, or the result is out of bounds.
    """
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown()
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        return Tensor(_broadcast(_shape(left), _shape(right)), "computed")
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _number(sign, left, right)
    if isinstance(sign, ast.Add):
        if isinstance(left, list) and isinstance(right, list):
            return left + right
        if isinstance(left, tuple) and isinstance(right, tuple):
            return left + right
    if isinstance(sign, ast.Mult) and isinstance(right, int) and isinstance(left, list | tuple):
        if len(left) * max(right, 0) > MAX_ITEMS:
            raise NotUnderstoodError(f"a list of more than {MAX_ITEMS} items")
        return left * right
    raise NotUnderstoodError(f"the operator {type(sign).__name__} on other than numbers")


def calculated(name: str, arguments: list[Value]) -> Value:
    """What a function of numbers gives: `max`, `math.sqrt`.

    Raises:
        NotUnderstoodError: the arguments are no numbers.
    """
    flat = [part for each in arguments for part in (each if _is_list(each) else [each])]
    if any(isinstance(each, Unknown) for each in flat):
        return Unknown()
    if not all(isinstance(each, int | float) for each in flat):
        raise NotUnderstoodError(f"`{name}` of other than numbers")
    try:
        return _bounded(_FUNCTIONS[name](*arguments))
    except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
        raise NotUnderstoodError(f"`{name}`: {error}") from error


def is_calculation(name: str) -> bool:
    """Whether a library's function is one of numbers."""
    return name in _FUNCTIONS


def shape_of(sizes: list[Value]) -> Shape:
    """The shape that `torch.ones(2, 3)` or `torch.ones((2, 3))` is given."""
    only = sizes[0] if len(sizes) == 1 else None
    items = only if isinstance(only, list | tuple) else sizes
    shape = []
    for item in items:
        if not isinstance(item, int) or isinstance(item, bool) or item < 0:
            raise NotUnderstoodError("a tensor whose sizes are no numbers")
        shape.append(item)
    return tuple(shape)


def nested_shape(value: Value) -> Shape:
    """The shape of `torch.tensor([[1, 2], [3, 4]])`."""
    if isinstance(value, list | tuple):
        return (len(value), *nested_shape(value[0])) if value else (0,)
    return ()


def without_dimension(shape: Shape, dimension: Value) -> Shape:
    """The shape of a sum over one dimension, or over all."""
    if dimension is None:
        return ()
    if not isinstance(dimension, int) or not -len(shape) <= dimension < len(shape):
        raise NotUnderstoodError("a sum over no dimension of the tensor")
    index = dimension % len(shape)
    return shape[:index] + shape[index + 1 :]


def _number(sign: ast.operator, left: Number, right: Number) -> Value:
    if isinstance(sign, ast.Pow) and abs(right) > MAX_EXPONENT:
        raise NotUnderstoodError(f"a power beyond {MAX_EXPONENT}")
    if type(sign) not in _OPERATORS:
        raise NotUnderstoodError(f"the operator {type(sign).__name__}")
    try:
        return _bounded(_OPERATORS[type(sign)](left, right))
    except (ArithmeticError, ValueError) as error:
        raise NotUnderstoodError(f"a calculation that fails: {error}") from error


def _bounded(value: Value) -> Value:
    if isinstance(value, int | float) and abs(value) < LARGEST:
        return value
    raise NotUnderstoodError("a number that is too large, or none")


def _is_list(value: Value) -> TypeGuard[list[Value] | tuple[Value, ...]]:
    return isinstance(value, list | tuple)


def _shape(value: Value) -> Shape:
    if isinstance(value, Tensor):
        return value.shape
    if isinstance(value, int | float):
        return ()
    raise NotUnderstoodError("a tensor combined with what is none")


def _broadcast(left: Shape, right: Shape) -> Shape:
    length = max(len(left), len(right))
    pairs = zip(
        (1,) * (length - len(left)) + left, (1,) * (length - len(right)) + right, strict=True
    )
    shape = []
    for one, other in pairs:
        if one != other and 1 not in (one, other):
            raise NotUnderstoodError("tensors whose shapes do not fit together")
        shape.append(max(one, other) if 0 not in (one, other) else 0)
    return tuple(shape)
