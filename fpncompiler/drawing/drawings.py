"""Graphs, networks and rewrites as SVG, each a standalone element.

Several may stand in one page of HTML: they have no ids, and the same style sheet.
"""

from collections.abc import Sequence

from fpncompiler.drawing.layers import layer_picture
from fpncompiler.drawing.networks import network_picture
from fpncompiler.drawing.picture import Panel
from fpncompiler.drawing.stages import stage_panels
from fpncompiler.drawing.svg import described, svg_of
from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network


def layer_svg(graph: Graph, *, title: str = "") -> str:
    """One layer with its inputs and outputs."""
    picture = layer_picture(graph)
    return svg_of([Panel("", "", picture, picture)], title, described(picture))


def network_svg(network: Network, *, title: str = "") -> str:
    """A network from the backbone's maps on; layers that look alike are drawn once."""
    picture = network_picture(network)
    return svg_of([Panel("", "", picture, picture)], title, described(picture))


def stages_svg(stages: Sequence[tuple[str, Graph]], *, title: str = "") -> str:
    """A layer as built and after each rewrite, with what each removed and added."""
    panels = stage_panels(stages)
    about = "; ".join(f"{panel.caption}: {panel.note}" for panel in panels)
    return svg_of(panels, title, about)
