"""A difference for people, line by line, and for programs."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Literal

from fpncompiler.difference.detectors import CostRow, Difference, differs
from fpncompiler.difference.networks import Aspect, LayerDifference, NodeView

Mark = Literal["head", "gone", "new", "changed", "plain"]
Line = tuple[Mark, str]
NAMES_SHOWN = 8
_FIGURES = {"parameters": "parameters", "macs": "MACs"}
_PARTS = {
    "network": "feature network",
    "head_adapters": "head adapters",
    "class_head": "class head",
    "box_head": "box head",
}


def as_json(found: Difference, old: str, new: str) -> str:
    """Everything as a document."""
    cost = [asdict(row) for row in found.cost if differs(row)]
    document = {"version": 1, "old": old, "new": new, "equal": found.is_empty}
    return json.dumps(document | asdict(found) | {"cost": cost}, indent=2)


def as_lines(found: Difference) -> Iterator[Line]:
    """Settings, then layers, then cost; nothing of what is equal."""
    if found.settings:
        yield "head", "settings"
        width = max(len(each.name) for each in found.settings)
        for each in found.settings:
            yield "changed", f"  ~ {each.name:<{width}}  {each.before} -> {each.after}"
    for layer in found.layers:
        yield "head", layer.layer
        yield from _layer(layer)
    rows = [row for row in found.cost if differs(row)]
    if rows:
        yield "head", "cost"
        yield from _cost(rows)


def _layer(layer: LayerDifference) -> Iterator[Line]:
    width = max(map(len, (*layer.removed, *layer.added, *layer.renamed, "")))
    for node, view in layer.removed.items():
        yield "gone", f"  - {node:<{width}}  {_shown(view)}"
    for node, view in layer.added.items():
        yield "new", f"  + {node:<{width}}  {_shown(view)}"
    for before, after in layer.renamed.items():
        yield "changed", f"  > {before:<{width}}  is called {after}"
    for aspect, nodes in _alike(layer.changed).items():
        yield "changed", f"  ~ {_listed(nodes)}"
        yield "plain", f"      {aspect.name}  {aspect.before} -> {aspect.after}"
    for output in layer.outputs:
        yield "changed", f"  ~ output {output.name}  {output.before} -> {output.after}"


def _alike(changed: dict[str, tuple[Aspect, ...]]) -> dict[Aspect, list[str]]:
    """Changes, each with the nodes that it is made at."""
    found: dict[Aspect, list[str]] = {}
    for node, aspects in changed.items():
        for aspect in aspects:
            found.setdefault(aspect, []).append(node)
    return found


def _listed(nodes: list[str]) -> str:
    shown = ", ".join(nodes[:NAMES_SHOWN])
    more = len(nodes) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _shown(view: NodeView) -> str:
    aspects = view.aspects()
    fusion = f"{view.fusion} " if view.fusion else ""
    steps = f" > {view.steps}" if view.steps else ""
    return f"{fusion}[{aspects['inputs']}]{steps}"


def _cost(rows: list[CostRow]) -> Iterator[Line]:
    cells = [
        (
            _PARTS.get(row.part, row.part),
            _FIGURES[row.figure],
            *("unknown" if n is None else f"{n:,}" for n in (row.before, row.after)),
            _ratio(row),
        )
        for row in rows
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    for part, figure, before, after, ratio in cells:
        names = f"{part:<{widths[0]}}  {figure:<{widths[1]}}"
        yield "plain", f"    {names}  {before:>{widths[2]}} -> {after:>{widths[3]}}{ratio}"


def _ratio(row: CostRow) -> str:
    if not row.before or row.after is None:
        return ""
    return f"  x {row.after / row.before:.3f}"
