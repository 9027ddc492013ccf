import ast
import builtins
import keyword
import re
from itertools import product
from pathlib import Path

import pytest
from torch import nn

import fpncompiler
from fpncompiler.codegen.blocks import library
from fpncompiler.ir.ops import DOWN_MODES, PADDINGS, UP_MODES
from fpncompiler.pipeline import Options, compile_spec
from fpncompiler.spec.names import MODULE_ATTRIBUTES, RESERVED, name_fault
from fpncompiler.spec.style import fusion_arity, fusion_words

SPEC = """\
fpnc: 1
name: example
levels: 3..5
nodes:
  td(l): [in(l), td(l+1), backbone(*)]
  out(l): [td(l), in(*), lateral(l)]
  lateral(l): {{inputs: [backbone(l)], op: none}}
outputs: out
up: {up}
down: {down}
padding: {padding}
fusion: {fusion}
"""


@pytest.mark.parametrize("name", ["td", "p6", "a_b", "x" * 48, "gp", "out2"])
def test_name_is_good(name):
    assert name_fault(name) == ""


@pytest.mark.parametrize(
    "name",
    ["", "Td", "6p", "_a", "a_", "a__b", "a_to_b", "a-b", "a.b", "é", "tд", "td\n", " td", "x" * 49,
     "class", "match", "none" + "\x00", "self", "list", "forward", "torch", "in", "backbone"],
)  # fmt: skip
def test_name_is_refused(name):
    assert name_fault(name)


def test_what_python_means_is_reserved():
    lower = {name for name in dir(builtins) if name.islower() and not name.startswith("_")}
    words = {word for word in (*keyword.kwlist, *keyword.softkwlist) if word.islower()}
    assert lower | words <= RESERVED


def test_public_attributes_of_torch_modules_are_reserved():
    public = {name for name in dir(nn.Module()) if not name.startswith("_") and name.islower()}
    assert public <= MODULE_ATTRIBUTES


FUSIONS = [word for word in fusion_words() if fusion_arity(word)[1] > 2]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_functions_that_layers_call_are_reserved(fusion):
    used = set()
    for up, down, padding in product(UP_MODES, DOWN_MODES, PADDINGS):
        text = SPEC.format(up=up, down=down, padding=padding, fusion=fusion)
        used |= layer_names(compile_spec(text, Options()).source)
    functions = {name for name in library().blocks if name.islower()}
    assert used & functions <= RESERVED
    assert {"upsample_nearest", "downsample_bilinear", "max_pool_symmetric"} <= used & functions
    assert {"avg_pool", "max_pool_exact"} <= used & functions
    parameters = {"self", "features", "backbone"}
    assert parameters <= used
    assert parameters <= RESERVED


STEPS = """\
fpnc: 1
name: steps
levels: 3..5
nodes:
  up(l): {inputs: [{from: in(l), via: [{down: max_pool}, {up: nearest}, {up: bilinear}, resample]}]}
  far(4): [{from: backbone(5), via: [{up: nearest}]}, {gate: [in(4), in(5)]}]
  valid(5): {inputs: [in(5)], op: {conv: full, padding: none}}
  out(l): [up(*), far(4)]
outputs: [out(3), out(4), valid(5)]
op: none
depth: 1
"""


def test_functions_that_steps_call_are_reserved():
    functions = {name for name in library().blocks if name.islower()}
    used = layer_names(compile_spec(STEPS, Options()).source)
    assert used & functions
    assert used & functions <= RESERVED


@pytest.mark.parametrize("module", ["resample", "fusion"])
def test_functions_on_maps_are_reserved(module):
    path = Path(fpncompiler.__file__).with_name("blocks") / f"{module}.py"
    defined = {n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)}
    assert defined
    assert defined <= RESERVED


def test_adapters_have_names_of_their_own():
    nodes = "  b: {level: 4, inputs: [in(4), in(4)]}\n  b_2: {level: 4, inputs: [in(4), b]}\n"
    text = f"fpnc: 1\nname: two\nlevels: 4..4\ndepth: 1\nnodes:\n{nodes}outputs: [b_2]\n"
    source = compile_spec(text, Options()).source
    attributes = re.findall(r"^        self\.(\w+) = Adapter", source, re.MULTILINE)
    assert len(attributes) == len(set(attributes)) == 3


def layer_names(source: str) -> set[str]:
    """Every name and parameter in the classes of layers."""
    classes = [n for n in ast.parse(source).body if isinstance(n, ast.ClassDef)]
    parts = [p for n in classes if n.name.endswith("Layer") for p in ast.walk(n)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return names | {part.arg for part in parts if isinstance(part, ast.arg)}
