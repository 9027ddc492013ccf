"""The sources of `fpncompiler/blocks/`, read as text: what generated files copy.

A generated file takes the definitions that it names, and those that they name in turn, in the order
of the files below, with the imports that they use.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# In this order they appear in a generated file.
BLOCK_FILES = (
    "convolution",
    "fusion",
    "resample",
    "heads",
    "initialization",
    "backbone",
    "images",
    "anchors",
    "detections",
)
PACKAGE = "fpncompiler.blocks"


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


# What lowering names and no block imports.
EMITTED_IMPORTS = (Import("collections", "OrderedDict"),)


@dataclass(frozen=True, slots=True)
class Block:
    """One top-level definition: its source, the names that it uses, its parameters' defaults."""

    name: str
    source: str
    uses: frozenset[str]
    defaults: dict[str, str]


@dataclass(frozen=True, slots=True)
class Library:
    """All blocks in the order of their files, and the imports behind them."""

    blocks: dict[str, Block]
    imports: dict[str, Import]


@cache
def library() -> Library:
    """Read every block once."""
    blocks: dict[str, Block] = {}
    imports: dict[str, Import] = {}
    for name in BLOCK_FILES:
        text = files(PACKAGE).joinpath(f"{name}.py").read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.parse(text).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports |= {i.binds: i for i in _imports(node) if i.module != PACKAGE}
            elif block := _block(node, lines):
                blocks[block.name] = block
    imports = {k: i for k, i in imports.items() if not i.module.startswith(PACKAGE)}
    return Library(blocks, imports | {i.binds: i for i in EMITTED_IMPORTS})


def closure(names: Iterable[str]) -> tuple[Block, ...]:
    """The named blocks and all that they use, in the order of the library."""
    known = library().blocks
    wanted: set[str] = set()
    frontier = {name for name in names if name in known}
    while frontier:
        wanted |= frontier
        frontier = {use for name in frontier for use in known[name].uses if use in known} - wanted
    return tuple(block for name, block in known.items() if name in wanted)


def names_in(tree: ast.AST) -> frozenset[str]:
    """Every name that a piece of Python reads."""
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def imports_for(names: Iterable[str]) -> tuple[Import, ...]:
    """The imports that bind some of the names, as the blocks write them."""
    known = library().imports
    return tuple(known[name] for name in sorted(set(names)) if name in known)


@cache
def call_arguments(block: str, **values: str) -> tuple[str, ...]:
    """Keyword arguments, without those that repeat the block's defaults."""
    defaults = library().blocks[block].defaults
    assert set(values) <= set(defaults), f"{block} takes no {set(values) - set(defaults)}"
    return tuple(f"{k}={text}" for k, text in values.items() if not _equal(text, defaults[k]))


def _equal(text: str, default: str) -> bool:
    try:
        return bool(ast.literal_eval(text) == ast.literal_eval(default))
    except ValueError:
        return text == default


def _imports(node: ast.Import | ast.ImportFrom) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(alias.name, "", alias.asname or "") for alias in node.names]
    return [Import(node.module or "", alias.name, alias.asname or "") for alias in node.names]


def _block(node: ast.stmt, lines: list[str]) -> Block | None:
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        return None
    assert not node.decorator_list, "a decorator stands above the lines of its block"
    source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return Block(node.name, source, names_in(node), _defaults(node))


def _defaults(node: ast.FunctionDef | ast.ClassDef) -> dict[str, str]:
    function = _init(node) if isinstance(node, ast.ClassDef) else node
    if function is None:
        return {}
    arguments = function.args.args[-len(function.args.defaults) :] if function.args.defaults else []
    pairs = zip(arguments, function.args.defaults, strict=True)
    return {argument.arg: ast.unparse(default) for argument, default in pairs}


def _init(node: ast.ClassDef) -> ast.FunctionDef | None:
    functions = (part for part in node.body if isinstance(part, ast.FunctionDef))
    return next((part for part in functions if part.name == "__init__"), None)
