"""Lines of the textual IR that describe nodes, and the settings that hold for all of them.

with activation=relu up=bilinear adapters(bias=false)
p6_td = fuse 6 width 64 sum keep [p6_in, p7_in ^1] > relu-full3*64-norm
"""

from dataclasses import dataclass, replace
from typing import cast

from fpncompiler.ir.defaults import Defaults, taken_by_fusion, taken_by_unary
from fpncompiler.ir.lines import LARGE, VALUE, Line, Token
from fpncompiler.ir.ops import (
    ACTIVATIONS,
    DOWN_MODES,
    GRANULARITIES,
    PADDINGS,
    PLAIN_FUSIONS,
    SHARINGS,
    UP_MODES,
    WEIGHTED_FUSIONS,
    Activation,
    Adapt,
    Adapting,
    Block,
    Convolution,
    DownMode,
    Fuse,
    Fusion,
    Granularity,
    Input,
    Norm,
    Op,
    Padding,
    Sharing,
    Step,
    Unary,
    UpMode,
    adapter_node,
    entry_level,
    step_levels,
)
from fpncompiler.ir.settings import LEAVE_ONE, TWICE, read_settings
from fpncompiler.ir.step_words import (
    MAX_WIDTH,
    Kinds,
    read_convolution,
    read_step,
    read_steps,
)

MAX_LEVEL = 30
MAX_INPUTS = 256
FLAGS = ("true", "false")
# Nodes by their sort.
NODE_FORMS = {
    "input": "p4_in = input 4 width 64",
    "backbone": "c4 = backbone 4 width 112",
    "fuse": "p4_td = fuse 4 width 64 sum [p4_in, p5_td ^1] > silu-full3*64-norm",
    "unary": "p6 = unary 6 width 64 [c5 *64 v1]",
    "adapter": "p5_in_to_64 = adapter 5 width 64 [p5_in] > *64",
}
POLICY_WORDS = ("up", "down", "padding", "adapters")
STYLE_WORDS = ("activation", "unused_activation", "eps", "momentum", "redundant_bias")
DEFAULT_WORDS = (*STYLE_WORDS, *POLICY_WORDS)


@dataclass(frozen=True, slots=True)
class EdgeText:
    """What a node reads: the name, and what happens on the way."""

    source: Token
    via: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class NodeText:
    """A node as its line has it."""

    name: Token
    op: Op
    edges: tuple[EdgeText, ...]


def read_defaults(line: Line, defaults: Defaults, kinds: Kinds) -> Defaults:
    """What stands behind `with`, each setting over those to its left."""
    seen: set[str] = set()
    while line.next.sort != "end":
        token = line.name("a setting")
        _refuse_second(line, token, seen)
        defaults = _with(line, token, defaults, kinds)
    return defaults


def _with(line: Line, token: Token, defaults: Defaults, kinds: Kinds) -> Defaults:
    match token.text:
        case "activation":
            line.expect("=")
            word = cast("Activation", line.word("activation", ACTIVATIONS))
            return replace(defaults, activation=word, unused_activation=word)
        case "unused_activation":
            line.expect("=")
            word = cast("Activation", line.word("activation", ACTIVATIONS))
            return replace(defaults, unused_activation=word)
        case "eps":
            return replace(defaults, norm=Norm(_fraction(line, token), defaults.norm.momentum))
        case "momentum":
            return replace(defaults, norm=Norm(defaults.norm.eps, _fraction(line, token)))
        case "redundant_bias":
            line.expect("=")
            return replace(defaults, redundant_bias=line.word("flag", FLAGS) == "true")
        case "up":
            return replace(defaults, up=_up(line, defaults, kinds))
        case "down":
            return replace(defaults, down=_down(line, defaults))
        case "padding":
            return replace(defaults, padding=_padding(line))
        case "adapters":
            how = _adapting(line, defaults.adapting, defaults.norm, has_constants=False)
            return replace(
                defaults,
                adapter_norm=how.norm is not None,
                adapter_bias=how.bias,
                sharing=how.sharing,
            )
        case _:
            return line.unknown(token, "setting of a graph", DEFAULT_WORDS)


