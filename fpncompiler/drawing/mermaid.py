"""Panels as a Mermaid flowchart, which GitHub and others show where it stands in a text.

Mermaid places nodes as it likes: levels are no rows there. Everything of a spec is between quotes,
with the characters that mean something to Mermaid or to HTML as codes.
"""

import json
import string
from collections.abc import Iterator, Sequence

from fpncompiler.drawing.palette import LIGHT
from fpncompiler.drawing.picture import Arrow, Box, Panel, Role, State
from fpncompiler.drawing.texts import harmless

_PLAIN = frozenset(string.ascii_letters + string.digits + " _.,:()+-/=")
_SHAPES: dict[Role, tuple[str, str]] = {
    "input": ("([", "])"),
    "output": ("([", "])"),
    "unary": ("(", ")"),
    "fuse": ("[", "]"),
    "nested": ("((", "))"),
    "adapter": ("{{", "}}"),
}
_LINES: dict[State, str] = {"kept": "-->", "added": "==>", "removed": "-.->"}
_COLOURS = {
    "same": LIGHT.same,
    "finer": LIGHT.finer,
    "coarser": LIGHT.coarser,
    "added": LIGHT.added,
    "removed": LIGHT.removed,
}


def mermaid_of(panels: Sequence[Panel], title: str, about: str) -> str:
    """A flowchart from left to right."""
    lines = ["---", f"title: {json.dumps(harmless(title))}", "---"] if title else []
    lines += ["flowchart LR", f"  accDescr: {_coded(about)}"]
    arrows: list[Arrow] = []
    for number, panel in enumerate(panels):
        lines += _panel(f"g{number}", panel)
        arrows += panel.picture.arrows
    for name, colour in _COLOURS.items():
        found = [str(n) for n, arrow in enumerate(arrows) if _kind(arrow) == name]
        if found:
            lines.append(f"  linkStyle {','.join(found)} stroke:{colour}")
    states = {box.state for panel in panels for box in panel.picture.boxes}
    if "added" in states:
        lines.append(f"  classDef added stroke:{LIGHT.added},stroke-width:2px")
    if "removed" in states:
        lines.append(f"  classDef removed stroke:{LIGHT.removed},stroke-dasharray:4 3")
    return "\n".join([*lines, ""])


def _panel(prefix: str, panel: Panel) -> Iterator[str]:
    """A subgraph for a panel with a caption, and one for each layer with one."""
    names = {box.id: f"{prefix}n{number}" for number, box in enumerate(panel.picture.boxes)}
    indent = "  "
    if panel.caption:
        yield f'  subgraph {prefix}["{_coded(panel.caption)}"]'
        indent = "    "
    captions = panel.picture.frames
    framed = range(len(captions))
    for box in panel.picture.boxes:
        if box.frame not in framed:
            yield indent + _box(box, names)
    for frame, caption in enumerate(captions):
        yield f'{indent}subgraph {prefix}f{frame}["{_coded(caption)}"]'
        for box in panel.picture.boxes:
            if box.frame == frame:
                yield f"{indent}  {_box(box, names)}"
        yield f"{indent}end"
    for arrow in panel.picture.arrows:
        yield f"{indent}{names[arrow.source]} {_LINES[arrow.state]} {names[arrow.target]}"
    if panel.caption:
        yield "  end"


def _box(box: Box, names: dict[str, str]) -> str:
    opening, closing = _SHAPES[box.role]
    state = "" if box.state == "kept" else f":::{box.state}"
    return f'{names[box.id]}{opening}"{_coded(_text(box))}"{closing}{state}'


def _text(box: Box) -> str:
    if box.role == "nested":
        return box.fusion
    return f"{box.label} ({box.fusion})" if box.fusion else box.label


def _kind(arrow: Arrow) -> str:
    return arrow.flow if arrow.state == "kept" else arrow.state


def _coded(text: str) -> str:
    """Text as Mermaid reads it back, in ASCII."""
    return "".join(letter if letter in _PLAIN else f"#{ord(letter)};" for letter in harmless(text))
