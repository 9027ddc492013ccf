"""Panels in the DOT language of Graphviz, with the columns of the drawing as ranks.

Graphviz places nodes within a rank as it likes: levels are nearly rows there, where they can be.
"""

from collections.abc import Iterator, Sequence

from fpncompiler.drawing.columns import columns
from fpncompiler.drawing.palette import LIGHT
from fpncompiler.drawing.picture import Arrow, Box, Panel, Role, State

_SHAPES: dict[Role, str] = {
    "input": f'shape=box, style="rounded,filled", fillcolor="{LIGHT.given}"',
    "output": f'shape=box, style="rounded,filled", fillcolor="{LIGHT.output}"',
    "unary": f'shape=box, style="rounded,filled", fillcolor="{LIGHT.unary}"',
    "fuse": 'shape=box, style="rounded"',
    "nested": "shape=circle",
    "adapter": "shape=diamond, width=0.3, height=0.3",
}
_COLOURS = {"same": LIGHT.same, "finer": LIGHT.finer, "coarser": LIGHT.coarser}
_STATES: dict[State, str] = {
    "kept": "",
    "added": f', color="{LIGHT.added}", penwidth=2',
    "removed": f', color="{LIGHT.removed}", fontcolor="{LIGHT.muted}", style=dashed',
}


def dot_of(panels: Sequence[Panel], title: str, about: str) -> str:
    """A directed graph from left to right."""
    lines = [
        f"digraph {quoted(title)} {{",
        f"  graph [rankdir=LR, label={quoted(title)}, labelloc=t, comment={quoted(about)}];",
        '  node [fontname="monospace", fontsize=12, height=0.4];',
    ]
    for number, panel in enumerate(panels):
        lines += _panel(number, panel)
    return "\n".join([*lines, "}", ""])


def quoted(*lines: str) -> str:
    """A string of DOT, in ASCII; Graphviz reads `&` codes back, and backslashes mean nothing."""
    return '"' + "\\n".join("".join(map(_coded, line)) for line in lines) + '"'


def _coded(letter: str) -> str:
    if letter in '\\"&<>':
        return f"&#{ord(letter)};"
    if " " <= letter <= "~":
        return letter
    return f"&#{ord(letter)};" if letter.isprintable() else "?"


def _panel(number: int, panel: Panel) -> Iterator[str]:
    """A cluster for a panel with a caption, and one for each layer with one."""
    indent = "  "
    if panel.caption:
        yield f"  subgraph cluster_{number} {{"
        indent = "    "
        yield f"{indent}label={quoted(panel.caption)};"
    placed = columns(panel.plan)
    captions = panel.picture.frames
    for frame in sorted({box.frame for box in panel.picture.boxes}):
        boxes = [box for box in panel.picture.boxes if box.frame == frame]
        caption = captions[frame] if 0 <= frame < len(captions) else ""
        inner = indent
        if caption:
            yield f"{indent}subgraph cluster_{number}_{frame} {{"
            inner = f"{indent}  "
            yield f"{inner}label={quoted(caption)}; style=dashed;"
        for column in sorted({placed[box.id] for box in boxes}):
            names = [_name(number, box.id) for box in boxes if placed[box.id] == column]
            yield f"{inner}{{rank=same; {'; '.join(names)}}}"
        yield from (f"{inner}{_box(number, box)}" for box in boxes)
        if caption:
            yield f"{indent}}}"
    yield from (f"{indent}{_arrow(number, arrow)}" for arrow in panel.picture.arrows)
    if panel.caption:
        yield "  }"


def _box(number: int, box: Box) -> str:
    shape = f"label={_label(box)}, {_SHAPES[box.role]}, group={quoted(f'{number} {box.level}')}"
    about = f"tooltip={quoted(box.about)}"
    return f"{_name(number, box.id)} [{shape}{_STATES[box.state]}, {about}];"


def _label(box: Box) -> str:
    match box.role:
        case "adapter":
            return quoted("")
        case "nested":
            return quoted(box.fusion)
        case _:
            return quoted(box.label, box.fusion) if box.fusion else quoted(box.label)


def _arrow(number: int, arrow: Arrow) -> str:
    ends = f"{_name(number, arrow.source)} -> {_name(number, arrow.target)}"
    state = _STATES[arrow.state] or f', color="{_COLOURS[arrow.flow]}"'
    return f"{ends} [tooltip={quoted(arrow.about)}{state}];"


def _name(number: int, box: str) -> str:
    return quoted(f"{number}/{box}")
