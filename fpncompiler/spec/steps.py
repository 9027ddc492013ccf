"""Steps: what runs after a fusion (`op`), or on an edge (`via`), one or a list of them.

    conv3x3   relu   c2f   {conv: full, kernel: 3, stride: 2}   {pool: max, kernel: 2, stride: 2}
    {block: c2f, depth: 3}   {up: bilinear, levels: 1}   resample

A convolution takes what it does not say from the network's `op`, where that is a convolution.
"""

import re
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import cast

from fpncompiler.diagnostics import nearest
from fpncompiler.ir import ops
from fpncompiler.kinds import Value
from fpncompiler.plugins import BlockKind, Option, block_kinds
from fpncompiler.spec.habits import WORDS, suggested
from fpncompiler.spec.reading import Reader
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence

OP_KEYS = ("conv", "kernel", "order", "activation", "bias", "stride", "width", "padding")
INHERITED_KEYS = ("conv", "kernel", "order", "activation", "bias")
OTHER_SORTS = ("block", "pool", "up", "down")  # what tells a step that is no convolution
POOL_KEYS = ("pool", "kernel", "stride")
MAX_KERNEL = 15
MAX_STRIDE = 16
MAX_STEPS = 16
MAX_WIDTH = 8192
STRIDES = (1, 2, 4, 8, 16)

# Short forms: one plain convolution with bias, nothing before or after it.
PLAIN_CONVOLUTIONS = {"conv1x1": 1, "conv3x3": 3}


