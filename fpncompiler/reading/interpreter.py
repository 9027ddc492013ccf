"""Runs the constructors of a generated file on numbers, and its forward passes on symbols.

Blocks are constructed, which gives their weights, but what they compute is not looked into: a call
of one is a single operation. The feature network and its layers are followed line by line.
"""

import ast

from fpncompiler.reading.calls import bound
from fpncompiler.reading.expressions import Scope
from fpncompiler.reading.library import (
    container,
    module_method,
    python_call,
    tensor_method,
    torch_call,
)
from fpncompiler.reading.program import Frozen, Operation, Section, frozen, maps_in
from fpncompiler.reading.statements import Statements
from fpncompiler.reading.torch_modules import CONTAINERS, fill, torch_module
from fpncompiler.reading.values import (
    Class,
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

BACKBONE, FOLDED_BACKBONE = "timm backbone", "folded timm backbone"
# Functions that change what weights begin with, and nothing else.
_INITIAL = frozenset({"init_network", "init_head"})


class Interpreter(Statements):
    """The state of one reading.

    `channels` are those of the backbone's features, finest first; `required` the classes without
    which a file is not understood. `followed` are the modules whose forward pass is followed, with
    their paths; `begun` the calls that set what weights begin with.
    """

    def __init__(self, required: frozenset[str]) -> None:
        super().__init__()
        self.required = required
        self.channels: Value = None
        self.followed: dict[int, str] = {}
        self.paths: dict[int, str] = {}
        self.begun: list[tuple[str, ...]] = []

    def call(self, function: Value, arguments: list[Value], words: dict[str, Value]) -> Value:
        """What a call gives."""
        match function:
            case Class():
                return self.construct(function.node, arguments, words)
            case Function():
                return self._function(function, arguments, words)
            case Instance():
                return self.forward(function, arguments, words)
            case Library():
                return self._library(function.name, arguments, words)
            case Method():
                return _method(function, arguments, words)
            case _:
                raise NotUnderstoodError("a call of what is no function")

    def construct(
        self, node: ast.ClassDef, arguments: list[Value], words: dict[str, Value]
    ) -> Instance:
        """A module of the file; an opaque one where its constructor is not understood."""
        made = Instance(node.name, node)
        try:
            self._initialize(made, node, arguments, words)
        except NotUnderstoodError:
            if node.name in self.required:
                raise
            made = Instance(node.name, node, opaque=True)
            made.given = {str(i): value for i, value in enumerate(arguments)} | words
        return made

    def _initialize(
        self, made: Instance, node: ast.ClassDef, arguments: list[Value], words: dict[str, Value]
    ) -> None:
        constructor = next((f for f in functions_of(node) if f.name == "__init__"), None)
        if constructor is None:
            self._initialize_as_parent(made, node, arguments, words)
            return
        given = bound(constructor.args, [made, *arguments], words, self.default)
        made.given = made.given or {name: v for name, v in given.items() if v is not made}
        self.run(constructor, Scope(given, node))

    def _initialize_as_parent(
        self, made: Instance, node: ast.ClassDef, arguments: list[Value], words: dict[str, Value]
    ) -> None:
        parent = self._parent(node)
        match parent:
            case Class():
                self._initialize(made, parent.node, arguments, words)
            case Library(name="nn.Module") | None:
                if arguments or words:
                    raise NotUnderstoodError("arguments for a class that takes none")
            case Library() if (known := torch_module(parent.name)) is not None:
                given = bound(known.arguments, arguments, words, self.default)
                fill(made, parent.name, given)
                made.given = made.given or given
            case _:
                raise NotUnderstoodError("a class whose parent is not known")

    def _parent(self, node: ast.ClassDef) -> Value:
        return self.evaluate(node.bases[0], Scope()) if node.bases else None

    def parent_call(self, scope: Scope, arguments: list[Value], words: dict[str, Value]) -> None:
        """`super().__init__(...)`."""
        made = scope.names.get("self")
        if scope.owner is None or not isinstance(made, Instance):
            raise NotUnderstoodError("a call of the parent's constructor outside of a class")
        self._initialize_as_parent(made, scope.owner, arguments, words)

    def method_of(self, instance: Instance, name: str) -> Function | None:
        """A method that the class of a module has in the file, or one of the file's parents."""
        node = instance.node
        for _ in range(len(self.globals)):  # parents may form a circle
            if node is None:
                break
            for found in functions_of(node):
                if found.name == name:
                    return Function(found, instance)
            parent = self._parent(node)
            node = parent.node if isinstance(parent, Class) else None
        return None

    def forward(self, module: Instance, arguments: list[Value], words: dict[str, Value]) -> Value:
        """A module called on maps."""
        if module.kind in (BACKBONE, FOLDED_BACKBONE):
            levels = self.iterated(module.settings.get("levels"))
            return [self._feature(level) for level in levels]
        if id(module) in self.followed and (function := self.method_of(module, "forward")):
            section = Section(self.followed[id(module)])
            self.program.sections.append(section)
            given = bound(function.node.args, [module, *arguments], words, self.default)
            return self.run(function.node, Scope(given, module.node, section))
        path = self.paths.get(id(module))
        items = tuple((str(i), frozen(value)) for i, value in enumerate(arguments))
        if path is None or words or not any(maps_in(item) for _, item in items):
            raise NotUnderstoodError(f"a call of a {module.kind} that is no operation on maps")
        return self.program.add(Operation("module", path, items))

    def _feature(self, level: Value) -> Map:
        if not isinstance(level, int) or isinstance(level, bool):
            raise NotUnderstoodError("a level of the backbone that is no number")
        return self.program.add(Operation("given", str(level), ()))

    def _function(
        self, function: Function, arguments: list[Value], words: dict[str, Value]
    ) -> Value:
        node = function.node
        if function.of is not None:
            given = bound(node.args, [function.of, *arguments], words, self.default)
            return self.run(node, Scope(given, function.of.node))
        given = bound(node.args, arguments, words, self.default)
        if node.name.startswith("check_"):
            self.program.checks.append((node.name, _known_values(given)))
            return None
        if node.name in _INITIAL:
            numbers = (repr(v) for v in given.values() if isinstance(v, int | float))
            kinds = (v.kind for v in given.values() if isinstance(v, Instance))
            self.begun.append((node.name, *kinds, *numbers))
            return None
        match node.name, [*given.values()]:
            case "create_backbone", _:
                return Instance(BACKBONE, given=given, settings=given, opaque=True)
            case "fold_backbone", [Instance() as inner, *_]:
                return Instance(
                    FOLDED_BACKBONE, given=inner.given, settings=inner.settings, opaque=True
                )
            case "feature_channels", _:
                return self.channels
            case "run_layer", [Instance() as layer, _, tuple() as inputs]:
                return self.call(layer, [*inputs], {})
        if any(_has_maps(value) for value in given.values()):
            frozen_items = tuple((name, frozen(value)) for name, value in given.items())
            return self.program.add(Operation("call", node.name, frozen_items))
        return self.run(node, Scope(given))

    def _library(self, name: str, arguments: list[Value], words: dict[str, Value]) -> Value:
        name = name.removeprefix("torch.") if name.startswith("torch.nn.") else name
        if name in CONTAINERS:
            return container(name, arguments)
        if name == "OrderedDict":
            return dict(words)
        if name in ("zip", "enumerate"):
            lists = [self.iterated(each) for each in arguments]
            if name == "enumerate":
                lists.insert(0, [*range(len(lists[0]))])
            return [tuple(items) for items in zip(*lists, strict=False)]
        if name == "timm.create_model":
            given = {str(i): value for i, value in enumerate(arguments)} | words
            return Instance(BACKBONE, given=given, settings=given, opaque=True)
        if (tensor := torch_call(name, arguments, words)) is not None:
            return tensor
        if _has_maps(arguments):
            items = {str(i): value for i, value in enumerate(arguments)} | words
            listed = tuple((key, frozen(value)) for key, value in items.items())
            return self.program.add(Operation("call", name, listed))
        if name.startswith("nn."):
            return self._torch_module(name, arguments, words)
        if words:
            raise NotUnderstoodError(f"a call of `{name}` with keywords")
        return python_call(name, arguments)

    def _torch_module(self, name: str, arguments: list[Value], words: dict[str, Value]) -> Instance:
        made = Instance(name)
        known = torch_module(name)
        if known is None:
            made.opaque = True
            made.given = {str(i): value for i, value in enumerate(arguments)} | words
            return made
        made.given = bound(known.arguments, arguments, words, self.default)
        fill(made, name, made.given)
        return made

    def default(self, node: ast.expr) -> Value:
        """A parameter's default."""
        return self.evaluate(node, Scope())


def functions_of(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """The methods that a class defines."""
    return [part for part in node.body if isinstance(part, ast.FunctionDef)]


def _known_values(given: dict[str, Value]) -> tuple[Frozen, ...]:
    """The arguments that are numbers, or tuples of them."""
    found = (value for value in given.values() if isinstance(value, int | float | tuple))
    return tuple(frozen(value) for value in found if not _is_unknown(value))


def _is_unknown(value: Value) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, Unknown) for item in value)


def _has_maps(value: Value) -> bool:
    try:
        return bool(maps_in(frozen(value)))
    except NotUnderstoodError:
        return False


def _method(method: Method, arguments: list[Value], words: dict[str, Value]) -> Value:
    match method.of:
        case Tensor():
            return tensor_method(method.of, method.name, arguments, words)
        case Instance():
            return module_method(method.of, method.name, arguments, words)
        case _:
            raise NotUnderstoodError(f"the method `{method.name}`")
