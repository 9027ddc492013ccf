"""What a plug-in's torch source may hold, so that it can stand in any generated file.

Its definitions are copied under their own names, so each name must mean in the generated file what
it means in the source: no constants, no helpers from elsewhere, no name of another thing.
"""

import ast
import builtins
import re
from collections.abc import Iterator, Mapping

from fpncompiler.codegen.definitions import Block, Import, imports_of, outer_names
from fpncompiler.kinds import BLOCKS_PACKAGE
from fpncompiler.plugins import BlockKind, FusionKind

LIBRARIES = ("math", "collections.abc", "typing", "torch", "torchvision", "timm")
# Top-level names of generated files, apart from blocks.
GENERATED = re.compile(
    r"FeatureNetwork|EfficientDet|SegmentationModel|\w*Layer|LEVELS|BACKBONE|STRIDE|[A-Z]+_[A-Z_]+"
)
BUILTINS = frozenset(dir(builtins))
STYLE = ("activation", "eps", "momentum")


def source_faults(
    tree: ast.Module, module: str, meanings: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """Lines, and what is wrong with them; `meanings` are the names that files have already."""
    known = dict(meanings)
    for index, node in enumerate(tree.body):
        yield from _statement_faults(node, index)
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Import | ast.ImportFrom):
            yield from _import_faults(inner, inner in tree.body, known)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from _name_faults(node.lineno, node.name, f"{module}.{node.name}", known)
    yield from _unknown_names(tree)


def kind_fault(kind: BlockKind | FusionKind, block: Block | None) -> str:
    """Why a definition cannot be the class of a kind; empty if it can."""
    if block is None or not block.is_class or block.module != kind.source:
        return f"`{kind.source}` has no class `{kind.module}`"
    if isinstance(kind, FusionKind):
        positional: tuple[str, ...] = kind.takes
    else:
        positional = ("channels",) if kind.keeps_width else ("in_channels", "out_channels")
    if block.required != positional:
        wanted, found = ", ".join(positional) or "nothing", ", ".join(block.required) or "nothing"
        return f"`{kind.module}` is constructed with {wanted}, but its `__init__` asks for {found}"
    keywords = (*kind.options, *(STYLE if kind.styled else ()))
    missing = [name for name in keywords if name not in block.defaults]
    if missing:
        return f"`{kind.module}.__init__` has no parameter `{missing[0]}` with a default"
    return ""


def _statement_faults(node: ast.stmt, index: int) -> Iterator[tuple[int, str]]:
    is_docstring = (
        index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )
    if is_docstring or isinstance(node, ast.Import | ast.ImportFrom):
        return
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.lineno, "only imports, functions and classes can stand at the top level"
    elif node.decorator_list:
        yield node.lineno, f"`{node.name}` has a decorator, which generated files do not copy"


def _import_faults(
    node: ast.Import | ast.ImportFrom, at_top: bool, meanings: dict[str, str]
) -> Iterator[tuple[int, str]]:
    line = node.lineno
    if not at_top:
        yield line, "imports stand at the top level"
    if isinstance(node, ast.ImportFrom) and node.level:
        yield line, "imports are absolute, and not of the plug-in's own modules"
    for found in imports_of(node):
        yield from _one_import_faults(line, found, meanings)


def _one_import_faults(
    line: int, found: Import, meanings: dict[str, str]
) -> Iterator[tuple[int, str]]:
    if found.module.startswith(f"{BLOCKS_PACKAGE}."):
        if not found.name or found.alias:
            yield line, f"write `from {found.module} import ...`, without `as`"
        elif meanings.get(found.name) != found.target:
            yield line, f"`{found.module}` has no `{found.name}`"
        return
    root = found.module.partition(".")[0]
    if found.module not in LIBRARIES and root not in LIBRARIES:
        yield line, f"`{found.module}` is not among what it can import: {', '.join(LIBRARIES)}"
    if found.name == "*":
        yield line, "imports name what they import"
    elif not found.name and "." in found.module:
        parent, _, last = found.module.rpartition(".")
        yield line, f"write `from {parent} import {last}`"
    elif not found.name and found.alias:
        yield line, f"write `import {found.module}`, without `as`"
    yield from _name_faults(line, found.binds, found.target, meanings)


def _name_faults(
    line: int, name: str, meaning: str, meanings: dict[str, str]
) -> Iterator[tuple[int, str]]:
    """A name means one thing in a generated file; this one is now taken."""
    if name in BUILTINS:
        yield line, f"`{name}` is Python's own; take another name"
    elif GENERATED.fullmatch(name):
        yield line, f"generated files keep `{name}` for themselves; take another name"
    elif meanings.setdefault(name, meaning) != meaning:
        yield line, f"`{name}` is `{meanings[name]}` in generated files; take another name"


def _unknown_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names that nothing in the file makes."""
    known = set(BUILTINS)
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            known |= {found.binds for found in imports_of(node)}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            known.add(node.name)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        unknown = outer_names(ast.unparse(node)) - known
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in unknown:
                yield part.lineno, f"`{part.id}` is neither imported nor defined"
