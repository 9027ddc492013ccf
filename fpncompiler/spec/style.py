"""How nodes compute: fusion, steps, resampling, adapters.

A setting is looked for on the node, then in the model row's overrides, then in the topology, then
in the model. `op` and `fusion` may be mappings, which are completed key by key from the next place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from fpncompiler.diagnostics import nearest
from fpncompiler.ir import ops
from fpncompiler.plugins import block_kinds, fusion_kinds
from fpncompiler.spec.habits import SYNONYMS
from fpncompiler.spec.reading import NOWHERE, Reader
from fpncompiler.spec.steps import (
    PLAIN_CONVOLUTIONS,
    StepReader,
    is_convolution,
    plain_convolution,
    read_options,
)
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence

STYLE_KEYS = (
    "activation",
    "adapters",
    "down",
    "fusion",
    "gate",
    "norm",
    "op",
    "padding",
    "redundant_bias",
    "up",
)
ADAPTER_KEYS = ("bias", "norm", "sharing")
WEIGHT_KEYS = ("granularity", "eps")
MAX_FAN_IN = 200
MAX_FUSION_KEYS = 8


@dataclass(frozen=True, slots=True)
class Style:
    """The settings of one node, complete; `width` is None where it keeps what comes."""

    fusion: ops.Fusion
    steps: tuple[ops.Step, ...]
    resampling: ops.Resampling
    adapting: ops.Adapting


def read_style(places: list[Mapping], reader: Reader, width: int | None) -> Style:
    """The style that the first place with each setting gives.

    Args:
        places: trees from the most to the least specific.
        width: what the node's convolutions and blocks lead to.
    """
    return Style(
        fusion=_fusion(places, reader),
        steps=_op(places, reader, width),
        resampling=_resampling(places, reader),
        adapting=_adapting(places, reader),
    )


def step_reader(places: list[Mapping], reader: Reader, width: int | None) -> StepReader:
    """What reads the steps of a node's edges."""
    return StepReader(
        reader,
        base=_convolution_fields(places, reader),
        activation=read_activation(places, reader),
        norm=read_norm(places, reader),
        redundant_bias=read_redundant_bias(places, reader),
        width=width,
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
    node = reader.first(places, "norm")
    if node is not None and not isinstance(node, Mapping):
        help = "it sets batch norm, `{eps: 1e-3, momentum: 0.01}`; where one stands, `order` says: "
        help += "`op: {order: [conv, norm, act]}`"
        reader.wrong(node, "`norm` is a mapping", help)
        node = None
    norm = reader.mapping(node, "`norm`", ("eps", "momentum"))
    eps = reader.number(norm.get("eps"), "`norm.eps`", 1e-12, 1.0, 1e-3)
    return ops.Norm(eps, reader.number(norm.get("momentum"), "`norm.momentum`", 0, 1, 0.01))


def read_fusion(fields: Mapping, kind: str, places: list[Mapping], reader: Reader) -> ops.Fusion:
    """A fusion of a known kind, with the settings that its fields give."""
    if kind in ops.WEIGHTED_FUSIONS:
        granularity = reader.word(
            fields.get("granularity"), "granularity", ops.GRANULARITIES, "scalar"
        )
        eps = reader.number(fields.get("eps"), "`fusion.eps`", 0, 1, 1e-4)
        return ops.Fusion(kind, cast("ops.Granularity", granularity), eps)
    if kind in ops.PLAIN_FUSIONS:
        return ops.Fusion(kind)
    known = fusion_kinds()[kind]
    if kind == "gate":
        fields = Mapping({**_gate(places, reader).entries, **fields.entries}, fields.span)
    style = ops.Styled(read_activation(places, reader), read_norm(places, reader))
    options = read_options(fields, known.options, kind, reader)
    return ops.Fusion(kind, options=options, style=style if known.styled else None)


def is_weighable(fusion: Node | None) -> bool:
    """Whether a spec's fusion adds maps, with weights or without; so it is where it is not said."""
    kind = fusion.get("kind") if isinstance(fusion, Mapping) else fusion
    return not isinstance(kind, Scalar) or kind.text in ("sum", *ops.WEIGHTED_FUSIONS)


def fusion_words() -> tuple[str, ...]:
    """All fusions that a spec can name."""
    return (*ops.PLAIN_FUSIONS, *ops.WEIGHTED_FUSIONS, *fusion_kinds())


def fusion_keys(kind: str) -> tuple[str, ...]:
    """The settings of a fusion, besides its kind."""
    known = fusion_kinds().get(kind)
    return tuple(known.options) if known else WEIGHT_KEYS


def fusion_arity(kind: str) -> tuple[int, int]:
    """The fewest and the most maps that a fusion takes."""
    known = fusion_kinds().get(kind)
    return known.arity if known else (1, MAX_FAN_IN)


def _gate(places: list[Mapping], reader: Reader) -> Mapping:
    """The settings of all gates, which are looked at even where there is no gate."""
    options = fusion_kinds()["gate"].options
    fields = reader.mapping(reader.first(places, "gate"), "`gate`", tuple(options))
    read_options(fields, options, "gate", reader)
    return fields


def _fusion(places: list[Mapping], reader: Reader) -> ops.Fusion:
    _gate(places, reader)
    fields = _of_its_kind(_layered(places, "fusion", _short_fusion, reader), places, reader)
    kind = reader.word(fields.get("kind"), "fusion", fusion_words(), "")
    if not kind and "kind" in fields.entries:
        return ops.Fusion()  # what an unknown fusion's settings would be, nobody knows
    fault = None if kind else _in_place_of_kind(fields)
    if fault:
        word = fault.value.text if isinstance(fault.value, Scalar) else ""
        meant = word if word in fusion_words() else "softmax"
        reader.mapping(fields, "`fusion`", ("kind", *fusion_keys(meant)))
        return ops.Fusion()
    kind = kind or "sum"
    reader.mapping(fields, "`fusion`", ("kind", *fusion_keys(kind)))
    _refuse_idle_weights(places, fields, reader)
    return read_fusion(fields, kind, places, reader)


def _in_place_of_kind(fields: Mapping) -> Entry | None:
    """The entry that says the kind under another key; looked for at every node, so it is quick."""
    if len(fields.entries) > MAX_FUSION_KEYS:
        return None
    unknown = (e for name, e in fields.entries.items() if name not in WEIGHT_KEYS)
    meant = (e for e in unknown if SYNONYMS.get(e.key.text) == "kind" or _is_kind(e.key.text))
    return next(meant, None)


def _is_kind(word: str) -> bool:
    return bool(nearest(word, ("kind",)))


def _of_its_kind(fields: Mapping, places: list[Mapping], reader: Reader) -> Mapping:
    """The fields without those that a later place gives for another kind."""
    kind = fields.get("kind")
    if not isinstance(kind, Scalar) or kind.text not in fusion_words():
        return fields
    own: set[str] = set()
    for place in places:
        node = reader.scaled(place.get("fusion"))
        own.update(node.entries if isinstance(node, Mapping) else ())
        if isinstance(node, Scalar) or "kind" in own:
            break
    known = {"kind", *fusion_keys(kind.text), *own}
    return Mapping({k: e for k, e in fields.entries.items() if k in known}, fields.span)


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
        is_plain = isinstance(own, Scalar) and own.text in ops.PLAIN_FUSIONS
        if is_plain or "kind" not in fields.entries:
            help = "add `kind: softmax`, `fast_normalized` or `weighted`"
            name = own.text if isinstance(own, Scalar) else "sum"
            message = f"a plain {name} has no weights"
            reader.sink.error("F203", message, node.span, help=help)


def _adapting(places: list[Mapping], reader: Reader) -> ops.Adapting:
    fields = reader.mapping(reader.first(places, "adapters"), "`adapters`", ADAPTER_KEYS)
    normed = reader.flag(fields.get("norm"), "`adapters.norm`", True)
    redundant = read_redundant_bias(places, reader)
    bias = reader.flag(fields.get("bias"), "`adapters.bias`", redundant or not normed)
    sharing = reader.word(fields.get("sharing"), "sharing", ops.SHARINGS, "per_edge")
    norm = read_norm(places, reader) if normed else None
    return ops.Adapting(norm, bias, cast("ops.Sharing", sharing))


def _resampling(places: list[Mapping], reader: Reader) -> ops.Resampling:
    padding = reader.word(reader.first(places, "padding"), "padding", ops.PADDINGS, "same")
    return ops.Resampling(_up(places, reader), _down(places, reader), cast("ops.Padding", padding))


def _up(places: list[Mapping], reader: Reader) -> ops.UpMode | ops.Block:
    """A mode, or a block that doubles the map."""
    node = reader.first(places, "up")
    doubling = {name: kind for name, kind in block_kinds().items() if kind.levels == -1}
    if isinstance(node, Mapping):
        if "block" not in node.entries:
            reader.wrong(node, "`up` is a mode, or a block such as `{block: carafe}`")
        name = reader.word(node.get("block"), "block that upsamples", doubling, "")
        if name:
            return step_reader(places, reader, None).block(doubling[name], node)
        return "nearest"
    word = reader.word(node, "`up` mode", (*ops.UP_MODES, *doubling), "nearest")
    if node is not None and word in doubling:
        return step_reader(places, reader, None).block(doubling[word], Mapping({}, node.span))
    return cast("ops.UpMode", word)


def _down(places: list[Mapping], reader: Reader) -> ops.DownMode | ops.Convolution:
    """A mode, or a convolution of stride 2."""
    node = reader.first(places, "down")
    if isinstance(node, Mapping):
        steps = step_reader(places, reader, None)
        return _halving(steps.completed(node), steps)
    words = (*ops.DOWN_MODES, "conv3x3")
    word = reader.word(node, "`down` mode", words, "max_pool")
    if word == "conv3x3" and isinstance(node, Scalar):
        return _halving(plain_convolution(node), step_reader(places, reader, None))
    return cast("ops.DownMode", word)


def _halving(fields: Mapping, steps: StepReader) -> ops.Convolution:
    """A convolution of stride 2, which keeps the width."""
    for key in ("stride", "width", "padding"):
        if given := fields.get(key):
            steps.reader.wrong(given, f"a `down` convolution says no `{key}`: it halves the map")
    stride = Scalar("2", True, fields.span)
    kept = {k: e for k, e in fields.entries.items() if k not in ("stride", "width", "padding")}
    return steps.convolution(
        Mapping({**kept, "stride": Entry(stride, stride)}, fields.span), "`down`"
    )


def _op(places: list[Mapping], reader: Reader, width: int | None) -> tuple[ops.Step, ...]:
    """The steps of the first place that gives an `op`."""
    for index, place in enumerate(places):
        node = reader.scaled(place.get("op"))
        if node is None:
            continue
        if not _is_one_convolution(node):
            return step_reader(places[index + 1 :], reader, width).steps(node, "`op`")
        break
    fields = _convolution_fields(places, reader)
    return (step_reader(places, reader, width).convolution(fields),)


def _convolution_fields(places: list[Mapping], reader: Reader) -> Mapping:
    """The network's own convolution; places whose `op` is something else say nothing of it."""
    ops_of = ((place, reader.scaled(place.get("op"))) for place in places)
    plain = [place for place, node in ops_of if node is not None and _is_one_convolution(node)]
    return _layered(plain, "op", _short_op, reader)


def _is_one_convolution(node: Node) -> bool:
    """Whether an `op` is a single convolution, whole or in part."""
    match node:
        case Mapping():
            return is_convolution(node)
        case Scalar():
            return node.text in PLAIN_CONVOLUTIONS
        case Sequence():
            return False


def _short_fusion(word: Scalar) -> dict[str, Node]:
    return {"kind": word}


def _short_op(word: Scalar) -> dict[str, Node] | None:
    if word.text not in PLAIN_CONVOLUTIONS:
        return None
    return {key: entry.value for key, entry in plain_convolution(word).entries.items()}


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
            case Scalar():
                complete = short(node)
                if complete is None:
                    break
                below = {name: Entry(node, value) for name, value in complete.items()}
                fields = {**below, **fields}
                if key == "op":
                    break
            case Sequence():
                reader.wrong(node, f"`{key}` is a word or a mapping")
    return Mapping(fields, span or NOWHERE)
