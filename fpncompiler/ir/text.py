"""A graph as text, one line a node: what pass tests are written in and `fpnc opt` reads.

    graph bifpn
      p6_in = input 6 width 64
      p6_td = fuse 6 width 64 fast_normalized [p6_in, p7_in ^1] > silu-separable3*64-norm
    outputs p3=p3_td p4=p4_out

On an edge `^1` is one level up in resolution, `v1` one down, `*64` an adapter to 64 channels; what
a node does after its fusion follows `>`. Settings stand in brackets behind what they belong to, and
are left out where they are those of `with`, or the defaults of `Defaults`. `docs/ir.md` has all.
"""

import re
from collections.abc import Iterable, Iterator
from typing import assert_never

from fpncompiler.ir.defaults import (
    Defaults,
    common_defaults,
    taken_by_fusion,
    taken_by_unary,
)
from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import (
    Activate,
    Adapt,
    Adapting,
    Block,
    Convolution,
    Downsample,
    Fuse,
    Fusion,
    Input,
    Norm,
    Op,
    Pool,
    Resample,
    Resampling,
    Step,
    Styled,
    Unary,
    Upsample,
    is_adapter,
)
from fpncompiler.kinds import Value

# Blocks of plug-ins whose names read as other steps are written `@v2`.
MISTAKABLE = re.compile(r"v\d+|(?:max|avg)pool\d+|(?:separable|full|depthwise)\d+|norm")


def print_all(items: Iterable[Graph | Network]) -> str:
    """Graphs and networks one after another, with an empty line between them."""
    return "\n".join(print_item(item) for item in items)


def print_item(item: Graph | Network) -> str:
    """A graph or a network, the same text for equal ones."""
    return print_graph(item) if isinstance(item, Graph) else print_network(item)


def print_network(network: Network) -> str:
    """A network: its taps and outputs, then its graphs."""
    taps = " ".join(f"c{level}={width}" for level, width in sorted(network.taps.items()))
    outputs = " ".join(f"p{level}" for level in network.outputs)
    head = f"network {network.name}\n  taps {taps}\noutputs {outputs}\n"
    layers = (f"layer x{layer.repeats} {print_graph(layer.graph)}" for layer in network.layers)
    return "\n".join([head, f"extra {print_graph(network.extra)}", *layers])


def print_graph(graph: Graph) -> str:
    """The graph as text, the same for equal graphs.

    Raises:
        ValueError: the graph has a cycle.
    """
    defaults = common_defaults(graph)
    lines = [f"graph {graph.name}"]
    if settings := " ".join(_deviations(defaults)):
        lines.append(f"  with {settings}")
    lines += (f"  {_node(graph, node, defaults)}" for node in graph.order())
    outputs = " ".join(f"p{level}={node}" for level, node in sorted(graph.outputs.items()))
    return "\n".join([*lines, f"outputs {outputs}".rstrip(), ""])


def _deviations(defaults: Defaults) -> Iterator[str]:
    """Where a graph's settings differ from those of all graphs."""
    plain = Defaults()
    if defaults.activation != plain.activation:
        yield f"activation={defaults.activation}"
    if defaults.unused_activation != defaults.activation:
        yield f"unused_activation={defaults.unused_activation}"
    yield from _norm(defaults.norm, plain.norm)
    if defaults.redundant_bias != plain.redundant_bias:
        yield f"redundant_bias={_value(defaults.redundant_bias)}"
    yield from _resampling(defaults.resampling, plain.resampling, defaults)
    yield from _adapting(defaults.adapting, plain.adapting, defaults.norm)


def _node(graph: Graph, node: str, defaults: Defaults) -> str:
    op = graph.op(node)
    inputs = ", ".join(_edge(edge, defaults) for edge in graph.inputs(node))
    line = f"{node} = {' '.join(_words(op, defaults))}" + (f" [{inputs}]" if inputs else "")
    steps = () if isinstance(op, Input) else op.steps
    return f"{line} > {_steps(steps, defaults)}" if steps else line


def _words(op: Op, defaults: Defaults) -> Iterator[str]:
    """What a node is, up to its inputs."""
    width = f"width {op.width or '?'}"
    match op:
        case Input():
            yield f"{'input' if op.source == 'in' else 'backbone'} {op.level} {width}"
        case Fuse():
            yield f"fuse {op.level} {width} {_fusion(op.fusion, defaults)}"
            yield from _taken(op.fuse_width, taken_by_fusion(op.fusion, op.width))
            yield from (name for name, given in (("keep", op.keep), ("nested", op.nested)) if given)
            yield from _common_words(op, defaults)
        case Unary() if is_adapter(op):
            yield f"adapter {op.level} {width}"
        case Unary():
            yield f"unary {op.level} {width}"
            yield from _taken(op.fuse_width, taken_by_unary(op.steps, op.width))
            yield from _common_words(op, defaults)
        case _:
            assert_never(op)


def _taken(width: int | None, usual: int | None) -> Iterator[str]:
    if width != usual:
        yield f"takes={'any' if width is None else width}"


def _common_words(op: Fuse | Unary, defaults: Defaults) -> Iterator[str]:
    if op.share:
        yield f"share={op.share}"
    yield from _resampling(op.resampling, defaults.resampling, defaults)
    yield from _adapting(op.adapting, defaults.adapting, defaults.norm)


