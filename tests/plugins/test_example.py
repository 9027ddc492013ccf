"""The plug-in of the documentation is found, and is what it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fpncompiler.builtin_kinds import BLOCKS, FUSIONS
from fpncompiler.codegen.blocks import call_arguments, closure, imports_for, library
from fpncompiler.plugins import block_kinds, fusion_kinds, installed_plugins

ROOT = Path(__file__).parents[2]


def test_nothing_is_installed_by_default():
    assert installed_plugins() == ()
    assert [*block_kinds()] == sorted(kind.name for kind in BLOCKS)
    assert [*fusion_kinds()] == sorted(kind.name for kind in FUSIONS)


def test_kinds_are_found_among_the_built_in_ones(example_plugin):
    assert "shuffle_block" in block_kinds()
    assert "squeeze_fusion" in fusion_kinds()
    assert [*block_kinds()] == sorted(block_kinds())
    assert [*fusion_kinds()] == sorted(fusion_kinds())
    assert [plugin.distribution for plugin in installed_plugins()] == ["fpnc-shuffle"]


def test_source_brings_what_it_uses_and_nothing_else(example_plugin):
    assert [block.name for block in closure({"ShuffleBlock"})] == [
        *("FullConv2d", "DepthwiseConv2d", "in_place", "norm_of", "ConvNormAct", "ConvUnit"),
        *("shuffle_channels", "ShuffleUnit", "ShuffleBlock"),
    ]
    assert not any(found.module.startswith("fpn") for found in library().imports.values())
    assert {found.binds for found in imports_for({"torch", "Tensor", "ConvUnit"})} == {
        "torch",
        "Tensor",
    }


def test_arguments_that_repeat_the_defaults_are_left_out(example_plugin):
    assert call_arguments("ShuffleBlock", depth="1", activation="nn.SiLU", eps="0.001") == ()
    assert call_arguments("SqueezeFusion", reduction="8") == ("reduction=8",)


def test_installed_plugin_leaves_the_built_in_blocks_alone(example_plugin):
    installed = library()
    own = {name for name, block in installed.blocks.items() if block.module.startswith("fpnc_")}
    assert own == {"shuffle_channels", "ShuffleUnit", "ShuffleBlock", "SqueezeFusion"}
    names = [*installed.blocks]
    assert {*names[-len(own) :]} == own


@pytest.mark.parametrize("code", ["block_kinds(), fusion_kinds()", "library()"])
def test_torch_stays_unloaded(example_plugin, code):
    imports = "from fpncompiler.plugins import *; from fpncompiler.codegen.blocks import *"
    script = f"{imports}; {code}; import sys; print('torch' in sys.modules, len(block_kinds()))"
    path = os.pathsep.join([str(ROOT), str(example_plugin)])
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["False", str(len(BLOCKS) + 1)]


def measured(module, inputs):
    with FlopCounterMode(display=False) as counter:
        y = module(*inputs)
    cells = inputs[0].shape[-2] * inputs[0].shape[-1]
    macs = counter.get_total_flops() / 2 / cells
    return y.shape, (sum(p.numel() for p in module.parameters()), macs)


@pytest.mark.parametrize("widths", [(24, 40), (5, 7), (1, 1)])
@pytest.mark.parametrize("depth", [1, 3])
def test_block_has_the_cost_that_it_states(example_plugin, widths, depth):
    from fpnc_shuffle.modules import ShuffleBlock

    shape, cost = measured(ShuffleBlock(*widths, depth).eval(), [torch.randn(1, widths[0], 5, 7)])
    assert shape == (1, widths[1], 5, 7)
    assert cost == block_kinds()["shuffle_block"].cost(*widths, {"depth": depth})


@pytest.mark.parametrize("arity", [1, 2, 3])
@pytest.mark.parametrize("reduction", [1, 4, 64])
def test_fusion_has_the_cost_that_it_states(example_plugin, arity, reduction):
    from fpnc_shuffle.modules import SqueezeFusion

    inputs = [torch.randn(1, 24, 5, 7) for _ in range(arity)]
    shape, cost = measured(SqueezeFusion(arity, 24, reduction).eval(), inputs)
    assert shape == (1, 24, 5, 7)
    assert cost == fusion_kinds()["squeeze_fusion"].cost(arity, 24, {"reduction": reduction})


def test_fusion_of_equal_inputs_is_the_input(example_plugin):
    from fpnc_shuffle.modules import SqueezeFusion

    x = torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(SqueezeFusion(3, 8)(x, x, x), x)
