"""Topologies beside each other: figures, ratios, tables, a page of HTML, curves.

checked specs -> Row, Row, ... -> Comparison -> terminal | JSON | CSV | Markdown | HTML | SVG, PNG
"""
