"""What the statements of a generated file make: modules, weights, maps; without torch."""

import ast
from dataclasses import dataclass, field
from typing import TypeAlias

Shape = tuple[int, ...]


class NotUnderstoodError(Exception):
    """A file says what generated files do not say; `line` is where, or 0."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.line = line


@dataclass(frozen=True, slots=True)
class Library:
    """What is Python's or a library's, by its dotted name: `nn.Conv2d`, `range`."""

    name: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the file; `of` is the module whose method it is."""

    node: ast.FunctionDef
    of: "Instance | None" = None


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the file."""

    node: ast.ClassDef


@dataclass(frozen=True, slots=True)
class Method:
    """A method that a library's value has: `weight.detach`."""

    of: "Value"
    name: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that a constructor makes; `start` says what it begins with."""

    shape: Shape
    start: str = ""
    is_parameter: bool = False


@dataclass(frozen=True, slots=True)
class Map:
    """A feature map of the forward pass: the index of the operation that gives it."""

    index: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is known when the model runs alone, such as the height of an image."""


@dataclass(slots=True, eq=False)
class Instance:
    """A module: what it was given, and what its constructor made of that.

    `kind` is its class, and `torch_kind` torch's own that it is or derives from. The keys of an
    `opaque` one are not known: its class is timm's or another's, or does what is not understood.
    """

    kind: str
    node: ast.ClassDef | None = None
    torch_kind: str = ""
    given: dict[str, "Value"] = field(default_factory=dict)
    settings: dict[str, "Value"] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    children: dict[str, "Instance"] = field(default_factory=dict)
    opaque: bool = False


Value: TypeAlias = (
    "bool | int | float | str | tuple[Value, ...] | list[Value] | dict[str, Value] | slice"
    " | Library | Function | Class | Method | Tensor | Map | Unknown | Instance | None"
)
MAX_MODULES = 100_000


def modules(model: Instance) -> dict[str, Instance]:
    """Path -> module, the model itself first; one that has several paths is under each.

    Raises:
        NotUnderstoodError: there are too many.
    """
    found = {"": model}
    waiting = [("", model)]
    while waiting:
        path, module = waiting.pop()
        for name, child in module.children.items():
            below = f"{path}.{name}" if path else name
            found[below] = child
            waiting.append((below, child))
        if len(found) > MAX_MODULES:
            raise NotUnderstoodError(f"more than {MAX_MODULES} modules")
    return found


def state_shapes(model: Instance) -> dict[str, Shape]:
    """The keys of the state dict with their shapes, those of opaque modules left out."""
    return {
        f"{path}.{name}" if path else name: tensor.shape
        for path, module in modules(model).items()
        for name, tensor in module.weights.items()
    }


def opaque_modules(model: Instance) -> dict[str, Instance]:
    """Path -> module, of those whose keys are not known."""
    return {path: module for path, module in modules(model).items() if module.opaque}
