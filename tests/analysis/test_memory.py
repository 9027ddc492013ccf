"""Static memory is what a real forward pass holds: the maps of all nodes, and the most at once.

Models and features are on the meta device, where maps have a size and no values.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType

import pytest
import torch
from torch import Tensor, nn

from benchmarks.speed.live_memory import live_tensors
from fpncompiler.analysis.memory import VALUE, heads_memory, network_memory, node_bytes
from fpncompiler.analysis.sizes import map_size
from tests.conftest import ROOT
from tests.helpers import generate

SPECS = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
PHI_0_ALONE = {"semantic_fpn", "unet"}
CASES = [(spec, phi) for spec in SPECS for phi in (0, 3) if phi == 0 or spec not in PHI_0_ALONE]
SMALL = 1e-3  # weights of fusions, and what batch norms on the meta device give along


class Measured:
    """A generated detector on the meta device, with the features that its network reads."""

    def __init__(self, spec: str, phi: int) -> None:
        generated = generate(spec, phi=phi)
        self.compiled = generated.compiled
        self.size = self.compiled.model.resolution
        with torch.device("meta"):
            detector = getattr(generated.module, self.compiled.class_name)
            self.model: nn.Module = detector().eval()
            self.features = [
                torch.empty(1, width, *map_size(level, self.size))
                for level, width in sorted(self.compiled.network.taps.items())
            ]

    def pyramid(self) -> list[Tensor]:
        return self.model.network(list(self.features))


@cache
def measured_once(spec: str, phi: int) -> Measured:
    return Measured(spec, phi)


@pytest.fixture(params=CASES, ids=[f"{spec}-{phi}" for spec, phi in CASES])
def measured(request) -> Iterator[Measured]:
    spec, phi = request.param
    with torch.inference_mode():
        yield measured_once(spec, phi)


@contextmanager
def returned_locals(names: set[str]) -> Iterator[list[dict[str, Tensor]]]:
    """The local maps of every function called `forward` that has some of these names."""
    found = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_code.co_name == "forward":
            maps = {name: frame.f_locals[name] for name in names & frame.f_locals.keys()}
            found.append(maps)

    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(None)


def test_peak_and_activations_of_the_network_are_those_of_a_forward_pass(measured):
    network, size = measured.compiled.network, measured.size
    memory = network_memory(network, size)
    assert live_tensors(measured.pyramid).peak == pytest.approx(memory.peak, rel=SMALL)

    graphs = [network.extra, *(layer.graph for layer in network.layers)]
    expected = [node_bytes(graph, size) for graph in graphs]
    with returned_locals({name for nodes in expected for name in nodes}) as found:
        measured.pyramid()
    repeats = [1, *(layer.repeats for layer in network.layers)]
    assert memory.activations == sum(
        n * sum(nodes.values()) for n, nodes in zip(repeats, expected, strict=True)
    )
    for nodes, graph in zip(expected, graphs, strict=True):
        computed = {*graph.computed()}
        layers = [maps for maps in found if maps.keys() >= computed - dropped(measured)]
        assert not computed or any(sizes_of(maps, computed) <= nodes.items() for maps in layers)


def dropped(measured: Measured) -> set[str]:
    """The maps that the file drops, so that a forward pass does not end with them."""
    lines = measured.compiled.source.splitlines()
    listed = (line.strip() for line in lines)
    return {n for line in listed if line.startswith("del ") for n in line[4:].split(", ")}


def sizes_of(maps: dict[str, Tensor], names: set[str]) -> set[tuple[str, int]]:
    return {(name, VALUE * maps[name].numel()) for name in names & maps.keys()}


def test_memory_of_the_heads_is_that_of_a_forward_pass(measured):
    pyramid, model = measured.pyramid(), measured.model
    memory = heads_memory(measured.compiled.network, measured.compiled.model, measured.size)

    def heads() -> list[Tensor]:
        if not hasattr(model, "box_head"):
            return [model.class_head(*pyramid)]
        adapters = getattr(model, "head_adapters", [nn.Identity()] * len(pyramid))
        maps = [adapt(x) for adapt, x in zip(adapters, pyramid, strict=True)]
        return [*model.class_head(maps), *model.box_head(maps)]

    assert live_tensors(heads).peak == pytest.approx(memory.peak, rel=SMALL)
    assert sum(VALUE * x.numel() for x in heads()) == memory.activations