@dataclass(frozen=True, slots=True)
class StepReader:
    """Reads steps of one node.

    `base` is the network's own convolution, which completes others. `width` is what convolutions
    and blocks lead to where they do not say it, None if they keep what comes.
    """

    reader: Reader
    base: Mapping
    activation: ops.Activation
    norm: ops.Norm
    redundant_bias: bool
    width: int | None

    def steps(self, node: Node | None, what: str, *, on_edge: bool = False) -> tuple[ops.Step, ...]:
        """The steps of a list, or of a single one; `none` is no step at all."""
        if node is None or (isinstance(node, Scalar) and node.text == "none"):
            return ()
        if isinstance(node, Scalar) and node.text in _NOTHING:
            self._refuse_nothing(node, what)
            return ()
        items = node.items if isinstance(node, Sequence) else (node,)
        if len(items) > MAX_STEPS:
            self.reader.wrong(node, f"{what} has {MAX_STEPS} steps at most")
        read = [self.step(item, what, on_edge=on_edge) for item in items[:MAX_STEPS]]
        if read.count(ops.Resample()) > 1:
            self.reader.wrong(node, "`resample` is the place of one resampling, and stands once")
        return tuple(step for step in read if step)

    def step(self, node: Node, what: str, *, on_edge: bool) -> ops.Step | None:
        """One step; None, with a fault recorded, if it is none."""
        match node:
            case Scalar():
                return self._word(node, what, on_edge=on_edge)
            case Mapping():
                return self._mapping(node, what, on_edge=on_edge)
            case Sequence():
                self.reader.wrong(node, f"a step of {what} is a word or a mapping")
                return None

    def convolution(self, fields: Mapping, what: str = "`op`") -> ops.Convolution:
        """A convolution out of complete fields."""
        reader = self.reader
        keys = OP_KEYS if what == "`down`" else (*OP_KEYS, *OTHER_SORTS)
        unknown = {key: entry for key, entry in fields.entries.items() if key not in keys}
        other = {key: e for key, e in unknown.items() if nearest(key, keys) in OTHER_SORTS}
        if other:  # all that it says is of another sort of step
            reader.mapping(Mapping(other, fields.span), what, keys)
            fields = Mapping({}, fields.span)
        reader.mapping(fields, what, keys)
        order = self._order(fields.get("order"))
        normed = "norm" in order[order.index("conv") :]
        kernel = reader.integer(fields.get("kernel"), f"{what[:-1]}.kernel`", 1, MAX_KERNEL, 3)
        if kernel % 2 == 0 and (given := fields.get("kernel")):
            reader.wrong(given, f"{what[:-1]}.kernel` is odd, so that the map keeps its size")
        kind = self._kind(fields)
        padding = reader.word(fields.get("padding"), "padding of a convolution", _PADDINGS, "same")
        activation = fields.get("activation")
        act = reader.word(activation, "activation", ops.ACTIVATIONS, self.activation)
        bias = reader.flag(
            fields.get("bias"), f"{what[:-1]}.bias`", self.redundant_bias or not normed
        )
        stride = self._stride(fields.get("stride"), what)
        valid = padding == "none" and kernel > 1
        if valid and stride > 1 and (given := fields.get("padding")):
            reader.wrong(given, "a convolution with a stride has padding")
        return ops.Convolution(
            kind=cast("ops.ConvKind", kind),
            kernel=kernel,
            order=order,
            activation=cast("ops.Activation", act),
            bias=bias,
            norm=self.norm,
            stride=stride,
            width=self._width(fields, "a depthwise convolution" if kind == "depthwise" else ""),
            valid=valid,
        )

    def completed(self, fields: Mapping) -> Mapping:
        """The fields of a convolution over those of the network's own."""
        inherited = {k: e for k, e in self.base.entries.items() if k in INHERITED_KEYS}
        return Mapping({**inherited, **fields.entries}, fields.span)

    def block(self, kind: BlockKind, fields: Mapping) -> ops.Block:
        """A block with its options."""
        keys = ("block", "width", *kind.options, *(("activation",) if kind.styled else ()))
        self.reader.mapping(fields, f"the block `{kind.name}`", keys)
        activation = self.reader.word(
            fields.get("activation"), "activation", ops.ACTIVATIONS, self.activation
        )
        style = ops.Styled(cast("ops.Activation", activation), self.norm) if kind.styled else None
        return ops.Block(
            kind=kind.name,
            width=self._width(fields, f"the block `{kind.name}`" if kind.keeps_width else ""),
            options=read_options(fields, kind.options, kind.name, self.reader),
            style=style,
            levels=kind.levels,
        )

    def _word(self, node: Scalar, what: str, *, on_edge: bool) -> ops.Step | None:
        kinds = block_kinds()
        if node.text in PLAIN_CONVOLUTIONS:
            return self.convolution(plain_convolution(node), what)
        if node.text in ops.ACTIVATIONS:
            return ops.Activate(cast("ops.Activation", node.text))
        if node.text in kinds:
            return self.block(kinds[node.text], Mapping({}, node.span))
        if on_edge and node.text == "resample":
            return ops.Resample()
        words = (*PLAIN_CONVOLUTIONS, *ops.ACTIVATIONS, *kinds, *(("resample",) * on_edge))
        help, fix = suggested(node, words, WORDS)
        if node.text.lower() in _HELP_FOR:
            help, fix = _HELP_FOR[node.text.lower()], None
        message = f"`{node.text}` is no step of {what}"
        if not self._refuse_size(node, message):
            self.reader.sink.error("F207", message, node.span, help=help or _HELP, fix=fix)
        return None

    def _refuse_nothing(self, node: Scalar, what: str) -> None:
        """Record that no step at all is not written as other tools write it."""
        message = f"`{node.text}` is no step of {what}"
        fix = self.reader.rewrite(node, "none", safe=node.text == "None") if node.text else None
        help = "for no step at all write `none`"
        self.reader.sink.error("F207", message, node.span, help=help, fix=fix)

    def _refuse_size(self, node: Scalar, message: str) -> bool:
        """Whether a word is a convolution by its size, such as `conv5x5`; records it."""
        found = _SIZE.fullmatch(node.text)
        if found is None or int(found[1]) > MAX_KERNEL:
            return False
        new = f"{{conv: full, kernel: {found[1]}, order: [conv]}}"
        if int(found[1]) in PLAIN_CONVOLUTIONS.values():
            new = f"conv{found[1]}x{found[1]}"
        fix = self.reader.rewrite(node, new)
        self.reader.sink.error("F207", message, node.span, help=f"write `{new}`", fix=fix)
        return True

    def _kind(self, fields: Mapping) -> str:
        """The kind of a convolution, which is no place for its size."""
        node = fields.get("conv")
        found = _SIZE.fullmatch(node.text) if isinstance(node, Scalar) else None
        if found is None or not isinstance(node, Scalar) or int(found[1]) > MAX_KERNEL:
            return self.reader.word(node, "convolution", ops.CONV_KINDS, "separable")
        message = f"`{node.text}` is no convolution"
        new = f"full, kernel: {found[1]}"
        help = f"write `{{conv: {new}}}`"
        kernel = fields.entries.get("kernel")
        is_whole = kernel is None or kernel.key.span.line != node.span.line
        is_flow = self.reader.sink.text_at(fields.span)[-1:] == "}"
        fix = self.reader.rewrite(node, new) if is_flow and is_whole else None
        self.reader.sink.error("F207", message, node.span, help=help, fix=fix)
        return "full"

    def _mapping(self, node: Mapping, what: str, *, on_edge: bool) -> ops.Step | None:
        reader = self.reader
        if "block" in node.entries:
            kinds = block_kinds()
            name = reader.word(node.get("block"), "block", sorted(kinds), "")
            return self.block(kinds[name], node) if name else None
        if "pool" in node.entries:
            return self._pool(node)
        if "up" in node.entries:
            reader.mapping(node, "a step", ("up", "levels"))
            mode = reader.word(node.get("up"), "`up` mode", ops.UP_MODES, "nearest")
            return ops.Upsample(cast("ops.UpMode", mode), self._levels(node))
        if "down" in node.entries:
            reader.mapping(node, "a step", ("down", "levels", "padding"))
            mode = reader.word(node.get("down"), "`down` mode", ops.DOWN_MODES, "max_pool")
            padding = reader.word(node.get("padding"), "padding", ops.PADDINGS, "same")
            return ops.Downsample(
                cast("ops.DownMode", mode), self._levels(node), cast("ops.Padding", padding)
            )
        return self.convolution(self.completed(node), what)

    def _pool(self, node: Mapping) -> ops.Pool:
        reader = self.reader
        reader.mapping(node, "a pool", POOL_KEYS)
        kind = reader.word(node.get("pool"), "pool", ops.POOL_KINDS, "max")
        stride = self._stride(node.get("stride"), "a pool")
        given = node.get("kernel")
        kernel = reader.integer(given, "`kernel`", 1, MAX_KERNEL, stride + 1 if stride > 1 else 3)
        if kernel % 2 == 0 and kernel != stride and given:
            reader.wrong(given, "the kernel of a pool is odd, or equal to its stride")
        return ops.Pool(cast("ops.PoolKind", kind), kernel, stride)

    def _levels(self, node: Mapping) -> int:
        return self.reader.integer(node.get("levels"), "`levels`", 1, 12, 1)

    def _stride(self, node: Node | None, what: str) -> int:
        stride = self.reader.integer(node, "`stride`", 1, MAX_STRIDE, 1)
        if stride not in STRIDES and node:
            self.reader.wrong(node, f"the stride of {what} is a power of two, one for each level")
            return 1
        return stride

    def _width(self, fields: Mapping, keeper: str) -> int | None:
        """What a step leads to; `keeper` names one that keeps the width of what comes."""
        node = fields.get("width")
        if keeper:
            if node:
                self.reader.wrong(node, f"{keeper} keeps the width of what comes")
            return None
        if node is None:
            return self.width
        return self.reader.integer(node, "`width`", 1, MAX_WIDTH)

    def _part(self, item: Node) -> str:
        """`act`, `conv` or `norm`; empty if it is none of them."""
        if isinstance(item, Scalar) and item.text in ops.ACTIVATIONS:
            message, help = (
                f"`{item.text}` is no step",
                f"write `act`, and `activation: {item.text}`",
            )
            fix = self.reader.rewrite(item, "act")
            self.reader.sink.error("F207", message, item.span, help=help, fix=fix)
            return ""
        return self.reader.word(item, "step", ops.PARTS, "")

    def _order(self, node: Node | None) -> tuple[ops.Part, ...]:
        if node is None:
            return ("act", "conv", "norm")
        items = self.reader.items(node, "`op.order`")
        parts = tuple(self._part(item) for item in items)
        if "" in parts:
            return ("act", "conv", "norm")
        if len(set(parts)) != len(parts) or "conv" not in parts:
            message = "`op.order` has `conv` once, and `act` and `norm` at most once"
            self.reader.wrong(node, message)
            return ("act", "conv", "norm")
        return cast("tuple[ops.Part, ...]", parts)