def _resampling(how: Resampling, usual: Resampling, defaults: Defaults) -> Iterator[str]:
    if how.up != usual.up:
        yield f"up={_block(how.up, defaults) if isinstance(how.up, Block) else how.up}"
    if how.down != usual.down:
        down = how.down if isinstance(how.down, str) else _convolution(how.down, defaults)
        yield f"down={down}"
    if how.padding != usual.padding:
        yield f"padding={how.padding}"


def _adapting(how: Adapting, usual: Adapting, norm: Norm) -> Iterator[str]:
    """Where adapters differ; those with a norm have the graph's, unless they say another."""
    settings = [*_adapter(how.norm, how.bias, usual, norm)]
    settings += [f"sharing={how.sharing}"] if how.sharing != usual.sharing else []
    if settings:
        yield f"adapters{_bracketed(settings)}"


def _adapter(norm: Norm | None, bias: bool, usual: Adapting, usual_norm: Norm) -> Iterator[str]:
    if (norm is None) != (usual.norm is None):
        yield f"norm={_value(norm is not None)}"
    if bias != usual.bias:
        yield f"bias={_value(bias)}"
    if norm is not None:
        yield from _norm(norm, usual_norm)


def _fusion(fusion: Fusion, defaults: Defaults) -> str:
    granularity = "" if fusion.granularity == "scalar" else f"/{fusion.granularity}"
    settings = [*_options(fusion.options), *_style(fusion.style, defaults)]
    settings += [f"eps={fusion.eps!r}"] if fusion.eps != Fusion().eps else []
    settings += ["fixed"] if fusion.fixed else []
    return f"{fusion.kind}{granularity}{_bracketed(settings)}"


def _options(options: tuple[tuple[str, Value], ...]) -> Iterator[str]:
    return (f"{name}={_value(value)}" for name, value in options)


def _style(style: Styled | None, defaults: Defaults) -> Iterator[str]:
    if style is None:
        return
    if style.activation != defaults.activation:
        yield f"activation={style.activation}"
    yield from _norm(style.norm, defaults.norm)
    if style.folded:
        yield "folded"


def _norm(norm: Norm, usual: Norm) -> Iterator[str]:
    if norm.eps != usual.eps:
        yield f"eps={norm.eps!r}"
    if norm.momentum != usual.momentum:
        yield f"momentum={norm.momentum!r}"


def _bracketed(settings: list[str]) -> str:
    return f"({', '.join(settings)})" if settings else ""


def _value(value: Value) -> str:
    """A value that reads back as itself: `true`, `0.5`, `max`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _edge(edge: Edge, defaults: Defaults) -> str:
    return f"{edge.source} {_steps(edge.via, defaults)}".rstrip()


def _steps(steps: tuple[Step, ...], defaults: Defaults) -> str:
    return " ".join(step_text(step, defaults) for step in steps)


def fusion_text(fusion: Fusion) -> str:
    """A fusion with what differs from the defaults of all graphs."""
    return _fusion(fusion, Defaults())


def step_text(step: Step, defaults: Defaults | None = None) -> str:
    """One step in a word, with what differs from the defaults."""
    defaults = defaults or Defaults()
    match step:
        case Adapt():
            norm = _adapter(step.norm, step.bias, defaults.adapting, defaults.norm)
            return f"*{step.width}{_bracketed([*norm])}"
        case Upsample():
            return f"^{step.levels}{_bracketed([step.mode] * (step.mode != defaults.up_mode))}"
        case Downsample():
            settings: list[str] = [step.mode] if step.mode != defaults.down_mode else []
            settings += [f"padding={step.padding}"] if step.padding != defaults.padding else []
            return f"v{step.levels}{_bracketed(settings)}"
        case Convolution():
            return _convolution(step, defaults)
        case Pool():
            return f"{step.kind}pool{step.kernel}/{step.stride}"
        case Activate():
            return step.activation
        case Block():
            return _block(step, defaults)
        case Resample():
            return "~"
        case _:
            assert_never(step)


def _convolution(conv: Convolution, defaults: Defaults) -> str:
    stride = f"/{conv.stride}" if conv.stride > 1 else ""
    width = "" if conv.width is None else f"*{conv.width}"
    settings = ["valid"] if conv.valid else []
    if conv.bias != defaults.bias(conv.order):
        settings.append(f"bias={_value(conv.bias)}")
    if "act" not in conv.order and conv.activation != defaults.unused_activation:
        settings.append(f"activation={conv.activation}")
    settings += _norm(conv.norm, defaults.norm)
    words = {
        "act": conv.activation,
        "conv": f"{conv.kind}{conv.kernel}{stride}{width}{_bracketed(settings)}",
        "norm": "norm",
    }
    return "-".join(words[part] for part in conv.order)


def _block(block: Block, defaults: Defaults) -> str:
    name = f"@{block.kind}" if MISTAKABLE.fullmatch(block.kind) else block.kind
    width = "" if block.width is None else f"*{block.width}"
    settings = [*_options(block.options), *_style(block.style, defaults)]
    return f"{name}{width}{_bracketed(settings)}"
