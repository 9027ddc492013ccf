"""The paper's table 5, feature networks as ratios to FPN+PANet: `python -m benchmarks.table_5`.

The paper gives no setting. This is one that fits its figures: EfficientNet-B3, 160 channels, five
layers (2 + phi, as its first version says), images of 896 x 896; networks with one path have as
many nodes as PANet, so twice the layers. Only the feature network is counted: convolutions, and
elementwise work too (additions, fusion weights, cells that pools look at). No setting that was
tried yields the paper's parameters of NAS-FPN.
"""

from dataclasses import dataclass

from fpncompiler import compile_spec
from fpncompiler.analysis.sizes import map_size
from fpncompiler.ir.flow import edge_passages
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.ops import Downsample, Fuse

IMAGE_SIZE = (896, 896)
PHI = 3
LAYERS = 5


@dataclass(frozen=True)
class Row:
    """A network of the table: its spec, its layers, the paper's ratios."""

    title: str
    spec: str
    layers: int
    fusion: str
    parameters: float
    macs: float


ROWS = (
    Row("repeated top-down FPN", "fpn", 2 * LAYERS, "sum", 1.00, 1.00),
    Row("repeated FPN+PANet", "panet", LAYERS, "sum", 1.00, 1.00),
    Row("NAS-FPN", "nas_fpn", LAYERS, "sum", 0.71, 0.72),
    Row("fully-connected FPN", "fully_connected", 2 * LAYERS, "sum", 1.24, 1.21),
    Row("BiFPN without weights", "bifpn", LAYERS, "sum", 0.88, 0.67),
    Row("BiFPN with weights", "bifpn", LAYERS, "fast_normalized", 0.88, 0.68),
)
BASELINE = 1


def measured(row: Row) -> tuple[int, int]:
    """Parameters and multiply-accumulates of a row's feature network."""
    compiled = compile_spec(_text(row), PHI)
    cost = compiled.cost.network
    assert cost.parameters is not None
    assert cost.macs is not None
    return cost.parameters, cost.macs + elementwise(compiled.network)


def ratios() -> list[tuple[float, float]]:
    """Each row's parameters and multiply-accumulates, over those of FPN+PANet."""
    found = [measured(row) for row in ROWS]
    parameters, macs = found[BASELINE]
    return [(p / parameters, m / macs) for p, m in found]


def elementwise(network: Network) -> int:
    """What a forward does besides convolutions, one operation a cell and channel."""
    total = _elementwise(network.extra)
    return total + sum(_elementwise(layer.graph) * layer.repeats for layer in network.layers)


def _elementwise(graph: Graph) -> int:
    total = 0
    for node in graph.computed():
        op = graph.op(node)
        edges = graph.inputs(node)
        if isinstance(op, Fuse):
            height, width = map_size(op.level, IMAGE_SIZE)
            weighed = len(edges) if op.fusion.weighs else 0
            total += height * width * op.width * (len(edges) - 1 + weighed)
        for edge in edges:
            for passage in edge_passages(graph, edge):
                if isinstance(passage.step, Downsample):
                    height, width = map_size(passage.level_after, IMAGE_SIZE)
                    window = (2**passage.step.levels + 1) ** 2
                    total += height * width * passage.width * window
    return total


def _text(row: Row) -> str:
    """The row's topology, with the plain fusion, adapters and convolutions that all rows share."""
    lines = ["fpnc: 1", f"name: {row.spec}_row", f"extends: {row.spec}", f"depth: {row.layers}"]
    if row.spec != "nas_fpn":
        lines.append(f"fusion: {row.fusion}")
    return "\n".join([*lines, *_OF_THE_MODEL.get(row.spec, ()), ""])


# What NAS-FPN's own spec says otherwise, back to what EfficientDet's networks have.
_OF_THE_MODEL = {
    "nas_fpn": (
        "op: {conv: separable, kernel: 3, order: [act, conv, norm], activation: silu, bias: true}",
        "adapters: {sharing: per_edge, norm: true}",
        "width: 160",
        "padding: same",
        "prologue: none",
    )
}


def main() -> None:
    """Print the table."""
    print(f"{'feature network':24}  {'#parameters':>20}  {'#MACs':>20}")
    print(f"{'':24}  {'here':>9}  {'paper':>9}  {'here':>9}  {'paper':>9}")
    for row, (parameters, macs) in zip(ROWS, ratios(), strict=True):
        print(
            f"{row.title:24}  {parameters:>8.3f}x  {row.parameters:>8.2f}x"
            f"  {macs:>8.3f}x  {row.macs:>8.2f}x"
        )


if __name__ == "__main__":
    main()
