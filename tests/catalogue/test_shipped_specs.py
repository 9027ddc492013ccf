"""What holds for every spec that ships."""

import pytest
import torch

from fpncompiler import compile_spec
from tests.helpers import ROOT, generate, trainable

SPECS = sorted((ROOT / "specs").glob("*.yaml"))
MOST_LINES = 30


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_it_fits_a_screen_and_says_where_it_is_from(path):
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    assert sum(bool(line) for line in lines) <= MOST_LINES
    assert path.read_text().startswith(("#", "fpnc: 1"))
    assert f"name: {path.stem}" in lines
    assert any(line.startswith("source: ") for line in lines)
    assert any(line.startswith("title: ") for line in lines)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_it_is_a_model_that_runs_and_costs_what_was_said(path):
    generated = generate(path.stem)
    compiled = generated.compiled
    with torch.device("meta"):
        model = getattr(generated.module, compiled.class_name)()
        assert trainable(model) == compiled.cost.total.parameters
    model = getattr(generated.module, compiled.class_name)(num_classes=2).eval()
    side = max(generated.module.SMALLEST_SIDE, 128)
    with torch.no_grad():
        outputs = model(torch.randn(1, 3, side, side))
    maps = [outputs] if isinstance(outputs, torch.Tensor) else outputs[0]
    assert len(maps) == len(generated.module.LEVELS)
    assert all(m.isfinite().all() for m in maps)


@pytest.mark.parametrize("phi", range(1, 8))
def test_networks_of_efficientdet_grow_with_phi(phi):
    for name in ("qufpn", "repeated_fpn", "fully_connected", "bifpn_sum"):
        small = compile_spec(ROOT / f"specs/{name}.yaml", phi - 1).cost.network.parameters
        assert compile_spec(ROOT / f"specs/{name}.yaml", phi).cost.network.parameters >= small


def test_all_branches_of_semantic_fpn_convolve_alike():
    graph = compile_spec(ROOT / "specs/semantic_fpn.yaml").network.layers[-1].graph
    firsts = {graph.op(node).steps[0] for node in graph.computed() if node != "out"}
    (convolution,) = firsts
    assert (convolution.kind, convolution.order) == ("full", ("conv", "norm", "act"))
