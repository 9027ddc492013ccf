"""Steps of the textual IR: `silu-full3/2*64-norm`, `maxpool3/2`, `c2f(depth=2)`, `*64`, `^1`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from fpncompiler.ir.defaults import Defaults
from fpncompiler.ir.lines import LARGE, SYNTAX, VALUE, Line, Token, whole_number
from fpncompiler.ir.ops import (
    ACTIVATIONS,
    CONV_KINDS,
    DOWN_MODES,
    PADDINGS,
    POOL_KINDS,
    UP_MODES,
    Activate,
    Activation,
    Adapt,
    Block,
    ConvKind,
    Convolution,
    DownMode,
    Downsample,
    Padding,
    Part,
    Pool,
    PoolKind,
    Resample,
    Step,
    UpMode,
    Upsample,
)
from fpncompiler.ir.settings import Settings, read_settings
from fpncompiler.kinds import BlockKind, FusionKind

MAX_WIDTH = 1 << 20
MAX_STEPS = 1000  # of an edge, or of a node
MAX_KERNEL = 99
MAX_JUMP = 30  # levels
STRIDES = (1, 2, 4, 8, 16)
STOPS = ("]", ",", "")

_SIZED = re.compile(r"([a-z]+?)(pool)?([0-9]+)")


@dataclass(frozen=True, slots=True)
class Kinds:
    """The blocks and fusions that a text may name."""

    blocks: Mapping[str, BlockKind]
    fusions: Mapping[str, FusionKind]


def read_steps(line: Line, defaults: Defaults, kinds: Kinds) -> tuple[Step, ...]:
    """The steps up to the end of an edge or of the line."""
    steps: list[Step] = []
    while line.next.text not in STOPS or line.next.sort == "other":
        if len(steps) == MAX_STEPS:
            message, help = f"more than {MAX_STEPS} steps in a row", "put nodes between them"
            line.fault(LARGE, message, line.next.span, help)
        steps.append(read_step(line, defaults, kinds))
    return tuple(steps)


def read_step(line: Line, defaults: Defaults, kinds: Kinds) -> Step:
    """The step that comes next."""
    match line.next.text:
        case "~":
            line.take()
            return Resample()
        case "*":
            return _adapt(line, defaults)
        case "^":
            line.take()
            return _upsample(line, defaults)
        case "@":
            line.take()
            return _block(line, line.name("the name of a block"), defaults, kinds)
        case _:
            return _word(line, line.name("a step"), defaults, kinds)


def _word(line: Line, token: Token, defaults: Defaults, kinds: Kinds) -> Step:
    """A step that begins with a word."""
    sized = _SIZED.fullmatch(token.text)
    name, pool, size = sized.groups() if sized else (token.text, None, "")
    if token.text in ACTIVATIONS and line.next.text != "-":
        return Activate(cast("Activation", token.text))
    if token.text in (*ACTIVATIONS, "norm") or (name in CONV_KINDS and not pool):
        return _convolution(line, token, defaults)
    if name == "v" and sized:
        return _downsample(line, _number(line, token, size, MAX_JUMP), defaults)
    if pool and name in POOL_KINDS:
        return _pool(line, token, cast("PoolKind", name), size)
    return _block(line, token, defaults, kinds)


def _number(line: Line, token: Token, digits: str, high: int) -> int:
    """The number at the end of a word."""
    number = whole_number(digits)
    if number is None or not 1 <= number <= high:
        help = f"write a whole number from 1 to {high}"
        line.sink.error(VALUE, f"`{token.text}` ends in no such size", token.span, help=help)
        return 1
    return number


def _adapt(line: Line, defaults: Defaults) -> Adapt:
    width = _width(line, "an adapter")
    settings = read_settings(line, "an adapter")
    normed = settings.flag("norm", defaults.adapter_norm)
    norm = settings.norm(defaults.norm) if normed else None
    adapt = Adapt(width, norm, settings.flag("bias", defaults.adapter_bias))
    settings.finish()
    return adapt


def _upsample(line: Line, defaults: Defaults) -> Upsample:
    levels = line.whole("the number of levels behind `^`", 1, MAX_JUMP)
    settings = read_settings(line, f"`^{levels}`")
    mode = settings.bare_word(UP_MODES, defaults.up_mode)
    settings.finish()
    return Upsample(cast("UpMode", mode), levels)


def _downsample(line: Line, levels: int, defaults: Defaults) -> Downsample:
    settings = read_settings(line, f"`v{levels}`")
    mode = settings.bare_word(DOWN_MODES, defaults.down_mode)
    padding = settings.word("padding", PADDINGS, defaults.padding)
    settings.finish()
    return Downsample(cast("DownMode", mode), levels, cast("Padding", padding))


def _pool(line: Line, token: Token, kind: PoolKind, size: str) -> Pool:
    kernel = _number(line, token, size, MAX_KERNEL)
    stride = _stride(line)
    if kernel % 2 == 0 and kernel != stride:
        message = f"a pool of stride {stride} cannot have the kernel {kernel}"
        help = "it is odd, or equal to the stride"
        line.sink.error(VALUE, message, token.span, help=help)
    return Pool(kind, kernel, stride)


def read_convolution(line: Line, defaults: Defaults) -> Convolution:
    """A convolution alone."""
    return _convolution(line, line.name("a convolution"), defaults)


def _convolution(line: Line, first: Token, defaults: Defaults) -> Convolution:
    """Its parts in their order, joined by `-`."""
    parts: dict[Part, Token] = {}
    core: _Core | None = None
    token = first
    while True:
        part = _part(line, token)
        if part in parts:
            message, help = f"a convolution has two parts `{part}`", "put a space between two steps"
            line.fault(SYNTAX, message, token.span, help)
        parts[part] = token
        if part == "conv":
            core = _core(line, token)
        if not line.has("-"):
            break
        token = line.name("a part of a convolution")
    if core is None:
        help = "name one, as in `silu-full3*64-norm`"
        line.fault(SYNTAX, "this is a part of a convolution without one", first.span, help)
    return core.completed(parts, defaults)


def _part(line: Line, token: Token) -> Part:
    """What a word is in a convolution."""
    if token.text in ACTIVATIONS:
        return "act"
    if token.text == "norm":
        return "norm"
    sized = _SIZED.fullmatch(token.text)
    if not sized or sized[1] not in CONV_KINDS or sized[2]:
        known = (*ACTIVATIONS, "norm", *(f"{kind}3" for kind in CONV_KINDS))
        line.unknown(token, "part of a convolution", known)
    return "conv"


@dataclass(frozen=True, slots=True)
class _Core:
    """`full3/2*64(bias=true)`, of which the settings depend on what stands around it."""

    kind: ConvKind
    kernel: int
    stride: int
    width: int | None
    settings: Settings

    def completed(self, parts: Mapping[Part, Token], defaults: Defaults) -> Convolution:
        """The whole convolution."""
        settings, order = self.settings, tuple(parts)
        if "act" in parts:
            activation = cast("Activation", parts["act"].text)
        else:
            activation = settings.activation(defaults.unused_activation)
        made = Convolution(
            kind=self.kind,
            kernel=self.kernel,
            order=order,
            activation=activation,
            bias=settings.flag("bias", defaults.bias(order)),
            norm=settings.norm(defaults.norm),
            stride=self.stride,
            width=self.width,
            valid=settings.is_set("valid"),
        )
        settings.finish()
        return made


def _core(line: Line, token: Token) -> _Core:
    sized = _SIZED.fullmatch(token.text)
    assert sized
    kernel = _number(line, token, sized[3], MAX_KERNEL)
    if kernel % 2 == 0:
        message, help = "the kernel of a convolution is even", "it is odd: the map keeps its size"
        line.sink.error(VALUE, message, token.span, help=help)
    stride = _stride(line)
    width = _width(line, "a convolution") if _has_width(line) else None
    settings = read_settings(line, f"`{token.text}`")
    if (valid := settings.given.get("valid")) and stride > 1:
        message, help = "a convolution with a stride has padding", "leave `valid` or the stride out"
        line.sink.error(VALUE, message, valid.span, help=help)
    return _Core(cast("ConvKind", sized[1]), kernel, stride, width, settings)


def _stride(line: Line) -> int:
    if not line.has("/"):
        return 1
    token = line.next
    stride = line.whole("a stride", 1, STRIDES[-1])
    if stride not in STRIDES:
        help = "it is a power of two: one level coarser for each"
        line.sink.error(VALUE, f"`{token.text}` cannot be a stride", token.span, help=help)
        return 1
    return stride


def _has_width(line: Line) -> bool:
    """Whether a width follows; behind a space it would be an adapter's."""
    return line.next.text == "*" and line.touches


def _width(line: Line, what: str) -> int:
    line.expect("*")
    return line.whole(f"the width of {what}", 1, MAX_WIDTH)


def _block(line: Line, token: Token, defaults: Defaults, kinds: Kinds) -> Block:
    kind = kinds.blocks.get(token.text)
    if kind is None:
        words = (*kinds.blocks, *ACTIVATIONS, *_EXAMPLES)
        line.unknown(token, "step", words)
    star = line.next
    width = _width(line, "a block") if _has_width(line) else None
    if width is not None and kind.keeps_width:
        message = f"the block `{kind.name}` keeps the width of what comes"
        help = "leave the width out, or put a space before it: then it is an adapter"
        line.sink.error(VALUE, message, star.span, help=help)
    settings = read_settings(line, f"`{kind.name}`")
    options = settings.options(kind.options)
    style = settings.style(defaults) if kind.styled else None
    settings.finish()
    return Block(kind.name, width, options, style, kind.levels)


_EXAMPLES = (*(f"{kind}{n}" for kind in CONV_KINDS for n in (1, 3)), "maxpool3", "avgpool3", "v1")