def _refuse_second(line: Line, token: Token, seen: set[str]) -> None:
    if token.text in seen:
        line.sink.error(TWICE, f"`{token.text}` is said twice", token.span, help=LEAVE_ONE)
    seen.add(token.text)


def _fraction(line: Line, token: Token) -> float:
    line.expect("=")
    value, span = line.value("a number")
    if isinstance(value, bool | str) or not 0 <= value <= 1:
        message = f"`{token.text}` cannot be `{line.sink.text_at(span)}`"
        line.sink.error(VALUE, message, span, help="it is a number from 0 to 1")
        return 0.0
    return value


def _up(line: Line, defaults: Defaults, kinds: Kinds) -> UpMode | Block:
    line.expect("=")
    token = line.next
    if token.text in UP_MODES:
        return cast("UpMode", line.take().text)
    if token.text != "@" and token.text not in kinds.blocks:
        doubling = (name for name, kind in kinds.blocks.items() if kind.levels == -1)
        line.unknown(line.name("a way up"), "way up", (*UP_MODES, *doubling))
    step = read_step(line, defaults, kinds)
    if not isinstance(step, Block) or step_levels(step) != -1:
        help = f"write {' or '.join(f'`{mode}`' for mode in UP_MODES)}, or a block that does"
        message = f"`{line.sink.text_at(token.span)}` does not double a map"
        line.sink.error(VALUE, message, token.span, help=help)
        return "nearest"
    return step


def _down(line: Line, defaults: Defaults) -> DownMode | Convolution:
    line.expect("=")
    token = line.next
    if token.text in DOWN_MODES:
        return cast("DownMode", line.take().text)
    step = read_convolution(line, defaults)
    if step_levels(step) != 1 or step.width is not None:
        message, help = "the convolution does not halve maps", "it has a stride of 2, and no width"
        line.sink.error(VALUE, message, token.span, help=help)
        return "max_pool"
    return step


def _padding(line: Line) -> Padding:
    line.expect("=")
    return cast("Padding", line.word("padding", PADDINGS))


def _adapting(line: Line, usual: Adapting, norm: Norm, *, has_constants: bool) -> Adapting:
    settings = read_settings(line, "`adapters`")
    normed = settings.flag("norm", usual.norm is not None)
    constants = settings.norm(norm) if has_constants and normed else norm
    bias = settings.flag("bias", usual.bias)
    sharing = settings.word("sharing", SHARINGS, usual.sharing)
    settings.finish()
    return Adapting(constants if normed else None, bias, cast("Sharing", sharing))


def read_node(line: Line, defaults: Defaults, kinds: Kinds) -> NodeText:
    """The line of a node."""
    line.form = NODE_FORMS["fuse"]
    name = line.name("a node")
    line.expect("=")
    sort = line.word("sort of node", NODE_FORMS)
    line.form = NODE_FORMS[sort]
    level = line.whole("the level of a node", 0, MAX_LEVEL)
    line.expect("width")
    width = 0 if line.has("?") else line.whole("the width of a node", 1, MAX_WIDTH)
    if sort in ("input", "backbone"):
        line.end()
        return NodeText(name, Input(level, width, "in" if sort == "input" else "backbone"), ())
    fusion = _fusion(line, defaults, kinds) if sort == "fuse" else None
    traits = _Traits(defaults)
    if sort != "adapter":
        traits.read(line, kinds, fuses=fusion is not None)
    edges = _edges(line, defaults, kinds)
    steps = read_steps(line, defaults, kinds) if line.has(">") else ()
    line.end()
    op = _op(line, name, sort, level, width, fusion, steps, traits)
    return NodeText(name, op, edges)


