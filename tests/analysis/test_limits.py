"""Which image sizes a network takes."""

from itertools import product

import pytest

from fpncompiler.analysis.limits import SizeLimits, size_limits
from fpncompiler.analysis.sizes import sizes
from fpncompiler.ir.network import Network
from tests.passes.graphs import compiled

HEAD = "fpnc: 1\nname: mine\ndepth: 1\nop: none\n"
# SSD's last maps: two convolutions without padding, behind two of stride 2
SHRINKING = HEAD + (
    "levels: 3..9\ninputs: 3..5\noutputs: [a(3), b(6), c(7), d(8), e(9)]\nnodes:\n"
    "  a(3): [in(3)]\n  b(6): {inputs: [in(5)], op: {conv: full, stride: 2}}\n"
    "  c(7): {inputs: [b(6)], op: {conv: full, stride: 2}}\n"
    "  d(8): {inputs: [c(7)], op: {conv: full, padding: none}}\n"
    "  e(9): {inputs: [d(8)], op: {conv: full, padding: none}}\n"
)
FROM_ABOVE = HEAD + (
    "levels: 2..5\ninputs: 3..5\noutputs: td\nnodes:\n"
    "  td(3..): [in(l), td(l+1)]\n  td(2): [td(3)]\n"
)


def network(text: str) -> Network:
    return compiled(text, phi=1).network  # images of 640 pixels


def has_cells(found: Network, side: int) -> bool:
    maps = [sizes(part.graph, (side, side)).nodes for part in found.layers]
    return all(min(size) > 0 for nodes in maps for size in nodes.values())


@pytest.mark.parametrize(
    ("spec", "options", "smallest"), [("bifpn", {}, 128), ("fpn", {"variant": "d7x"}, 256)]
)
def test_smallest_side_is_a_cell_of_the_coarsest_level(spec, options, smallest):
    found = compiled(spec, **options).network
    assert size_limits(found, 1) == SizeLimits(smallest, 1)


@pytest.mark.parametrize("multiple", [1, 32])
def test_backbone_that_rounds_down_asks_for_a_multiple(multiple):
    assert size_limits(compiled("bifpn").network, multiple) == SizeLimits(128, multiple)


def test_convolutions_without_padding_need_larger_images():
    found = network(SHRINKING)
    limits = size_limits(found, 1)
    assert limits.multiple == 1
    assert has_cells(found, limits.smallest)
    assert not has_cells(found, limits.smallest - 1)
    assert limits.smallest == 4 * 128 + 1  # five cells at level 7


def test_smallest_side_is_rounded_up_to_the_multiple():
    smallest = size_limits(network(SHRINKING), 1).smallest
    assert smallest % 32
    assert size_limits(network(SHRINKING), 32).smallest == (smallest // 32 + 1) * 32


def test_map_without_one_to_take_its_size_from_needs_even_halves():
    assert size_limits(network(FROM_ABOVE), 1) == SizeLimits(32, 8)
    given = FROM_ABOVE.replace("inputs: 3..5", "inputs: 2..5")
    assert size_limits(network(given), 1) == SizeLimits(32, 1)


def test_even_halves_give_every_map_the_size_of_its_level():
    found = network(FROM_ABOVE)
    limits = size_limits(found, 1)
    graph = found.layers[0].graph
    for height, width in product(range(64, 97, limits.multiple), range(64, 97, limits.multiple)):
        at = sizes(graph, (height, width)).nodes
        assert at["p2_td"] == (height // 4, width // 4)
    assert sizes(graph, (68, 68)).nodes["p2_td"] != (17, 17)