_PADDINGS = ("same", "none")
_HELP = "a step is a word such as `conv3x3` or `relu`, a block, or `{conv: full, kernel: 3}`"
_NOTHING = ("", "None", "NONE", "null", "Null", "NULL", "~", "no", "false")
_SIZE = re.compile(r"(?:conv)?([13579]|1[135])(?:\s*x\s*\1)?")
_NORM = "a norm belongs to a convolution: `{conv: full, order: [conv, norm, act]}`"
_HELP_FOR = {
    "batch_norm": _NORM,
    "batchnorm": _NORM,
    "batchnorm2d": _NORM,
    "bn": _NORM,
    "norm": _NORM,
    "none": "`none` stands alone, for no step at all",
    "resample": "`resample` has a place in `via` alone, on an edge",
}


def plain_convolution(word: Scalar) -> Mapping:
    """The fields that `conv1x1` or `conv3x3` stands for."""

    def scalar(text: str) -> Scalar:
        return Scalar(text, True, word.span)

    fields: dict[str, Node] = {
        "conv": scalar("full"),
        "kernel": scalar(str(PLAIN_CONVOLUTIONS[word.text])),
        "order": Sequence((scalar("conv"),), word.span),
        "bias": scalar("true"),
    }
    return Mapping({name: Entry(word, value) for name, value in fields.items()}, word.span)


def is_convolution(node: Mapping) -> bool:
    """Whether a step's mapping is a convolution, complete or not."""
    return not set(OTHER_SORTS) & set(node.entries)


def read_options(
    fields: Mapping, options: Map[str, Option], what: str, reader: Reader
) -> tuple[tuple[str, Value], ...]:
    """The options of a block or of a fusion, in the order of its declaration."""
    return tuple(
        (name, _option(fields.get(name), f"`{what}.{name}`", option, reader))
        for name, option in options.items()
    )


def _option(node: Node | None, what: str, option: Option, reader: Reader) -> Value:
    default = option.default
    if isinstance(default, bool):
        return reader.flag(node, what, default)
    if isinstance(default, str):
        return reader.word(node, what.strip("`"), option.choices, default)
    if isinstance(default, int):
        return reader.integer(node, what, int(option.low), int(option.high), default)
    return reader.number(node, what, option.low, option.high, default)
