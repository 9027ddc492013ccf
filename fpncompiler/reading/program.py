"""What a model computes, as a list of operations: the outcome of reading its forward passes.

    0  given   3
    1  given   4
    2  call    upsample_nearest(x=#1, like=#0)
    3  module  network.layers.0.p3_td(#0, #2)

Equal operations on equal maps are one.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeGuard

from fpncompiler.reading.values import (
    Class,
    Function,
    Instance,
    Library,
    Map,
    NotUnderstoodError,
    Tensor,
    Value,
)

Frozen: TypeAlias = "bool | int | float | str | Map | tuple[Frozen, ...] | None"
MAX_PARTS = 20_000  # of one value

OperationKind = Literal["given", "module", "call", "add"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One step: `name` is the level of a given map, a module's path, or a function.

    `arguments` are those by name, of a module by position; maps among them are `Map`.
    """

    kind: OperationKind
    name: str
    arguments: tuple[tuple[str, Frozen], ...]

    @property
    def inputs(self) -> tuple[int, ...]:
        """The maps that it reads, in order."""
        return tuple(each.index for _, argument in self.arguments for each in maps_in(argument))


@dataclass(slots=True)
class Section:
    """The forward pass of one layer: the name of each map -> the operation that gives it.

    `given` are the names of those that the layer reads.
    """

    path: str
    names: dict[str, int] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Program:
    """All operations, in order, and the forward passes that they are of."""

    operations: list[Operation] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    outputs: tuple[int, ...] = ()
    checks: list[tuple[str, tuple[Frozen, ...]]] = field(default_factory=list)
    _known: dict[Operation, int] = field(default_factory=dict)

    def add(self, operation: Operation) -> Map:
        """The map that an operation gives."""
        if operation not in self._known:
            self._known[operation] = len(self.operations)
            self.operations.append(operation)
        return Map(self._known[operation])


def frozen(value: Value) -> Frozen:
    """A value as it is compared: lists as tuples, functions and classes by their names.

    Raises:
        NotUnderstoodError: it is not known before the model runs, or too large.
    """
    return _frozen(value, [0])


def _frozen(value: Value, count: list[int]) -> Frozen:
    count[0] += 1  # lists may hold each other many times over
    if count[0] > MAX_PARTS:
        raise NotUnderstoodError(f"a value of more than {MAX_PARTS} parts")
    match value:
        case None | bool() | int() | float() | str() | Map():
            return value
        case tuple() | list():
            return tuple(_frozen(item, count) for item in value)
        case dict():
            return tuple((name, _frozen(item, count)) for name, item in value.items())
        case Library():
            return value.name
        case Function() | Class():
            return value.node.name
        case Instance():
            return value.kind
        case Tensor():
            return ("tensor", *value.shape, value.start)
        case _:
            raise NotUnderstoodError("a value that is known when the model runs alone")


def maps_in(value: Frozen) -> tuple[Map, ...]:
    """The maps within a value, in order."""
    if isinstance(value, Map):
        return (value,)
    return tuple(each for item in value for each in maps_in(item)) if _is_tuple(value) else ()


def _is_tuple(value: Frozen) -> TypeGuard[tuple[Frozen, ...]]:
    return isinstance(value, tuple)
