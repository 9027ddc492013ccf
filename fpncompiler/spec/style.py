"""How nodes compute: fusion, convolution, resampling, adapters.

A setting is looked for on the node, then in the model row's overrides, then in the topology, then
in the model. `op` and `fusion` may be mappings, which are completed key by key from the next place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from fpncompiler.ir import ops
from fpncompiler.spec.reading import NOWHERE, Reader
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence

STYLE_KEYS = (
    "activation",
    "adapters",
    "down",
    "fusion",
    "norm",
    "op",
    "padding",
    "redundant_bias",
    "up",
)
NODE_STYLE_KEYS = ("down", "fusion", "op", "up")
FUSION_KEYS = ("kind", "granularity", "eps")
OP_KEYS = ("conv", "kernel", "order", "activation", "bias")
MAX_KERNEL = 15
NO_OP = Mapping({}, NOWHERE)

# Short forms of `op`: one plain convolution with bias, nothing before or after it.
PLAIN_OPS = {"conv1x1": 1, "conv3x3": 3}


@dataclass(frozen=True, slots=True)
class Style:
    """The settings of one node, complete."""

    fusion: ops.Fusion
    conv: ops.Convolution | None
    resampling: ops.Resampling
    adapting: ops.Adapting


def read_style(places: list[Mapping], reader: Reader) -> Style:
    """The style that the first place with each setting gives.

    Args:
        places: trees from the most to the least specific.
    """
    norm = read_norm(places, reader)
    bias = read_redundant_bias(places, reader)
    adapters = reader.mapping(reader.first(places, "adapters"), "`adapters`", ("norm",))
    adapter_norm = reader.flag(adapters.get("norm"), "`adapters.norm`", True)
    return Style(
        fusion=_fusion(places, reader),
        conv=_convolution(places, reader, norm, bias),
        resampling=_resampling(places, reader),
        adapting=ops.Adapting(norm if adapter_norm else None, bias or not adapter_norm),
    )


def _resampling(places: list[Mapping], reader: Reader) -> ops.Resampling:
    up = reader.word(reader.first(places, "up"), "`up` mode", ops.UP_MODES, "nearest")
    down = reader.word(reader.first(places, "down"), "`down` mode", ops.DOWN_MODES, "max_pool")
    padding = reader.word(reader.first(places, "padding"), "padding", ops.PADDINGS, "same")
    return ops.Resampling(
        cast("ops.UpMode", up), cast("ops.DownMode", down), cast("ops.Padding", padding)
    )


def read_activation(places: list[Mapping], reader: Reader) -> ops.Activation:
    """The activation that the first place gives; SiLU if none does."""
    word = reader.word(reader.first(places, "activation"), "activation", ops.ACTIVATIONS, "silu")
    return cast("ops.Activation", word)


def read_redundant_bias(places: list[Mapping], reader: Reader) -> bool:
    """Whether convolutions keep a bias in front of a batch norm, which makes it redundant."""
    return reader.flag(reader.first(places, "redundant_bias"), "`redundant_bias`", True)


def read_norm(places: list[Mapping], reader: Reader) -> ops.Norm:
    """The constants of batch norms that the first place gives."""
    norm = reader.mapping(reader.first(places, "norm"), "`norm`", ("eps", "momentum"))
    eps = reader.number(norm.get("eps"), "`norm.eps`", 1e-12, 1.0, 1e-3)
    return ops.Norm(eps, reader.number(norm.get("momentum"), "`norm.momentum`", 0, 1, 0.01))


def _fusion(places: list[Mapping], reader: Reader) -> ops.Fusion:
    fields = _layered(places, "fusion", _short_fusion, reader)
    reader.mapping(fields, "`fusion`", FUSION_KEYS)
    _refuse_idle_weights(places, fields, reader)
    kind = reader.word(fields.get("kind"), "fusion", ops.FUSION_KINDS, "sum")
    granularity = reader.word(fields.get("granularity"), "granularity", ops.GRANULARITIES, "scalar")
    eps = reader.number(fields.get("eps"), "`fusion.eps`", 0, 1, 1e-4)
    if kind == "sum":
        return ops.Fusion()
    return ops.Fusion(cast("ops.FusionKind", kind), cast("ops.Granularity", granularity), eps)


def _weighs(fusion: Mapping) -> bool:
    granularity = fusion.get("granularity")
    plain = granularity is None or (
        isinstance(granularity, Scalar) and granularity.text == "scalar"
    )
    return not plain or "eps" in fusion.entries


def _refuse_idle_weights(places: list[Mapping], fields: Mapping, reader: Reader) -> None:
    """A granularity beside a plain sum, or beside no kind at all, would do nothing."""
    for place in places:
        node = reader.scaled(place.get("fusion"))
        if not isinstance(node, Mapping) or not _weighs(node):
            continue
        own = node.get("kind")
        is_sum = isinstance(own, Scalar) and own.text == "sum"
        if is_sum or "kind" not in fields.entries:
            help = "add `kind: softmax`, `fast_normalized` or `weighted`"
            message = "a plain sum has no weights"
            reader.sink.error("F203", message, node.span, help=help)


def _convolution(
    places: list[Mapping], reader: Reader, norm: ops.Norm, redundant_bias: bool
) -> ops.Convolution | None:
    fields = _layered(places, "op", _short_op, reader)
    if fields is NO_OP:
        return None
    reader.mapping(fields, "`op`", OP_KEYS)
    order = _order(fields.get("order"), reader)
    normed = "norm" in order[order.index("conv") :]
    kernel = reader.integer(fields.get("kernel"), "`op.kernel`", 1, MAX_KERNEL, 3)
    if kernel % 2 == 0 and (given := fields.get("kernel")):
        reader.wrong(given, "`op.kernel` is odd, so that the map keeps its size")
    kind = reader.word(fields.get("conv"), "convolution", ops.CONV_KINDS, "separable")
    return ops.Convolution(
        kind=cast("ops.ConvKind", kind),
        kernel=kernel,
        order=order,
        activation=read_activation([fields, *places], reader),
        bias=reader.flag(fields.get("bias"), "`op.bias`", redundant_bias or not normed),
        norm=norm,
    )


def _short_fusion(word: Scalar) -> dict[str, Node]:
    return {"kind": word}


def _short_op(word: Scalar) -> dict[str, Node] | None:
    if word.text not in PLAIN_OPS:
        return None

    def scalar(text: str) -> Scalar:
        return Scalar(text, True, word.span)

    return {
        "conv": scalar("full"),
        "kernel": scalar(str(PLAIN_OPS[word.text])),
        "order": Sequence((scalar("conv"),), word.span),
        "bias": scalar("true"),
    }


def _order(node: Node | None, reader: Reader) -> tuple[ops.Step, ...]:
    if node is None:
        return ("act", "conv", "norm")
    items = reader.items(node, "`op.order`")
    steps = tuple(reader.word(item, "step", ops.STEPS, "") for item in items)
    if "" in steps:
        return ("act", "conv", "norm")
    if len(set(steps)) != len(steps) or "conv" not in steps:
        reader.wrong(node, "`op.order` has `conv` once, and `act` and `norm` at most once")
        return ("act", "conv", "norm")
    return cast("tuple[ops.Step, ...]", steps)


def _layered(
    places: list[Mapping],
    key: str,
    short: Callable[[Scalar], dict[str, Node] | None],
    reader: Reader,
) -> Mapping:
    """The fields of a setting, each from the first place that gives it, up to a complete one."""
    fields: dict[str, Entry] = {}
    span = None
    for place in places:
        node = reader.scaled(place.get(key))
        if node is None:
            continue
        span = span or node.span
        match node:
            case Mapping():
                fields = {**node.entries, **fields}
            case Scalar() if key == "op" and node.text == "none":
                if not fields:
                    return NO_OP
                continue  # a mapping above it asks for an op after all
            case Scalar():
                complete = short(node)
                if complete is None:
                    choices = "`none`, " + ", ".join(f"`{name}`" for name in PLAIN_OPS)
                    reader.wrong(node, f"`{key}` is {choices} or a mapping")
                    break
                below = {name: Entry(node, value) for name, value in complete.items()}
                fields = {**below, **fields}
                if key == "op":
                    break
            case Sequence():
                reader.wrong(node, f"`{key}` is a word or a mapping")
    return Mapping(fields, span or NOWHERE)
