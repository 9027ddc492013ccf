"""A graph as text, one line a node: what pass tests are written in and crash reports show.

    graph bifpn
      p6_in = input 6 width 64
      p6_td = fuse 6 width 64 fast_normalized [p6_in, p7_in ^1]
    outputs p3=p3_td p4=p4_out

On an edge `^1` is one level up in resolution, `v1` one down, `*64` an adapter to 64 channels.
"""

from typing import assert_never

from fpncompiler.ir.graph import Edge, Graph
from fpncompiler.ir.ops import Adapt, Downsample, EdgeOp, Fuse, Input, Op, Unary, Upsample


def print_graph(graph: Graph) -> str:
    """The graph as text, the same for equal graphs."""
    lines = [f"graph {graph.name}"]
    for node in graph.order():
        inputs = ", ".join(_edge(edge) for edge in graph.inputs(node))
        lines.append(f"  {node} = {_op(graph.op(node))}" + (f" [{inputs}]" if inputs else ""))
    outputs = " ".join(f"p{level}={node}" for level, node in sorted(graph.outputs.items()))
    return "\n".join([*lines, f"outputs {outputs}", ""])


def _op(op: Op) -> str:
    match op:
        case Input():
            return f"{'input' if op.source == 'in' else 'backbone'} {op.level} width {op.width}"
        case Fuse():
            granularity = "" if op.fusion.granularity == "scalar" else f"/{op.fusion.granularity}"
            keep = " keep" if op.keep else ""
            return f"fuse {op.level} width {op.width} {op.fusion.kind}{granularity}{keep}"
        case Unary():
            return f"unary {op.level} width {op.width}"
        case _:
            assert_never(op)


def _edge(edge: Edge) -> str:
    return " ".join([edge.source, *(_edge_op(op) for op in edge.via)])


def _edge_op(op: EdgeOp) -> str:
    match op:
        case Adapt():
            return f"*{op.out_width}"
        case Upsample():
            return f"^{op.levels}"
        case Downsample():
            return f"v{op.levels}"
        case _:
            assert_never(op)
