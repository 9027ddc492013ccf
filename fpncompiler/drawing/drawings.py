"""Drawings of networks, layers and rewrites: what is on them, and in what form they are told.

SVGs may stand side by side in one page of HTML: they have no ids, and one style sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from fpncompiler.drawing.dot import dot_of
from fpncompiler.drawing.layers import layer_picture
from fpncompiler.drawing.mermaid import mermaid_of
from fpncompiler.drawing.networks import network_picture
from fpncompiler.drawing.palette import Theme
from fpncompiler.drawing.picture import Panel, Picture
from fpncompiler.drawing.stages import stage_panels
from fpncompiler.drawing.svg import svg_of
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network

Form = Literal["svg", "mermaid", "dot"]
NOTEBOOK_WIDTH = 920.0  # pixels of an output; pages that show notebooks cut off what is wider
MAX_PARTS = 3000  # boxes and arrows of a drawing: nobody could read as many


class TooLargeError(ValueError):
    """More than anybody could read."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Panels with a title above all; `about` is for those who cannot see them."""

    panels: tuple[Panel, ...]
    title: str
    about: str

    def __repr__(self) -> str:
        """One line: the panels have all that is drawn."""
        return f"<Drawing: {(self.title or self.about)!r}>"

    def _repr_svg_(self) -> str:
        """What a notebook shows; in fixed colours, for pages that remove style sheets."""
        refuse_large(self)
        return svg_of(self.panels, self.title, self.about, "light", NOTEBOOK_WIDTH)


def layer_svg(graph: Graph, *, title: str = "") -> str:
    """One layer with its inputs and outputs, as a standalone `<svg>` element.

    Raises:
        TooLargeError: it has more nodes and edges than anybody could read.
    """
    return told(_alone(layer_picture(graph), title), "svg")


def network_svg(network: Network, *, title: str = "") -> str:
    """A network from the backbone's maps on; layers that look alike are drawn once.

    Raises:
        TooLargeError: it has more nodes and edges than anybody could read.
    """
    return told(network_drawing(network, title), "svg")


def stages_svg(stages: Sequence[tuple[str, Graph]], *, title: str = "") -> str:
    """A layer as built and after each rewrite, with what each removed and added.

    Raises:
        TooLargeError: it has more nodes and edges than anybody could read.
    """
    return told(stages_drawing(stages, title), "svg")


def network_drawing(
    network: Network, title: str, *, layers: int = 1, adapters: bool = False
) -> Drawing:
    """A network alone; see `network_picture`."""
    return _alone(network_picture(network, layers=layers, adapters=adapters), title)


def networks_drawing(
    networks: Sequence[tuple[str, Network]], title: str, *, layers: int = 1, adapters: bool = False
) -> Drawing:
    """Networks side by side, each with its own title."""
    panels = [
        _captioned(name, network, network_picture(network, layers=layers, adapters=adapters))
        for name, network in networks
    ]
    return _together(panels, title)


def stages_drawing(
    stages: Sequence[tuple[str, Graph]], title: str, network: Network | None = None
) -> Drawing:
    """The rewrites of a layer, and in the end the network that is made of it."""
    panels = stage_panels(stages)
    if network is not None:
        word = "repeated" if network.depth > 1 else "in the network"
        panels.append(_captioned(word, network, network_picture(network)))
    return _together(panels, title)


def told(drawing: Drawing, form: Form, theme: Theme = "auto") -> str:
    """A drawing as text: the same for the same drawing everywhere.

    Raises:
        TooLargeError: it has more nodes and edges than anybody could read.
    """
    refuse_large(drawing)
    match form:
        case "svg":
            return svg_of(drawing.panels, drawing.title, drawing.about, theme)
        case "mermaid":
            return mermaid_of(drawing.panels, drawing.title, drawing.about)
        case "dot":
            return dot_of(drawing.panels, drawing.title, drawing.about)
        case _:
            assert_never(form)


def refuse_large(drawing: Drawing) -> None:
    """Let pass what somebody could read.

    Raises:
        TooLargeError: it has more nodes and edges than that.
    """
    pictures = [panel.picture for panel in drawing.panels]
    parts = sum(len(picture.boxes) + len(picture.arrows) for picture in pictures)
    if parts > MAX_PARTS:
        message = f"{parts} nodes and edges cannot be drawn: {MAX_PARTS} is the most"
        raise TooLargeError(message)


def _alone(picture: Picture, title: str) -> Drawing:
    return Drawing((Panel("", "", picture, picture),), title, _described(picture))


def _captioned(caption: str, network: Network, picture: Picture) -> Panel:
    note = f"{network.depth} layer{'s' * (network.depth > 1)}"
    return Panel(caption, note, picture, picture)


def _together(panels: list[Panel], title: str) -> Drawing:
    about = "; ".join(f"{panel.caption}: {panel.note}" for panel in panels)
    return Drawing(tuple(panels), title, about)


def _described(picture: Picture) -> str:
    levels = picture.levels
    nodes = {box.id for box in picture.boxes if box.role not in ("input", "output")}
    edges = sum(arrow.target in nodes for arrow in picture.arrows)
    rows = f"levels {levels[0]} to {levels[-1]} as rows, the coarsest on top"
    return "; ".join([f"{rows}; {len(nodes)} nodes, {edges} edges", *picture.frames])
