"""Two checked specs: their networks, the settings around them, what they cost."""

from dataclasses import asdict, dataclass

from fpncompiler.difference.networks import Aspect, LayerDifference, layer_differences
from fpncompiler.ir.network import Network
from fpncompiler.pipeline import Checked, Compiled


@dataclass(frozen=True, slots=True)
class CostRow:
    """A figure of a part of the detector; None is what fpnc does not know."""

    part: str
    figure: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs; `cost` has all figures, those that are equal too."""

    settings: tuple[Aspect, ...]
    layers: tuple[LayerDifference, ...]
    cost: tuple[CostRow, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not self.settings and not self.layers and not any(map(differs, self.cost))


def differs(row: CostRow) -> bool:
    """Whether a figure changed."""
    return row.before != row.after


def difference(old: Checked | Compiled, new: Checked | Compiled) -> Difference:
    """What differs between two specs, titles and sources aside."""
    before, after = settings(old), settings(new)
    names = [*before, *(name for name in after if name not in before)]
    return Difference(
        settings=tuple(
            Aspect(name, before.get(name, "none"), after.get(name, "none"))
            for name in names
            if before.get(name) != after.get(name)
        ),
        layers=layer_differences(old.network, new.network),
        cost=_cost(old, new),
    )


def settings(checked: Checked | Compiled) -> dict[str, str]:
    """What a network and the detector around it are set to, in words."""
    network, model = checked.network, checked.model
    levels = ", ".join(f"P{level}" for level in network.outputs)
    pyramid = ", ".join(f"P{level}" for level in network.levels)
    widths = network.output_widths()
    found = {
        "output levels": levels,
        "pyramid levels": pyramid,
        "output channels": ", ".join(str(widths[level]) for level in sorted(widths)),
        "layers": str(network.depth),
        **_sizes(network),
        "backbone": model.backbone.name,
        "backbone maps": ", ".join(f"c{level}" for level in sorted(network.taps)),
        "backbone drop_path_rate": str(model.backbone.drop_path_rate),
        "image size": "x".join(map(str, model.resolution)),
        "image mean": str(model.mean),
        "image std": str(model.std),
    }
    heads = asdict(model.heads)
    found |= {f"heads {name}": str(value) for name, value in heads.items() if name != "span"}
    anchors = asdict(model.anchors)
    found |= {f"anchor {name}": str(value) for name, value in anchors.items() if name != "span"}
    return found


def _sizes(network: Network) -> dict[str, str]:
    """How many nodes and edges all layers have."""
    layers = [(layer.graph, layer.repeats) for layer in network.layers]
    nodes = sum(len([*graph.computed()]) * repeats for graph, repeats in layers)
    edges = sum(graph.edge_count() * repeats for graph, repeats in layers)
    return {"nodes of all layers": str(nodes), "edges of all layers": str(edges)}


def _cost(old: Checked | Compiled, new: Checked | Compiled) -> tuple[CostRow, ...]:
    rows = []
    for part in ("backbone", "network", "head_adapters", "class_head", "box_head", "total"):
        before, after = getattr(old.cost, part), getattr(new.cost, part)
        for figure in ("parameters", "macs"):
            rows.append(CostRow(part, figure, getattr(before, figure), getattr(after, figure)))
    return tuple(rows)
