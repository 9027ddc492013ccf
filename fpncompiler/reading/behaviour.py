"""What a module computes with given weights: its class, and the settings that its methods read."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from fpncompiler.reading.definitions import Definition
from fpncompiler.reading.program import Frozen, frozen
from fpncompiler.reading.torch_modules import is_important, is_of_training, torch_module
from fpncompiler.reading.values import Instance, NotUnderstoodError, Shape, Value


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A module without its parts: two that are equal compute the same with equal weights.

    `training` are settings that matter as long as the model is trained, `starts` what weights begin
    with.
    """

    kind: str
    settings: tuple[tuple[str, Frozen], ...]
    training: tuple[tuple[str, Frozen], ...]
    starts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """A module with its parts and the shapes of its weights, wherever it is in the model."""

    kind: str
    settings: tuple[tuple[str, Frozen], ...]
    weights: tuple[tuple[str, Shape], ...]
    parts: tuple[tuple[str, "Signature"], ...]


class Behaviours:
    """The behaviour of each module of a file."""

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self._definitions = definitions
        self._kinds: dict[str, tuple[str, frozenset[str]]] = {}
        self._signatures: dict[int, Signature] = {}

    def of(self, module: Instance) -> Behaviour:
        """What a module computes, apart from its parts."""
        kind, read = self._class_of(module)
        known = torch_module(module.torch_kind or module.kind)
        names = {p.arg for p in known.arguments.args} if known else set()
        settings, training = {}, {}
        for name, value in _settings(module).items():
            if name in names and is_of_training(module.torch_kind, name):
                training[name] = value
            elif is_important(module.torch_kind, name) if name in names else name in read:
                settings[name] = value
        if module.opaque:
            settings |= _told(module.given)
        if module.kind == "nn.Sequential":
            settings["order"] = tuple(module.children)
        starts = ((name, tensor.start) for name, tensor in sorted(module.weights.items()))
        return Behaviour(
            kind,
            tuple(sorted(settings.items())),
            tuple(sorted(training.items())),
            tuple(starts),
        )

    def signature(self, module: Instance) -> Signature:
        """A module with all its parts."""
        if id(module) not in self._signatures:
            own = self.of(module)
            weights = ((name, tensor.shape) for name, tensor in sorted(module.weights.items()))
            parts = ((name, self.signature(part)) for name, part in sorted(module.children.items()))
            self._signatures[id(module)] = Signature(
                own.kind, own.settings, tuple(weights), tuple(parts)
            )
        return self._signatures[id(module)]

    def _class_of(self, module: Instance) -> tuple[str, frozenset[str]]:
        """The class that says what a module does, and the attributes that its methods read.

        A class that has nothing but a constructor does what its parent does.
        """
        if module.kind not in self._kinds:
            self._kinds[module.kind] = self._acting(module)
        return self._kinds[module.kind]

    def _acting(self, module: Instance) -> tuple[str, frozenset[str]]:
        kind, read = "", frozenset[str]()
        node: Definition | None = module.node
        for _ in range(len(self._definitions)):  # parents may form a circle
            if not isinstance(node, ast.ClassDef):
                break
            methods = [part for part in node.body if _is_method(part)]
            kind = kind or (node.name if methods else "")
            read |= frozenset(name for method in methods for name in _read_of_self(method))
            parent = ast.unparse(node.bases[0]) if node.bases else ""
            node = self._definitions.get(parent)
        return kind or module.torch_kind or module.kind, read


def _settings(module: Instance) -> dict[str, Frozen]:
    return _told(module.settings)


def _told(values: Mapping[str, Value]) -> dict[str, Frozen]:
    """The values that are known before the model runs."""
    found = {}
    for name, value in values.items():
        try:
            found[name] = frozen(value)
        except NotUnderstoodError:
            continue
    return found


def _is_method(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name != "__init__"


def _read_of_self(method: ast.stmt) -> frozenset[str]:
    return frozenset(
        part.attr
        for part in ast.walk(method)
        if isinstance(part, ast.Attribute)
        and isinstance(part.ctx, ast.Load)
        and isinstance(part.value, ast.Name)
        and part.value.id == "self"
    )