def _op(
    line: Line,
    name: Token,
    sort: str,
    level: int,
    width: int,
    fusion: Fusion | None,
    steps: tuple[Step, ...],
    traits: "_Traits",
) -> Op:
    op: Fuse | Unary
    if sort == "adapter":
        if len(steps) != 1 or not isinstance(steps[0], Adapt) or steps[0].width != width:
            help = f"call it `unary`; an adapter has one step, `> *{width}`"
            line.fault(VALUE, f"`{name.text}` is no adapter", name.span, help)
        return adapter_node(level, steps[0])
    if fusion is not None:
        taken = taken_by_fusion(fusion, width) if traits.takes is None else traits.takes or None
        op = Fuse(
            level,
            width,
            fusion,
            steps,
            traits.policies.resampling,
            traits.adapting,
            fuse_width=taken,
            keep=traits.keep,
            share=traits.share,
            nested=traits.nested,
        )
    else:
        taken = taken_by_unary(steps, width) if traits.takes is None else traits.takes or None
        how = traits.policies.resampling
        op = Unary(level, width, steps, how, traits.adapting, fuse_width=taken, share=traits.share)
    if entry_level(op) < 0:
        message = f"the steps of `{name.text}` start from level {entry_level(op)}"
        line.sink.error(VALUE, message, name.span, help="there is none below 0")
    return op


def _fusion(line: Line, defaults: Defaults, kinds: Kinds) -> Fusion:
    kind = line.word("fusion", (*PLAIN_FUSIONS, *WEIGHTED_FUSIONS, *kinds.fusions))
    weighs = kind in WEIGHTED_FUSIONS
    granularity = "scalar"
    if weighs and line.has("/"):
        granularity = line.word("granularity", GRANULARITIES)
    settings = read_settings(line, f"`{kind}`")
    if weighs:
        eps = settings.number("eps", 0, 1, Fusion().eps)
        fixed = settings.is_set("fixed")
        fusion = Fusion(kind, cast("Granularity", granularity), eps, fixed=fixed)
    elif kind in kinds.fusions:
        known = kinds.fusions[kind]
        options = settings.options(known.options)
        style = settings.style(defaults) if known.styled else None
        fusion = Fusion(kind, options=options, style=style)
    else:
        fusion = Fusion(kind)
    settings.finish()
    return fusion


class _Traits:
    """What stands between a node's width and its inputs.

    `takes` is 0 for any width, and None where it is not said.
    """

    def __init__(self, defaults: Defaults) -> None:
        self.defaults = self.policies = defaults
        self.adapting = defaults.adapting
        self.keep = self.nested = False
        self.share = ""
        self.takes: int | None = None

    def read(self, line: Line, kinds: Kinds, *, fuses: bool) -> None:
        """Read all of them, in any order."""
        seen: set[str] = set()
        while line.next.sort == "name":
            token = line.take()
            _refuse_second(line, token, seen)
            self._read(line, token, kinds, fuses=fuses)

    def _read(self, line: Line, token: Token, kinds: Kinds, *, fuses: bool) -> None:
        match token.text:
            case "keep" if fuses:
                self.keep = True
            case "nested" if fuses:
                self.nested = True
            case "takes":
                line.expect("=")
                any_width = line.has("any")
                self.takes = 0 if any_width else line.whole("a width, or `any`,", 1, MAX_WIDTH)
            case "share":
                line.expect("=")
                self.share = line.name("a name").text
            case "up":
                self.policies = replace(self.policies, up=_up(line, self.defaults, kinds))
            case "down":
                self.policies = replace(self.policies, down=_down(line, self.defaults))
            case "padding":
                self.policies = replace(self.policies, padding=_padding(line))
            case "adapters":
                norm = self.defaults.norm
                self.adapting = _adapting(line, self.adapting, norm, has_constants=True)
            case _:
                own = ("keep", "nested") if fuses else ()
                known = (*own, "share", "takes", *POLICY_WORDS)
                line.unknown(token, "setting of a node", known)


def _edges(line: Line, defaults: Defaults, kinds: Kinds) -> tuple[EdgeText, ...]:
    if not line.has("["):
        return ()
    edges: list[EdgeText] = []
    while not line.has("]"):
        if edges:
            line.expect(",")
        source = line.name("a node that is read")
        edges.append(EdgeText(source, read_steps(line, defaults, kinds)))
        if len(edges) > MAX_INPUTS:
            message = f"a node reads more than {MAX_INPUTS} maps"
            line.fault(LARGE, message, source.span, "fuse some of them in a node before it")
    return tuple(edges)
