"""Topologies as papers draw them: levels as rows, layers from left to right.

graph, network or stages -> Picture -> columns, heights -> Arrangement -> SVG -> PNG
                               `----> Mermaid, DOT
"""

from fpncompiler.drawing.drawings import layer_svg, network_svg, stages_svg

__all__ = ["layer_svg", "network_svg", "stages_svg"]
