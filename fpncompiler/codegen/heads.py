"""The heads' constructor statements."""

from dataclasses import replace

from fpncompiler.codegen.blocks import call_arguments
from fpncompiler.codegen.layout import Call, List, statement
from fpncompiler.codegen.lower import BODY
from fpncompiler.codegen.modules import (
    ACTIVATION_MODULES,
    adapter_module,
    in_place_activation,
    norm_values,
)
from fpncompiler.ir.detector import Heads, Model
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Adapt


def shared_head(name: str, outputs: str, network: Network, model: Model) -> str:
    """A head that all levels share, under its name."""
    heads = model.heads
    width = heads.common_width(network.output_widths().values())
    sizes = (
        f"outputs={outputs}",
        f"depth={heads.depth}",
        f"levels={len(network.outputs)}",
    )
    arguments = (_convolution(heads), str(width), *sizes, *_style("SharedHead", heads))
    return statement(f"self.{name} = ", Call("SharedHead", arguments), BODY)


def level_head(name: str, outputs: str, network: Network, model: Model) -> str:
    """The same in the inference form, with convolutions of their own for the levels."""
    heads = model.heads
    width = heads.common_width(network.output_widths().values())
    conv = _convolution(heads)
    levels = f"[{conv}({width}, {width}) for _ in range({len(network.outputs)})]"
    act = in_place_activation(heads.activation)
    arguments = (f"[{levels} for _ in range({heads.depth})]", act)
    predict = Call(conv, (str(width), outputs))
    return statement(f"self.{name} = ", Call("LevelHead", (*arguments, predict)), BODY)


def segmentation_head(network: Network, model: Model, folded: bool) -> str:
    """The head of a segmentation; in the inference form its norms are `folded`."""
    heads = model.heads
    (width,) = network.output_widths().values()
    widths = (str(width), str(heads.common_width([width])))
    sizes = ("outputs=num_classes", f"depth={heads.depth}")
    style = _style("SegmentationHead", replace(heads, bias=heads.bias or folded))
    arguments = (_convolution(heads), *widths, *sizes, *style, *(("folded=True",) * folded))
    return statement("self.class_head = ", Call("SegmentationHead", arguments), BODY)


def head_adapters(network: Network, model: Model, folded: bool) -> str:
    """What brings each level to the width of the heads; nothing where all have it."""
    heads = model.heads
    widths = [width for _, width in sorted(network.output_widths().items())]
    common = heads.common_width(widths)
    if set(widths) == {common}:
        return ""
    adapt = Adapt(common, None if folded else heads.norm, heads.bias or folded)
    modules = tuple(
        Call("nn.Identity", ()) if width == common else adapter_module(adapt, str(width))
        for width in widths
    )
    call = Call("nn.ModuleList", (List(modules),))
    return statement("self.head_adapters = ", call, BODY)


def _convolution(heads: Heads) -> str:
    return "SeparableConv2d" if heads.separable else "FullConv2d"


def _style(block: str, heads: Heads) -> tuple[str, ...]:
    activation = ACTIVATION_MODULES[heads.activation]
    values = {"bias": str(heads.bias), "activation": activation, **norm_values(heads.norm)}
    return call_arguments(block, **values)
