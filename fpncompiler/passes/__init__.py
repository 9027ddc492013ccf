"""Rewrites of one layer, one a file, each a function Graph -> Graph.

`repeat` makes a network of the layer. A spec names the first two and their order; the others always
run, in the order of the pipeline.
"""

from collections.abc import Callable

from fpncompiler.ir.graph import Graph
from fpncompiler.passes.add_same_level_skip import add_same_level_skip
from fpncompiler.passes.prune_single_input import prune_single_input

REWRITES: dict[str, Callable[[Graph], Graph]] = {
    "prune_single_input": prune_single_input,
    "add_same_level_skip": add_same_level_skip,
}
