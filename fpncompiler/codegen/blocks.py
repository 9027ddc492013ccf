"""The sources of `fpncompiler/blocks/` and of plug-ins, read as text: what generated files copy.

A generated file takes the definitions that it names, and those that they name in turn, in the order
of the files below and then of the plug-ins, with the imports that they use.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from fpncompiler.codegen.definitions import Block, Import, names_in, read_blocks, read_imports
from fpncompiler.codegen.plugin_source import kind_fault, source_faults
from fpncompiler.kinds import BLOCKS_PACKAGE
from fpncompiler.plugins import (
    Plugin,
    PluginError,
    block_kinds,
    installed_plugins,
    read_source,
)

__all__ = ["Block", "Import", "call_arguments", "closure", "imports_for", "library", "names_in"]

# In this order they appear in a generated file.
BLOCK_FILES = (
    "convolution",
    "stages",
    "fusion",
    "upsampling",
    "resample",
    "heads",
    "inference",
    "checkpoint",
    "initialization",
    "backbone",
    "images",
    "anchors",
    "detections",
)

# What lowering names and no block imports.
EMITTED_IMPORTS = (Import("collections", "OrderedDict"),)


@dataclass(frozen=True, slots=True)
class Library:
    """All blocks in the order of their files, and the imports behind them."""

    blocks: dict[str, Block] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)

    def add(self, tree: ast.Module, text: str, module: str) -> None:
        """Add what a file defines and imports."""
        for found in read_imports(tree):
            if not found.module.startswith(BLOCKS_PACKAGE):
                self.imports.setdefault(found.binds, found)
        for block in read_blocks(tree, text, module):
            self.blocks[block.name] = block

    def meanings(self) -> dict[str, str]:
        """What each name stands for, by its dotted name."""
        named = {name: found.target for name, found in self.imports.items()}
        return named | {name: f"{block.module}.{name}" for name, block in self.blocks.items()}


@cache
def library() -> Library:
    """Read every block once.

    Raises:
        PluginError: the source of an installed plug-in is at fault.
    """
    found = Library(imports={i.binds: i for i in EMITTED_IMPORTS})
    for name in BLOCK_FILES:
        text = files(BLOCKS_PACKAGE).joinpath(f"{name}.py").read_text(encoding="utf-8")
        found.add(ast.parse(text), text, f"{BLOCKS_PACKAGE}.{name}")
    block_kinds()  # so that plug-ins that clash are not read
    for plugin in installed_plugins():
        _add_plugin(found, plugin)
    return found


def closure(names: Iterable[str]) -> tuple[Block, ...]:
    """The named blocks and all that they use, in the order of the library."""
    known = library().blocks
    wanted: set[str] = set()
    frontier = {name for name in names if name in known}
    while frontier:
        wanted |= frontier
        frontier = {use for name in frontier for use in known[name].uses if use in known} - wanted
    return tuple(block for name, block in known.items() if name in wanted)


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


def has_argument(block: str, name: str) -> bool:
    """Whether a block has an argument with a default of this name."""
    return name in library().blocks[block].defaults


def _equal(text: str, default: str) -> bool:
    try:
        return bool(ast.literal_eval(text) == ast.literal_eval(default))
    except ValueError:
        return text == default


def _add_plugin(found: Library, plugin: Plugin) -> None:
    known = {block.module for block in found.blocks.values()}
    for module in sorted({kind.source for kind in plugin.kinds} - known):
        text = read_source(plugin, module)
        tree = _parsed(plugin, module, text)
        fault = next(source_faults(tree, module, found.meanings()), None)
        if fault:
            raise PluginError(plugin.distribution, f"{module}, line {fault[0]}: {fault[1]}")
        found.add(tree, text, module)
    for kind in plugin.kinds:
        if what := kind_fault(kind, found.blocks.get(kind.module)):
            raise PluginError(plugin.distribution, what)


def _parsed(plugin: Plugin, module: str, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:  # a null character is a ValueError
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise PluginError(plugin.distribution, f"{module}{line}: {error}") from error
