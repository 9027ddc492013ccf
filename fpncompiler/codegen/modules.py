"""Steps and fusions -> the modules and calls that they are in the generated file."""

from typing import assert_never

from fpncompiler.codegen.blocks import call_arguments, has_argument
from fpncompiler.codegen.layout import Call, Expr, Keyword
from fpncompiler.ir.ops import (
    Activate,
    Activation,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Fusion,
    Norm,
    Part,
    Pool,
    Resample,
    Step,
    Styled,
    Upsample,
)
from fpncompiler.kinds import Value
from fpncompiler.plugins import block_kinds, fusion_kinds

ACTIVATION_MODULES: dict[Activation, str] = {
    "silu": "nn.SiLU",
    "relu": "nn.ReLU",
    "relu6": "nn.ReLU6",
    "leaky_relu": "nn.LeakyReLU",
    "hard_swish": "nn.Hardswish",
    "mish": "nn.Mish",
    "gelu": "nn.GELU",
    "sigmoid": "nn.Sigmoid",
    "identity": "nn.Identity",
}
WEIGHTED_MODULES = {
    "weighted": "WeightedFusion",
    "softmax": "SoftmaxFusion",
    "fast_normalized": "FastNormalizedFusion",
}
CONVOLUTION_MODULES = {
    "separable": "SeparableConv2d",
    "full": "FullConv2d",
    "depthwise": "DepthwiseConv2d",
}
NAMED_ORDERS: dict[tuple[Part, ...], str] = {
    ("act", "conv", "norm"): "ActConvNorm",
    ("conv", "norm", "act"): "ConvNormAct",
    ("conv", "norm"): "ConvNorm",
    ("conv", "act"): "ConvAct",
    ("act", "conv"): "ActConv",
}


def step_module(step: Step, in_width: str, out_width: str, overwrite: bool) -> Call | None:
    """The module of a step, which may `overwrite` its input; None for calls of a function."""
    match step:
        case Convolution():
            return convolution_module(step, in_width, out_width, overwrite)
        case Adapt():
            return adapter_module(step, in_width)
        case Block():
            return _block_module(step, in_width, out_width)
        case Pool():
            return _pool_module(step)
        case Activate():
            return _activation(step.activation, overwrite)
        case Upsample() | Downsample():
            return None
        case Resample():
            raise AssertionError("insert_resampling leaves none")
        case _:
            assert_never(step)


def sequence(modules: list[Call]) -> Call:
    """Modules one after another."""
    return modules[0] if len(modules) == 1 else Call("nn.Sequential", tuple(modules))


def resampled(value: Expr, step: Upsample | Downsample, reference: str | None) -> Expr:
    """A map, resampled by a function; `reference` gives an upsampled one its size."""
    if isinstance(step, Downsample):
        factor = () if step.levels == 1 else (str(2**step.levels),)
        if step.mode == "max_pool":
            name = {"same": "same", "symmetric": "symmetric", "none": "exact"}[step.padding]
            return Call(f"max_pool_{name}", (value, *factor))
        name = {"avg_pool": "avg_pool", "bilinear": "downsample_bilinear"}[step.mode]
        return Call(name, (value, *factor))
    if reference is None:
        return Call(f"upsample_{step.mode}_by", (value, str(2**step.levels)))
    return Call(f"upsample_{step.mode}", (value, reference))


def fusion_module(fusion: Fusion, arity: int, width: str, size: tuple[int, int]) -> Call | None:
    """The module of a fusion, for maps of `size` at the configured resolution; None for a sum."""
    if fusion.is_module:
        kind = fusion_kinds()[fusion.kind]
        given = {"arity": str(arity), "channels": width}
        values = {**_values(fusion.options), **_style_values(kind.module, fusion.style)}
        positional = tuple(given[name] for name in kind.takes)
        return Call(kind.module, (*positional, *call_arguments(kind.module, **values)))
    if not fusion.weighs:
        return None
    name = WEIGHTED_MODULES[fusion.kind]
    shape = {
        "scalar": (),
        "channel": (f"({width}, 1, 1)",),
        "pixel": (f"(1, {size[0]}, {size[1]})",),
    }[fusion.granularity]
    has_eps = fusion.kind == "fast_normalized"
    eps = call_arguments(name, eps=repr(fusion.eps)) if has_eps else ()
    prefix = "Pixel" if fusion.granularity == "pixel" else ""
    learned = Call(prefix + name, (str(arity), *shape, *eps))
    return Call("FixedFusion", (learned,)) if fusion.fixed else learned


def adapter_module(op: Adapt, in_width: str) -> Call:
    """The module of an adapter."""
    if op.norm is None:
        bias = () if op.bias else ("bias=False",)
        return Call("nn.Conv2d", (in_width, str(op.width), "1", *bias))
    arguments = call_arguments("Adapter", bias=str(op.bias), **norm_values(op.norm))
    return Call("Adapter", (in_width, str(op.width), *arguments))


