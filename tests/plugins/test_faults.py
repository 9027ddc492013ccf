"""A plug-in that is at fault is named, with what to do, whatever it does."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fpncompiler.codegen.blocks import library
from fpncompiler.codegen.plugin_source import GENERATED
from fpncompiler.plugins import PluginError, block_kinds, fusion_kinds, installed_plugins

ROOT = Path(__file__).parents[2]
KINDS = """\
from fpncompiler.plugins import BlockKind, FusionKind, Option
SOURCE = "bad_plugin.modules"
def cost(a, b, options): return 1, 2
BLOCK = BlockKind("my_block", "MyBlock", SOURCE, {"depth": Option(1, 1, 9)}, cost)
FUSION = FusionKind("my_fusion", "MyFusion", SOURCE, {"word": Option("a", choices=("a",))}, cost)
KINDS = (BLOCK, FUSION)
"""
MODULES = '''\
"""A docstring."""
import math
import torch.nn.functional as F
from torch import Tensor, nn

class MyBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, *, depth: int = 2) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x) * math.pi

class MyFusion(nn.Module):
    def __init__(self, arity: int, channels: int, word: str = "a") -> None:
        super().__init__()
'''


def fault_of_plugin():
    """The message, after every plug-in has been looked at."""
    with pytest.raises(PluginError) as caught:
        block_kinds(), fusion_kinds(), library()
    message = str(caught.value)
    assert message.startswith("the plug-in `bad-plugin` cannot be used: ")
    assert message.endswith("pip uninstall bad-plugin")
    assert "\n" not in message
    return caught.value.fault


def test_sound_plugin_is_taken(plugin):
    plugin(KINDS, MODULES)
    assert "my_block" in block_kinds()
    assert library().blocks["MyBlock"].defaults == {"depth": "2"}
    assert library().imports["F"].target == "torch.nn.functional"


def test_entry_point_can_lead_to_a_single_kind(plugin):
    plugin(KINDS, MODULES, "[fpnc.plugins]\nkinds = bad_plugin:BLOCK\n")
    assert [plugin.kinds[0].name for plugin in installed_plugins()] == ["my_block"]
    assert "MyBlock" in library().blocks


KIND_FAULTS = {
    "raise ValueError('two\\nlines')": "cannot be loaded (ValueError: two lines)",
    "import sys; sys.exit(3)": "cannot be loaded (SystemExit: 3)",
    "del KINDS": "cannot be loaded (AttributeError",
    "KINDS = None": "or a tuple of them, not None",
    "KINDS = [BLOCK]": "or a tuple of them, not [",
    "KINDS = (BLOCK, 'x')": "or a tuple of them, not 'x'",
    "KINDS = (BLOCK, BLOCK)": "block `my_block` is there already, from `bad-plugin`",
}
BLOCK_FAULTS = {
    "name='c2f'": "block `c2f` is there already, from `fpnc`",
    "name='relu'": "the language has the word `relu` already",
    "name='nearest'": "the language has the word `nearest` already",
    "name='resample'": "the language has the word `resample` already",
    "name='MyBlock'": "`name` is of lower-case letters",
    "name='my-block'": "`name` is of lower-case letters",
    "name='my_block\\n'": "`name` is of lower-case letters",
    "name=3": "`name` is of lower-case letters",
    "module='My.Block'": "`module` is the name of a Python class",
    "module='class'": "`module` is the name of a Python class",
    "module=None": "`module` is the name of a Python class",
    "source='modules'": "`source` is the dotted name",
    "source='bad_plugin/modules.py'": "`source` is the dotted name",
    "source=3": "`source` is the dotted name",
    "source='bad_plugin.absent'": "`bad_plugin.absent` cannot be read (FileNotFoundError",
    "source='absent.modules'": "`absent.modules` cannot be read (ModuleNotFoundError",
    "source='fpncompiler.blocks.stages'": "`fpncompiler.blocks.stages` has no class `MyBlock`",
    "module='Absent'": "`bad_plugin.modules` has no class `Absent`",
    "module='MyFusion'": "constructed with in_channels, out_channels, but its `__init__` asks for",
    "keeps_width=True": "constructed with channels, but its `__init__` asks for in_channels",
    "keeps_width=1": "`keeps_width` is a bool",
    "styled=None": "`styled` is a bool",
    "styled=True": "has no parameter `activation` with a default",
    "levels=1": "`levels` is 0, or -1",
    "levels=False": "`levels` is 0, or -1",
    "options=None": "`options` maps names to Options",
    "options={'Depth': Option(1, 1, 2)}": "the name of an option is of lower-case",
    "options={'lambda': Option(1, 1, 2)}": "the name of an option is of lower-case",
    "options={3: Option(1, 1, 2)}": "the name of an option is of lower-case",
    "options={'width': Option(1, 1, 2)}": "no option can be called `width`",
    "options={'eps': Option(1, 1, 2)}": "no option can be called `eps`",
    "options={'other': Option(1, 1, 2)}": "has no parameter `other` with a default",
    "options={'depth': 1}": "the option `depth` is an Option, not 1",
    "options={'depth': Option(5, 1, 4)}": "the default of `depth`, 5, is not within its bounds",
    "options={'depth': Option(5)}": "the default of `depth`, 5, is not within its bounds",
    "options={'depth': Option(1.0, 0, float('inf'))}": "the bounds of `depth` are numbers",
    "options={'depth': Option(float('nan'), 0, 1)}": "the bounds of `depth` are numbers",
    "options={'depth': Option(1, '0', 9)}": "the bounds of `depth` are numbers",
    "options={'depth': Option(None)}": "the default of `depth` is a whole number, a number",
    "options={'depth': Option('a')}": "the default of `depth` is none of its `choices`: 'a'",
    "options={'depth': Option('a', choices='a')}": "each of the `choices` of `depth` is",
    "options={'depth': Option('a', choices=('a', 2))}": "each of the `choices` of `depth` is",
    "options={'depth': Option('a', choices=('a', 'b\"'))}": "each of the `choices` of `depth` is",
    "cost=3": "`cost` is a function",
    "cost=lambda: (1, 2)": "`cost` fails for 64 channels (TypeError",
    "cost=lambda a, b, options: options['x']": "`cost` fails for 64 channels (KeyError",
    "cost=lambda a, b, options: 1": "`cost` gives parameters and MACs, two whole numbers, not 1",
    "cost=lambda a, b, options: (1, 2.0)": "two whole numbers, not (1, 2.0)",
    "cost=lambda a, b, options: (1, -2)": "two whole numbers, not (1, -2)",
}
FUSION_FAULTS = {
    "name='sum'": "the language has the word `sum` already",
    "name='fast_normalized'": "the language has the word `fast_normalized` already",
    "name='gate'": "fusion `gate` is there already, from `fpnc`",
    "takes=('width',)": "`takes` is a tuple of",
    "takes='arity'": "`takes` is a tuple of",
    "takes=['arity']": "`takes` is a tuple of",
    "takes=('channels', 'arity')": "with channels, arity, but its `__init__` asks for arity, chan",
    "takes=()": "constructed with nothing, but its `__init__` asks for arity, channels",
    "arity=(2, 1)": "`arity` is the least and the most inputs",
    "arity=(0, 1)": "`arity` is the least and the most inputs",
    "arity=(1, 201)": "`arity` is the least and the most inputs",
    "arity=(1.0, 2)": "`arity` is the least and the most inputs",
    "arity=2": "`arity` is the least and the most inputs",
}
SOURCE_FAULTS = {
    "import os": "line 17: `os` is not among what it can import",
    "from fpncompiler import api": "line 17: `fpncompiler` is not among what it can import",
    "import torchfoo": "line 17: `torchfoo` is not among what it can import",
    "from torch import *": "line 17: imports name what they import",
    "import torch.nn": "line 17: write `from torch import nn`",
    "import math as m": "line 17: write `import math`, without `as`",
    "from . import other": "line 17: imports are absolute",
    "from bad_plugin.other import x": "`bad_plugin.other` is not among what it can import",
    "from __future__ import annotations": "`__future__` is not among what it can import",
    "from fpncompiler.blocks.stages import Absent": "`fpncompiler.blocks.stages` has no `Absent`",
    "from fpncompiler.blocks.stages import Adapter": "`fpncompiler.blocks.stages` has no `Adap",
    "from fpncompiler.blocks.stages import C3 as C": "write `from fpncompiler.blocks.stages impo",
    "import fpncompiler.blocks.stages": "write `from fpncompiler.blocks.stages import ...`",
    "from torch import fft as F": "`F` is `torch.nn.functional` in generated files; take another",
    "from timm.layers import SeparableConv2d": "`SeparableConv2d` is `fpncompiler.blocks.convolut",
    "from torch import max": "`max` is Python's own; take another name",
    "SIZE = 3": "line 17: only imports, functions and classes can stand at the top level",
    "print(1)": "line 17: only imports, functions and classes can stand at the top level",
    "if True:\n    pass": "only imports, functions and classes can stand at the top level",
    "async def f(): pass": "only imports, functions and classes can stand at the top level",
    "def cached(f): return f\n@cached\ndef g(): pass": "line 19: `g` has a decorator",
    "def f():\n    import os": "line 18: imports stand at the top level",
    "class Adapter: pass": "`Adapter` is `fpncompiler.blocks.convolution.Adapter` in generated",
    "class EfficientDet: pass": "generated files keep `EfficientDet` for themselves",
    "class RepeatedLayer: pass": "generated files keep `RepeatedLayer` for themselves",
    "def len(x): return x": "`len` is Python's own; take another name",
    "def f(x): return torch.cat(x)": "line 17: `torch` is neither imported nor defined",
    "def f(x):\n    return SIZE": "line 18: `SIZE` is neither imported nor defined",
    "class A(B): pass": "line 17: `B` is neither imported nor defined",
    "def math(x): return x": "`math` is `math` in generated files; take another name",
    "def f(:": "line 17: ",
    "x = '\\0'": "bad_plugin.modules",
}


@pytest.mark.parametrize(("code", "message"), KIND_FAULTS.items())
def test_fault_of_an_entry_point_is_told(plugin, code, message):
    plugin(f"{KINDS}{code}\n", MODULES)
    assert message in fault_of_plugin()


@pytest.mark.parametrize(("change", "message"), BLOCK_FAULTS.items())
def test_fault_of_a_block_is_told(plugin, change, message):
    change = f"import dataclasses\nKINDS = dataclasses.replace(BLOCK, {change})\n"
    plugin(KINDS + change, MODULES)
    assert message in fault_of_plugin()


@pytest.mark.parametrize(("change", "message"), FUSION_FAULTS.items())
def test_fault_of_a_fusion_is_told(plugin, change, message):
    change = f"import dataclasses\nKINDS = dataclasses.replace(FUSION, {change})\n"
    plugin(KINDS + change, MODULES)
    assert message in fault_of_plugin()


@pytest.mark.parametrize(("code", "message"), SOURCE_FAULTS.items())
def test_fault_of_a_source_is_told_with_its_line(plugin, code, message):
    plugin(KINDS, f"{MODULES}\n{code}\n".replace("\\0", "\0"))
    assert message in fault_of_plugin()


def test_clash_of_two_plugins_names_the_one_that_comes_later(plugin, example_plugin):
    plugin(KINDS.replace("my_block", "shuffle_block"), MODULES)
    with pytest.raises(PluginError, match=r"the plug-in `fpnc-shuffle` .* from `bad-plugin`"):
        block_kinds()


def test_clash_of_two_plugins_classes_is_told(plugin, example_plugin):
    text = MODULES.replace("MyBlock", "ShuffleBlock")
    plugin(KINDS.replace("MyBlock", "ShuffleBlock"), text)
    with pytest.raises(PluginError, match=r"is `bad_plugin.modules.ShuffleBlock` in generated"):
        library()


def test_plugin_that_loads_torch_is_refused(plugin):
    folder = plugin("import torch\n" + KINDS, MODULES)
    script = "from fpncompiler.plugins import block_kinds; block_kinds()"
    path = os.pathsep.join([str(ROOT), str(folder)])
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert "the plug-in `bad-plugin` cannot be used: it loads torch; keep torch to" in found.stderr


def test_file_that_cannot_be_decoded_is_told(plugin):
    folder = plugin(KINDS, MODULES)
    (folder / "bad_plugin/modules.py").write_bytes(b"\xff\xfe")
    assert "cannot be read (UnicodeDecodeError" in fault_of_plugin()


def test_names_of_the_templates_are_kept_from_plugins():
    templates = ROOT / "fpncompiler/codegen/templates"
    text = "\n".join(path.read_text() for path in sorted(templates.glob("*.j2")))
    starts = [line.split() for line in text.splitlines() if line[:1].isalpha()]
    names = {words[1].split("(")[0] for words in starts if words[0] in ("class", "def")}
    names |= {words[0] for words in starts if words[1:2] == ["="]}
    names -= {"{{"}
    assert {"EfficientDet", "FeatureNetwork", "IMAGE_SIZE"} <= names
    assert {name for name in names if not GENERATED.fullmatch(name)} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "generated").glob("*.py")), ids=lambda p: p.stem)
def test_names_of_generated_files_are_blocks_or_kept_from_plugins(path):
    tree = ast.parse(path.read_text())
    named = {n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    named |= {n.targets[0].id for n in tree.body if isinstance(n, ast.Assign)}
    assert {name for name in named - {*library().blocks} if not GENERATED.fullmatch(name)} == set()
