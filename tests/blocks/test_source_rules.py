"""The generator copies blocks by name, so their files must hold nothing but definitions."""

import ast
from pathlib import Path

import pytest

import fpncompiler.blocks

FILES = sorted(Path(fpncompiler.blocks.__path__[0]).glob("[a-z]*.py"))
IMPORTED = {
    "collections.abc",
    "copy",
    "math",
    "timm",
    "timm.layers.conv2d_same",
    "timm.layers.norm_act",
    "torch",
    "torch.nn",
    "torch.nn.utils.fusion",
    "torch.utils.checkpoint",
    "torchvision.ops",
}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def tree(request):
    return ast.parse(request.param.read_text())


def test_files_hold_imports_constants_and_definitions_only(tree):
    allowed = ast.Import | ast.ImportFrom | ast.Assign | ast.FunctionDef | ast.ClassDef
    assert all(isinstance(node, allowed) for node in tree.body)


def test_imports_stay_within_what_a_generated_file_may_use(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(alias.name in IMPORTED and not alias.asname for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module in IMPORTED or node.module.startswith("fpncompiler.blocks.")


def test_no_keyword_arguments_are_passed_through(tree):
    assert not any(isinstance(node, ast.arguments) and node.kwarg for node in ast.walk(tree))


def test_top_level_names_are_unique_across_blocks():
    names = [
        node.name
        for path in FILES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    assert len(names) == len(set(names))
