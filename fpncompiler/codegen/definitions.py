"""Python source, read as text: its imports, and its top-level functions and classes."""

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Import:
    """`import module` if `name` is empty, else `from module import name [as alias]`."""

    module: str
    name: str = ""
    alias: str = ""

    @property
    def binds(self) -> str:
        """The name that it makes."""
        return self.alias or self.name or self.module.partition(".")[0]

    @property
    def target(self) -> str:
        """What the name then stands for: `torch.nn.functional`."""
        return f"{self.module}.{self.name}" if self.name else self.module


@dataclass(frozen=True, slots=True)
class Block:
    """One top-level definition.

    `uses` are the names that it takes from the file around it. `required` are the parameters of the
    function, or of the class's own constructor, that have no default; `defaults` the others.
    """

    name: str
    module: str
    is_class: bool
    source: str
    uses: frozenset[str]
    required: tuple[str, ...]
    defaults: dict[str, str]


def read_imports(tree: ast.Module) -> Iterator[Import]:
    """The imports at the top of a file."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports_of(node)


def imports_of(node: ast.Import | ast.ImportFrom) -> list[Import]:
    """What one statement imports; `import a.b as c` is written as `from a import b as c`."""
    if isinstance(node, ast.ImportFrom):
        return [_named(node.module or "", a.name, a.asname) for a in node.names]
    found = []
    for alias in node.names:
        parent, _, last = alias.name.rpartition(".")
        named = parent and alias.asname
        found.append(
            _named(parent, last, alias.asname)
            if named
            else Import(alias.name, "", alias.asname or "")
        )
    return found


def read_blocks(tree: ast.Module, text: str, module: str) -> Iterator[Block]:
    """The functions and classes of a file, in their order."""
    lines = text.splitlines()
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        assert not node.decorator_list, "a decorator stands above the lines of its block"
        source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        required, defaults = _parameters(node)
        yield Block(
            node.name,
            module,
            isinstance(node, ast.ClassDef),
            source,
            outer_names(source),
            required,
            defaults,
        )


def names_in(tree: ast.AST) -> frozenset[str]:
    """Every name that a piece of Python reads."""
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def outer_names(source: str) -> frozenset[str]:
    """The names that a definition takes from around it: not its parameters and variables."""
    return frozenset(_outer_names(symtable.symtable(source, "<block>", "exec")))


def _outer_names(table: symtable.SymbolTable) -> Iterator[str]:
    at_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        is_outer = symbol.is_referenced() if at_top else symbol.is_global()
        if is_outer:
            yield symbol.get_name()
    for child in table.get_children():
        yield from _outer_names(child)


def _named(module: str, name: str, alias: str | None) -> Import:
    return Import(module, name, alias if alias and alias != name else "")


def _parameters(node: ast.FunctionDef | ast.ClassDef) -> tuple[tuple[str, ...], dict[str, str]]:
    """The parameters without a default, and the defaults of the others."""
    function = _init(node) if isinstance(node, ast.ClassDef) else node
    if function is None:
        return (), {}
    given = function.args
    positional = [*given.posonlyargs, *given.args][isinstance(node, ast.ClassDef) :]
    split = len(positional) - len(given.defaults)
    pairs = list(zip(positional[split:], given.defaults, strict=True))
    required = [argument.arg for argument in positional[:split]]
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if default is None:
            required.append(argument.arg)
        else:
            pairs.append((argument, default))
    return tuple(required), {argument.arg: ast.unparse(default) for argument, default in pairs}


def _init(node: ast.ClassDef) -> ast.FunctionDef | None:
    functions = (part for part in node.body if isinstance(part, ast.FunctionDef))
    return next((part for part in functions if part.name == "__init__"), None)
