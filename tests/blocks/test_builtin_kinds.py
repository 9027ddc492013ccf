"""Every built-in block and fusion: its shape, its cost, its training."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fpncompiler.blocks import fusion, stages, upsampling
from fpncompiler.builtin_kinds import BLOCKS, FUSIONS
from fpncompiler.codegen.blocks import library
from fpncompiler.codegen.plugin_source import kind_fault
from fpncompiler.kinds import cost_fault, defaults_of, fault_of

SOURCES = {module.__name__: module for module in (fusion, stages, upsampling)}
KINDS = {kind.name: kind for kind in (*BLOCKS, *FUSIONS)}
SETTINGS = {
    "c2f": [{"depth": 3, "shortcut": True}, {"expansion": 0.3}],
    "c3": [{"depth": 2, "shortcut": True}, {"expansion": 0.3}],
    "csp_stage": [{"depth": 2, "expansion": 0.7}],
    "csp_rep": [{"depth": 1, "expansion": 0.5}],
    "residual": [{"depth": 3, "expansion": 0.25}],
    "l2_norm": [{"scale": 3.0}],
    "carafe": [{"kernel": 3, "hidden": 8}, {"kernel": 4, "hidden": 8}],
    "gate": [{"by": "first", "pool": "avg"}],
    "spatial_softmax": [{"hidden": 5}],
}
BLOCK_CASES = [
    pytest.param(kind, given, id=f"{kind.name}{i}")
    for kind in BLOCKS
    for i, given in enumerate([{}, *SETTINGS.get(kind.name, [])])
]
FUSION_CASES = [
    pytest.param(kind, given, arity, id=f"{kind.name}{i}-{arity}")
    for kind in FUSIONS
    for i, given in enumerate([{}, *SETTINGS[kind.name]])
    for arity in range(max(1, kind.arity[0]), min(4, kind.arity[1]) + 1)
]


def block(kind, in_channels, out_channels, given):
    widths = (in_channels,) if kind.keeps_width else (in_channels, out_channels)
    return getattr(SOURCES[kind.source], kind.module)(*widths, **given)


def fused(kind, arity, channels, given):
    values = {"arity": arity, "channels": channels}
    positional = (values[name] for name in kind.takes)
    return getattr(SOURCES[kind.source], kind.module)(*positional, **given)


def measured(module, *inputs):
    """Trainable parameters, and MACs of convolutions per cell of the input."""
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    batch, _, height, width = inputs[0].shape
    return (
        sum(p.numel() for p in module.parameters() if p.requires_grad),
        counter.get_total_flops() / 2 / batch / height / width,
    )


def everything_trains(module, *inputs):
    outputs = module(*inputs)
    (outputs * torch.randn_like(outputs)).sum().backward()
    gradients = [part.grad for part in (*inputs, *module.parameters())]
    return all(g is not None and g.isfinite().all() and g.any() for g in gradients)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_kind_describes_its_class(kind):
    assert fault_of(kind) == ""
    assert kind_fault(kind, library().blocks.get(kind.module)) == ""
    assert cost_fault(kind.cost(2, 64, defaults_of(kind))) == ""


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_options_have_the_defaults_of_the_class(kind):
    defaults = library().blocks[kind.module].defaults
    for name, option in kind.options.items():
        assert defaults[name].strip("'") == str(option.default)


@pytest.mark.parametrize(("kind", "given"), BLOCK_CASES)
def test_block_has_its_shape_and_its_cost(kind, given):
    widths = (24, 24) if kind.keeps_width else (24, 40)
    x = torch.randn(2, 24, 5, 7)
    module = block(kind, *widths, given)
    factor = 2 if kind.levels else 1
    assert module(x).shape == (2, widths[1], 5 * factor, 7 * factor)
    assert measured(module, x) == kind.cost(*widths, {**defaults_of(kind), **given})


@pytest.mark.parametrize(("kind", "given"), BLOCK_CASES)
def test_block_stands_a_single_channel_and_a_single_cell(kind, given):
    module = block(kind, 1, 1, given).eval()
    x = torch.randn(1, 1, 1, 1)
    assert module(x).shape == ((1, 1, 2, 2) if kind.levels else (1, 1, 1, 1))
    assert measured(module, x) == kind.cost(1, 1, {**defaults_of(kind), **given})


@pytest.mark.parametrize(("kind", "given"), BLOCK_CASES)
def test_block_trains_and_gives_the_same_again_in_eval_mode(kind, given):
    torch.manual_seed(0)
    module = block(kind, 12, 12, given)
    x = torch.randn(2, 12, 6, 5, requires_grad=True)
    before = x.detach().clone()
    assert everything_trains(module, x)
    assert torch.equal(x, before)
    module.eval()
    assert torch.equal(module(x), module(x))


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.styled], ids=lambda k: k.name
)
def test_style_reaches_every_unit(kind):
    make = fused if kind in FUSIONS else block
    norm = {"eps": 0.5, "momentum": 0.25}
    module = make(kind, 2, 8, {"activation": nn.Hardswish, **norm})
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    assert {(n.eps, n.momentum) for n in norms} == {(0.5, 0.25)}
    kinds = {type(part) for part in module.modules()}
    assert nn.Hardswish in kinds
    assert nn.SiLU not in kinds


@pytest.mark.parametrize(("kind", "given"), BLOCK_CASES)
def test_block_compiles_without_graph_breaks(kind, given):
    module = block(kind, 4, 4, given).eval()
    compiled = torch.compile(module, backend="eager", fullgraph=True, dynamic=True)
    for size in [(4, 6), (5, 3)]:
        x = torch.randn(1, 4, *size)
        torch.testing.assert_close(compiled(x), module(x))


@pytest.mark.parametrize(("kind", "given"), BLOCK_CASES)
def test_block_keeps_half_precision(kind, given):
    module = block(kind, 4, 4, given).eval().bfloat16()
    assert module(torch.randn(1, 4, 4, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.parametrize(("kind", "given", "arity"), FUSION_CASES)
def test_fusion_has_its_shape_and_its_cost(kind, given, arity):
    inputs = [torch.randn(2, 12, 5, 7) for _ in range(arity)]
    module = fused(kind, arity, 12, given)
    assert module(*inputs).shape == (2, 12, 5, 7)
    assert measured(module, *inputs) == kind.cost(arity, 12, {**defaults_of(kind), **given})


@pytest.mark.parametrize(("kind", "given", "arity"), FUSION_CASES)
def test_fusion_trains(kind, given, arity):
    torch.manual_seed(0)
    module = fused(kind, arity, 12, given)
    inputs = [torch.randn(2, 12, 5, 7, requires_grad=True) for _ in range(arity)]
    outputs = module(*inputs)
    (outputs * torch.randn_like(outputs)).sum().backward()
    assert all(x.grad.isfinite().all() and x.grad.any() for x in inputs)
    # one input alone has the weight 1, whatever is predicted
    assert arity == 1 or all(p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize(("kind", "given", "arity"), FUSION_CASES)
def test_fusion_keeps_half_precision_and_compiles(kind, given, arity):
    module = fused(kind, arity, 4, given).eval().bfloat16()
    inputs = [torch.randn(1, 4, 4, 4, dtype=torch.bfloat16) for _ in range(arity)]
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    assert compiled(*inputs).dtype == torch.bfloat16
    assert torch.equal(compiled(*inputs), module(*inputs))
