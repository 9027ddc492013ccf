"""Rewrites of one layer, one a file, each a function Graph -> Graph.

`repeat` makes a network of the layer. A spec names the first two and their order; the others always
run, in the order of the pipeline.
"""

from collections.abc import Callable

from fpncompiler.ir.flow import infer_widths
from fpncompiler.ir.graph import Graph
from fpncompiler.passes.add_same_level_skip import add_same_level_skip
from fpncompiler.passes.fold_for_inference import fold_for_inference
from fpncompiler.passes.insert_adapters import insert_adapters
from fpncompiler.passes.insert_resampling import insert_resampling
from fpncompiler.passes.prune_single_input import prune_single_input
from fpncompiler.passes.remove_dead_nodes import remove_dead_nodes

REWRITES: dict[str, Callable[[Graph], Graph]] = {
    "prune_single_input": prune_single_input,
    "add_same_level_skip": add_same_level_skip,
}

# All passes of one graph that need nothing else, in the order of the pipeline.
PASSES: dict[str, Callable[[Graph], Graph]] = {
    **REWRITES,
    "remove_dead_nodes": remove_dead_nodes,
    "infer_widths": infer_widths,
    "insert_resampling": insert_resampling,
    "insert_adapters": insert_adapters,
    "fold_for_inference": fold_for_inference,
}

# What leaves a graph or network in a compilation, in the order of the pipeline.
TRACED = (
    "build",
    *REWRITES,
    "mirror",
    "add_extra_levels",
    "infer_widths",
    "remove_dead_nodes",
    "insert_resampling",
    "insert_adapters",
    "repeat",
    "fold_for_inference",
)
