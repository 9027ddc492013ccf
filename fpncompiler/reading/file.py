"""A generated file, read: its constants, its model, what that computes.

Nothing of the file is run. What its constructors say is calculated on numbers, and its forward
passes are followed on symbols; what no generated file says ends the reading.
"""

import ast
from dataclasses import dataclass, field

from fpncompiler.reading.definitions import Definition, Text, definitions, texts
from fpncompiler.reading.expressions import Scope
from fpncompiler.reading.interpreter import Interpreter
from fpncompiler.reading.program import Frozen, Program, frozen
from fpncompiler.reading.values import (
    Class,
    Function,
    Instance,
    Library,
    Map,
    NotUnderstoodError,
    Unknown,
    Value,
    modules,
)

NETWORK = "FeatureNetwork"
DETECTORS = ("EfficientDet", "SegmentationModel")
MAX_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """What a generated file says.

    `program` is None where its forward pass is not understood, and `unclear` says why. `begun` are
    the calls that set what weights begin with.
    """

    detector: str
    constants: dict[str, Frozen]
    definitions: dict[str, Definition]
    texts: dict[str, Text]
    model: Instance
    modules: dict[str, Instance]
    begun: tuple[tuple[str, ...], ...]
    program: Program | None
    unclear: str = ""
    channels: tuple[int, ...] = field(default=())


def read_file(source: str) -> GeneratedFile:
    """Read a generated file from its text.

    Raises:
        NotUnderstoodError: it is none, or says what generated files do not say.
    """
    if len(source) > MAX_BYTES:
        raise NotUnderstoodError(f"a file of more than {MAX_BYTES} bytes")
    try:
        return _read(_parsed(source))
    except RecursionError:
        raise NotUnderstoodError("expressions within each other without end") from None


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise NotUnderstoodError(f"no Python: {error.msg}", error.lineno or 0) from None
    except (ValueError, MemoryError) as error:  # a null character is a ValueError
        raise NotUnderstoodError(f"no Python: {error}") from None


def _check_statements(tree: ast.Module) -> None:
    """Nothing at the top of the file does what is not looked at, such as patching a class."""
    for node in tree.body:
        plain = isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.FunctionDef)
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_class = isinstance(node, ast.ClassDef) and not (node.decorator_list or node.keywords)
        if not (plain or is_text or is_class):
            raise NotUnderstoodError("a statement that no generated file has", node.lineno)


def _read(tree: ast.Module) -> GeneratedFile:
    _check_statements(tree)
    nodes = definitions(tree)
    detector = next((name for name in DETECTORS if isinstance(nodes.get(name), ast.ClassDef)), "")
    network = nodes.get(NETWORK)
    if not detector or not isinstance(network, ast.ClassDef):
        names = " or ".join(DETECTORS)
        raise NotUnderstoodError(f"a file without a class {names}, or without {NETWORK}")
    reader = Interpreter(frozenset({detector, NETWORK}))
    _define(tree, nodes, reader)
    constants = _constants(tree, reader)
    reader.channels = _default_channels(network, reader)
    model = reader.construct(_class(nodes[detector]), [], {})
    found = modules(model)
    for path, module in found.items():
        reader.paths.setdefault(id(module), path)
        if path == "network" or _is_layer(path):
            reader.followed[id(module)] = path
    program, unclear = _program(model, reader)
    return GeneratedFile(
        detector=detector,
        constants=constants,
        definitions=nodes,
        texts=texts(nodes),
        model=model,
        modules=found,
        begun=tuple(reader.begun),
        program=program,
        unclear=unclear,
        channels=tuple(c for c in reader.iterated(reader.channels) if isinstance(c, int)),
    )


def _is_layer(path: str) -> bool:
    parts = path.split(".")
    return len(parts) == 3 and parts[:2] == ["network", "layers"]


def _class(node: Definition) -> ast.ClassDef:
    assert isinstance(node, ast.ClassDef)
    return node


def _define(tree: ast.Module, nodes: dict[str, Definition], reader: Interpreter) -> None:
    """The names of the file's own definitions, and of what it imports."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.asname or alias.name.partition(".")[0]
                reader.globals[name] = Library(alias.name if alias.asname else name)
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                dotted = f"{statement.module}.{alias.name}"
                reader.globals[alias.asname or alias.name] = Library(_SHORT.get(dotted, dotted))
    for name, node in nodes.items():
        reader.globals[name] = Class(node) if isinstance(node, ast.ClassDef) else Function(node)


_SHORT = {
    "collections.OrderedDict": "OrderedDict",
    "torch.nn": "nn",
    "torch.nn.functional": "F",
}


def _constants(tree: ast.Module, reader: Interpreter) -> dict[str, Frozen]:
    found: dict[str, Frozen] = {}
    for statement in tree.body:
        if not isinstance(statement, ast.Assign):
            continue
        value = reader.evaluate(statement.value, Scope())
        for target in statement.targets:
            if not isinstance(target, ast.Name):
                raise NotUnderstoodError("an assignment to other than names", statement.lineno)
            reader.globals[target.id] = value
            found[target.id] = frozen(value)
    return found


def _default_channels(network: ast.ClassDef, reader: Interpreter) -> Value:
    """The channels of the backbone's features: those that the feature network has by default."""
    for part in network.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            names = [parameter.arg for parameter in part.args.args]
            split = len(names) - len(part.args.defaults)
            defaults = dict(zip(names[split:], part.args.defaults, strict=True))
            if "channels" in defaults:
                return reader.evaluate(defaults["channels"], Scope())
    raise NotUnderstoodError(f"{NETWORK} without default channels", network.lineno)


def _program(model: Instance, reader: Interpreter) -> tuple[Program | None, str]:
    """What the model computes; or nothing, and why."""
    try:
        forward = reader.method_of(model, "forward")
        if forward is None:
            raise NotUnderstoodError(
                "a model without `forward`", model.node.lineno if model.node else 0
            )
        made = reader.call(forward, [Unknown()], {})
    except NotUnderstoodError as error:
        return None, f"line {error.line}: {error.what}" if error.line else error.what
    outputs = made if isinstance(made, tuple) else (made,)
    program = reader.program
    program.outputs = tuple(each.index for each in outputs if isinstance(each, Map))
    if len(program.outputs) != len(outputs):
        return None, "a forward pass that gives other than maps"
    return program, ""
