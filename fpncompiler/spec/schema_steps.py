"""The schemas of steps: convolutions, pools, blocks, changes of level."""

from collections.abc import Mapping

from fpncompiler.ir import ops
from fpncompiler.kinds import Option
from fpncompiler.plugins import block_kinds
from fpncompiler.spec import schema_values as v
from fpncompiler.spec.reading import MAX_LEVEL
from fpncompiler.spec.schema_values import Schema
from fpncompiler.spec.steps import MAX_KERNEL, MAX_STEPS, MAX_WIDTH, PLAIN_CONVOLUTIONS, STRIDES


def steps(*, on_edge: bool) -> Schema:
    """One step or a list of them."""
    words = (*PLAIN_CONVOLUTIONS, *ops.ACTIVATIONS, *block_kinds())
    step = {
        "anyOf": [
            v.words((*words, "resample") if on_edge else words),
            convolution(),
            _pool(),
            v.mapping(
                {"up": v.scaled(v.words(ops.UP_MODES)), "levels": v.integer(1, MAX_LEVEL)},
                (),
                ("up",),
            ),
            v.mapping(
                {
                    "down": v.scaled(v.words(ops.DOWN_MODES)),
                    "levels": v.integer(1, MAX_LEVEL),
                    "padding": v.scaled(v.words(ops.PADDINGS)),
                },
                (),
                ("down",),
            ),
            *(block(name) for name in block_kinds()),
        ]
    }
    several: Schema = {"type": "array", "items": step, "maxItems": MAX_STEPS}
    if on_edge:
        several |= {"contains": {"const": "resample"}, "minContains": 0, "maxContains": 1}
    return {"anyOf": [{"const": "none"}, step, several]}


def convolution(*, halving: bool = False) -> Schema:
    """A convolution; one that halves a map says nothing of its stride, width and padding."""
    kernels = [kernel for kernel in range(1, MAX_KERNEL + 1) if kernel % 2]
    order = {
        "type": "array",
        "items": v.words(ops.PARTS),
        "contains": {"const": "conv"},
        "uniqueItems": True,
    }
    properties = {
        "activation": v.scaled(v.words(ops.ACTIVATIONS)),
        "bias": v.flag(),
        "conv": v.scaled(v.words(ops.CONV_KINDS)),
        "kernel": v.scaled({"anyOf": [{"enum": kernels}, v.formula()]}),
        "order": {"anyOf": [order, {"const": "conv"}]},
    }
    if halving:
        return v.mapping(properties, ())
    properties |= {
        "padding": v.scaled(v.words(("same", "none"))),
        "stride": v.stride(),
        "width": v.integer(1, MAX_WIDTH),
    }
    unpadded = {"properties": {"padding": {"const": "none"}, "stride": {"enum": [*STRIDES[1:]]}}}
    depthwise = {"properties": {"conv": {"const": "depthwise"}}, "required": ["conv", "width"]}
    refused = [{**unpadded, "required": ["padding", "stride"]}, depthwise]
    return {**v.mapping(properties, ()), "not": {"anyOf": refused}}


def _pool() -> Schema:
    """A pool, with an odd kernel or one that is its stride."""
    properties = {
        "pool": v.scaled(v.words(ops.POOL_KINDS)),
        "kernel": v.integer(1, MAX_KERNEL),
        "stride": v.stride(),
    }
    even = {"type": "integer", "multipleOf": 2}
    fitting = [
        {"properties": {"stride": {"const": stride}, "kernel": {"const": stride}}}
        for stride in STRIDES
    ]
    odd = {"properties": {"kernel": {"not": even}}}
    return {**v.mapping(properties, (), ("pool",)), "anyOf": [odd, *fitting]}


def block(name: str) -> Schema:
    """A reference to a block's definition."""
    return {"$ref": f"#/$defs/block_{name}"}


def block_definition(name: str) -> Schema:
    """A block with its options."""
    kind = block_kinds()[name]
    properties = {"block": {"const": name}, **options(kind.options)}
    if not kind.keeps_width:
        properties["width"] = v.integer(1, MAX_WIDTH)
    if kind.styled:
        properties["activation"] = v.scaled(v.words(ops.ACTIVATIONS))
    return v.mapping(properties, (), ("block",))


def options(options: Mapping[str, Option]) -> dict[str, Schema]:
    """The options of a block or of a fusion."""
    return {name: {"default": o.default, **_option(o)} for name, o in options.items()}


def _option(option: Option) -> Schema:
    if isinstance(option.default, bool):
        return v.flag()
    if isinstance(option.default, str):
        return v.scaled(v.words(option.choices))
    if isinstance(option.default, int):
        return v.integer(int(option.low), int(option.high))
    return v.number(option.low, option.high)
