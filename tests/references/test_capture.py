"""Generated detectors in torch.compile, torch.export and torch.jit.trace, equal to eager."""

import copy
import os

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from tests.helpers import flatten_outputs, generate
from tests.references.effdet_peer import TOLERANCE, largest_difference

HEAVY = os.environ.get("FPNC_HEAVY") == "1"
heavy = pytest.mark.skipif(not HEAVY, reason="takes minutes: set FPNC_HEAVY=1")


@pytest.fixture(autouse=True)
def _fresh_dynamo():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def detector(training: bool, spec: str = "bifpn", **options) -> nn.Module:
    torch.manual_seed(0)
    return (
        generate(spec, **(options or {"phi": 0})).module.EfficientDet(num_classes=4).train(training)
    )


def images(batch: int = 2, height: int = 128, width: int = 128) -> Tensor:
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


def run(model, inputs: Tensor) -> list[Tensor]:
    """All maps; stochastic depth falls as it does in every other run."""
    torch.manual_seed(2)
    with torch.no_grad():
        return flatten_outputs(model(inputs))


def check_same(eager: nn.Module, captured, inputs: Tensor, tolerance: float = TOLERANCE) -> None:
    assert largest_difference(run(eager, inputs), run(captured, inputs)) <= tolerance


def test_compiles_without_a_graph_break():
    model = detector(training=False)
    compiled = torch.compile(copy.deepcopy(model), fullgraph=True, backend="aot_eager")
    check_same(model, compiled, images())


def test_learns_in_a_compiled_training_step_as_in_an_eager_one():
    model = detector(training=True)
    twin = copy.deepcopy(model)
    outputs = []
    for module in (model, torch.compile(twin, fullgraph=True, backend="aot_eager")):
        torch.manual_seed(2)
        outputs.append(flatten_outputs(module(images())))
        sum(m.square().mean() for m in outputs[-1]).backward()
    assert largest_difference(*outputs) <= TOLERANCE
    for (name, ours), theirs in zip(model.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(theirs.grad, ours.grad, rtol=1e-3, atol=1e-5, msg=name)
    for (name, ours), theirs in zip(model.named_buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(theirs, ours, msg=name)


@heavy
def test_compiles_with_inductor():
    model = detector(training=False)
    check_same(model, torch.compile(copy.deepcopy(model), fullgraph=True), images(), 1e-4)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_exports(strict, training):
    model = detector(training)
    program = torch.export.export(copy.deepcopy(model), (images(),), strict=strict)
    check_same(model, program.module(), images())


def test_exports_with_a_dynamic_batch():
    model = detector(training=False)
    sizes = {0: Dim("batch", max=64)}
    program = torch.export.export(model, (images(),), dynamic_shapes=(sizes,))
    for batch in (1, 5):
        check_same(model, program.module(), images(batch))


# A coarsest level of one cell would be a program of its own to torch.export.
@pytest.mark.parametrize(
    ("spec", "options"),
    [("bifpn_timm", {"variant": "efficientdet_d0"}), ("panet_fast", {"backbone": "resnet18"})],
)
def test_exports_with_dynamic_batch_and_size(spec, options):
    model = detector(False, spec, **options)
    rows, columns = Dim("rows", min=2, max=16), Dim("columns", min=2, max=16)
    sizes = {0: Dim("batch", max=64), 2: 128 * rows, 3: 128 * columns}
    program = torch.export.export(model, (images(2, 256, 384),), dynamic_shapes=(sizes,))
    for shape in ((1, 256, 256), (3, 384, 256)):
        check_same(model, program.module(), images(*shape))


# timm's SAME padding (tf_ backbones) rounds sizes in floating point, which torch.export is slow on.
@heavy
def test_exports_with_a_dynamic_height_in_front_of_same_padding():
    model = detector(training=False)
    sizes = {2: 128 * Dim("rows", min=2, max=16)}
    program = torch.export.export(model, (images(2, 256, 384),), dynamic_shapes=(sizes,))
    check_same(model, program.module(), images(2, 384, 384))


def test_traces():
    model = detector(training=False)
    traced = torch.jit.trace(model, images())
    check_same(model, traced, images())
    check_same(model, traced, images(3))
