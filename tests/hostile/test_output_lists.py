"""Every entry of the closed lists is used, by a block or by what templates make."""

import ast
from pathlib import Path

import pytest

import fpncompiler
from fpncompiler.codegen import allowlist, blocks, gate
from fpncompiler.codegen.definitions import read_imports

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = """\
fpnc: 1
name: every
levels: 3..5
nodes:
  td(l): [in(l), {{from: td(l+1), via: [{{kernel: 1}}, {word}]}}]
outputs: td
"""
WORDS = (
    "silu", "relu", "relu6", "leaky_relu", "hard_swish", "mish", "gelu", "sigmoid", "identity",
    "{pool: max, stride: 1, kernel: 3}", "{pool: avg, stride: 1, kernel: 3}", "conv3x3",
    "{conv: full, kernel: 3, order: [norm, act, conv]}",
)  # fmt: skip


@pytest.fixture(scope="module")
def trees():
    """Blocks, the generated files, and a file of each shipped spec and of each small step."""
    sources = [p.read_text() for p in sorted((ROOT / "fpncompiler/blocks").glob("*.py"))]
    sources += [p.read_text() for p in sorted((ROOT / "generated").glob("*.py"))]
    compiled = [fpncompiler.compile_spec(p).source for p in sorted((ROOT / "specs").glob("*.yaml"))]
    steps = [fpncompiler.compile_spec(EVERYTHING.format(word=w)).source for w in WORDS]
    return [ast.parse(text) for text in (*sources, *compiled, *steps)]


def of_models(trees):
    """What templates and lowering make: the classes that are no blocks."""
    known = blocks.library().blocks
    for tree in trees:
        if any(isinstance(n, ast.Assign) for n in tree.body):
            yield from (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name not in known)


def nodes(trees):
    return [node for tree in trees for node in ast.walk(tree)]


def test_every_node_type_of_the_lists_is_used(trees):
    around = {"Module", "Import", "ImportFrom", "alias", "ClassDef", "FunctionDef"}
    assert {type(node).__name__ for node in nodes(trees)} - around == allowlist.BLOCK_NODES
    used = {type(node).__name__ for node in nodes(of_models(trees))}
    assert used - around == allowlist.MODEL_NODES


def test_every_name_of_the_lists_is_used(trees):
    everything = nodes(trees)
    dotted = {gate._dotted(node) for node in everything if isinstance(node, ast.Attribute)}
    assert dotted >= allowlist.LIBRARY
    used = {gate._dotted(n) for n in nodes(of_models(trees)) if isinstance(n, ast.Attribute)}
    assert used >= allowlist.MODEL_LIBRARY
    assert {node.attr for node in everything if isinstance(node, ast.Attribute)} >= (
        allowlist.ATTRIBUTES
    )
    assert {node.id for node in everything if isinstance(node, ast.Name)} >= allowlist.BUILTINS
    used = {
        ast.unparse(decorator)
        for node in everything
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
    }
    assert used == {*allowlist.DECORATORS}


def test_imports_of_the_list_are_those_of_the_blocks():
    found = set(blocks.EMITTED_IMPORTS)
    for path in (ROOT / "fpncompiler/blocks").glob("*.py"):
        found |= set(read_imports(ast.parse(path.read_text())))
    assert {i for i in found if not i.module.startswith("fpncompiler")} == allowlist.IMPORTS


def test_lists_name_nothing_that_runs_or_loads():
    bad = {"eval", "exec", "compile", "open", "getattr", "setattr", "globals", "vars", "input"}
    bad |= {"load", "hub", "ops", "classes", "utils", "jit", "save", "package", "export"}
    words = {part for name in allowlist.LIBRARY for part in name.split(".")}
    assert not bad & (words | allowlist.ATTRIBUTES | allowlist.BUILTINS)
    assert not any(word.startswith("_") for word in words | allowlist.ATTRIBUTES)