def convolution_module(op: Convolution, in_width: str, out_width: str, overwrite: bool) -> Call:
    """The module of a convolution op; the usual orders have blocks of their own."""
    conv = _bare_convolution(op, in_width, out_width)
    if op.order == ("conv",):
        return conv
    if name := NAMED_ORDERS.get(op.order):
        values = {"activation": ACTIVATION_MODULES[op.activation]} if "act" in op.order else {}
        if op.order[0] == "act":
            values["overwrite"] = str(overwrite)
        if "norm" not in op.order:
            return Call(name, (conv, *call_arguments(name, **values)))
        return Call(
            name, (conv, out_width, *call_arguments(name, **values, **norm_values(op.norm)))
        )
    act = _activation(op.activation, overwrite or op.order[0] != "act")
    parts = {"act": act, "conv": conv}
    normed = in_width if op.order.index("conv") > _index(op.order, "norm") else out_width
    parts["norm"] = Call("nn.BatchNorm2d", (normed, *_keywords(norm_values(op.norm))))
    named = tuple(Keyword(step, parts[step]) for step in op.order)
    return Call("nn.Sequential", (Call("OrderedDict", named),))


def in_place_activation(activation: Activation) -> Call:
    """An activation that overwrites its input, where PyTorch has it so."""
    in_place = activation not in ("gelu", "sigmoid", "identity")
    return Call(ACTIVATION_MODULES[activation], ("inplace=True",) if in_place else ())


def _activation(activation: Activation, overwrite: bool) -> Call:
    if overwrite:
        return in_place_activation(activation)
    return Call(ACTIVATION_MODULES[activation], ())


def _bare_convolution(op: Convolution, in_width: str, out_width: str) -> Call:
    if op.valid:
        return _valid_convolution(op, in_width, out_width)
    block = CONVOLUTION_MODULES[op.kind]
    values = {"kernel_size": str(op.kernel), "bias": str(op.bias), "stride": str(op.stride)}
    widths = (in_width,) if op.kind == "depthwise" else (in_width, out_width)
    return Call(block, (*widths, *call_arguments(block, **values)))


def _valid_convolution(op: Convolution, in_width: str, out_width: str) -> Call:
    """A convolution without padding, which no block is; its parts are named as those of blocks."""
    bias = () if op.bias else ("bias=False",)
    kernel, alone = str(op.kernel), f"groups={in_width}"
    match op.kind:
        case "full":
            return Call("nn.Conv2d", (in_width, out_width, kernel, *bias))
        case "depthwise":
            return Call("nn.Conv2d", (in_width, in_width, kernel, alone, *bias))
        case "separable":
            depthwise = Call("nn.Conv2d", (in_width, in_width, kernel, alone, "bias=False"))
            pointwise = Call("nn.Conv2d", (in_width, out_width, "1", *bias))
            parts = (Keyword("depthwise", depthwise), Keyword("pointwise", pointwise))
            return Call("nn.Sequential", (Call("OrderedDict", parts),))
        case _:
            assert_never(op.kind)


def _block_module(step: Block, in_width: str, out_width: str) -> Call:
    kind = block_kinds()[step.kind]
    widths = (in_width,) if kind.keeps_width else (in_width, out_width)
    values = {**_values(step.options), **_style_values(kind.module, step.style)}
    return Call(kind.module, (*widths, *call_arguments(kind.module, **values)))


def _pool_module(step: Pool) -> Call:
    name = "nn.MaxPool2d" if step.kind == "max" else "nn.AvgPool2d"
    sizes = [str(step.kernel), str(step.stride)]
    if step.kernel == step.stride:
        return Call(name, (*sizes, "ceil_mode=True"))
    padding = (str(step.kernel // 2),) if step.kernel > 1 else ()
    uncounted = ("count_include_pad=False",) if step.kind == "avg" and padding else ()
    return Call(name, (*sizes, *padding, *uncounted))


def _values(options: tuple[tuple[str, Value], ...]) -> dict[str, str]:
    return {
        name: f'"{value}"' if isinstance(value, str) else repr(value) for name, value in options
    }


def _style_values(block: str, style: Styled | None) -> dict[str, str]:
    """What a styled block is given; those of plug-ins keep their norms."""
    if style is None:
        return {}
    values = {"activation": ACTIVATION_MODULES[style.activation], **norm_values(style.norm)}
    return values | ({"folded": "True"} if style.folded and has_argument(block, "folded") else {})


def _index(order: tuple[str, ...], part: str) -> int:
    return order.index(part) if part in order else len(order)


def _keywords(values: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in values.items())


def norm_values(norm: Norm) -> dict[str, str]:
    """The constants of a batch norm as source."""
    return {"eps": repr(norm.eps), "momentum": repr(norm.momentum)}
