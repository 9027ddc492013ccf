"""A graph as text, one line a node: what pass tests are written in and crash reports show.

    graph bifpn
      p6_in = input 6 width 64
      p6_td = fuse 6 width 64 fast_normalized [p6_in, p7_in ^1] > act conv norm
    outputs p3=p3_td p4=p4_out

On an edge `^1` is one level up in resolution, `v1` one down, `*64` an adapter to 64 channels; what
a node does after its fusion follows `>`.
"""

from typing import assert_never

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import (
    Activate,
    Adapt,
    Block,
    Convolution,
    Downsample,
    Fuse,
    Fusion,
    Input,
    Op,
    Pool,
    Resample,
    Step,
    Unary,
    Upsample,
)
from fpncompiler.kinds import Value


def print_graph(graph: Graph) -> str:
    """The graph as text, the same for equal graphs."""
    lines = [f"graph {graph.name}"]
    for node in graph.order():
        op = graph.op(node)
        inputs = ", ".join(_edge(edge) for edge in graph.inputs(node))
        line = f"  {node} = {_op(op)}" + (f" [{inputs}]" if inputs else "")
        steps = () if isinstance(op, Input) else op.steps
        lines.append(line + (" > " + " ".join(step_text(step) for step in steps) if steps else ""))
    outputs = " ".join(f"p{level}={node}" for level, node in sorted(graph.outputs.items()))
    return "\n".join([*lines, f"outputs {outputs}", ""])


def _op(op: Op) -> str:
    match op:
        case Input():
            return f"{'input' if op.source == 'in' else 'backbone'} {op.level} width {op.width}"
        case Fuse():
            flags = "".join(f" {flag}" for flag in _flags(op))
            return f"fuse {op.level} width {op.width} {_fusion(op.fusion)}{flags}"
        case Unary():
            share = f" share={op.share}" if op.share else ""
            return f"unary {op.level} width {op.width}{share}"
        case _:
            assert_never(op)


def _flags(op: Fuse) -> list[str]:
    given = {"keep": op.keep, "nested": op.nested, f"share={op.share}": bool(op.share)}
    return [name for name, flag in given.items() if flag]


def _fusion(fusion: Fusion) -> str:
    granularity = "" if fusion.granularity == "scalar" else f"/{fusion.granularity}"
    return f"{fusion.kind}{granularity}{_options(fusion.options)}"


def _options(options: tuple[tuple[str, Value], ...]) -> str:
    return f"({', '.join(f'{name}={value}' for name, value in options)})" if options else ""


def _edge(edge: Edge) -> str:
    return " ".join([edge.source, *(step_text(step) for step in edge.via)])


def step_text(step: Step) -> str:
    """One step in a word."""
    match step:
        case Adapt():
            return f"*{step.width}"
        case Upsample():
            return f"^{step.levels}"
        case Downsample():
            return f"v{step.levels}"
        case Convolution():
            return _convolution(step)
        case Pool():
            return f"{step.kind}pool{step.kernel}/{step.stride}"
        case Activate():
            return step.activation
        case Block():
            width = "" if step.width is None else f"*{step.width}"
            return f"{step.kind}{width}{_options(step.options)}"
        case Resample():
            return "~"
        case _:
            assert_never(step)


def _convolution(conv: Convolution) -> str:
    stride = f"/{conv.stride}" if conv.stride > 1 else ""
    width = "" if conv.width is None else f"*{conv.width}"
    valid = "valid " if conv.valid else ""
    words = {
        "act": conv.activation,
        "conv": f"{valid}{conv.kind}{conv.kernel}{stride}{width}",
        "norm": "norm",
    }
    return "-".join(words[part] for part in conv.order)
