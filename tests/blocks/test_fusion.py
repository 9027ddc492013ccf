import pytest
import torch
from torch.nn import functional as F

from fpncompiler.blocks.fusion import (
    FastNormalizedFusion,
    GateFusion,
    PixelFastNormalizedFusion,
    PixelSoftmaxFusion,
    PixelWeightedFusion,
    SoftmaxFusion,
    SpatialSoftmaxFusion,
    WeightedFusion,
    maximum,
    mean,
    weights_at,
)


def reference(kind, inputs, weight):
    if kind == "softmax":
        weight = weight.exp() / weight.exp().sum(0, keepdim=True)
    elif kind == "fast":
        weight = weight.clamp(min=0) / (weight.clamp(min=0).sum(0, keepdim=True) + 1e-4)
    return (torch.stack(inputs) * weight.reshape(len(inputs), 1, *weight.shape[1:])).sum(0)


def scalar_weights_broadcast(weight):
    return weight.reshape(-1, 1, 1, 1) if weight.ndim == 1 else weight


CASES = [
    *[(WeightedFusion, "weighted", s) for s in [(), (4, 1, 1)]],
    *[(SoftmaxFusion, "softmax", s) for s in [(), (4, 1, 1)]],
    *[(FastNormalizedFusion, "fast", s) for s in [(), (4, 1, 1)]],
    (PixelWeightedFusion, "weighted", (1, 5, 6)),
    (PixelSoftmaxFusion, "softmax", (1, 5, 6)),
    (PixelFastNormalizedFusion, "fast", (1, 5, 6)),
]


@pytest.mark.parametrize("arity", [1, 2, 3, 5])
@pytest.mark.parametrize(("fusion_class", "kind", "shape"), CASES)
def test_fusion_equals_its_formula_in_values_and_gradients(fusion_class, kind, shape, arity):
    torch.manual_seed(arity)
    fusion = fusion_class(arity, shape).double()
    with torch.no_grad():
        fusion.weight.uniform_(-0.5, 1.5)
    inputs = [
        torch.randn(2, 4, 5, 6, dtype=torch.float64, requires_grad=True) for _ in range(arity)
    ]
    weight = fusion.weight.detach().clone().requires_grad_()

    got = fusion(*inputs)
    expected = reference(kind, inputs, scalar_weights_broadcast(weight))
    torch.testing.assert_close(got, expected)
    upstream = torch.randn_like(got)
    got_gradients = torch.autograd.grad(got, [fusion.weight, *inputs], upstream)
    expected_gradients = torch.autograd.grad(expected, [weight, *inputs], upstream)
    torch.testing.assert_close(got_gradients, expected_gradients)


@pytest.mark.parametrize(
    ("fusion_class", "expected"),
    [  # automl's FeatureFusionTest
        (WeightedFusion, [2, 6]),
        (SoftmaxFusion, [1, 3]),
        (FastNormalizedFusion, [0.99995, 2.99985]),
    ],
)
def test_fresh_fusion_gives_the_constants_of_automl(fusion_class, expected):
    x = torch.tensor([1.0, 3.0]).reshape(1, 2, 1, 1)
    for shape in [(), (2, 1, 1)]:
        got = fusion_class(2, shape)(x, x).flatten()
        torch.testing.assert_close(
            got, torch.tensor(expected, dtype=torch.float32), atol=1e-6, rtol=0
        )


def test_fast_normalized_fusion_survives_weights_that_are_all_negative():
    fusion = FastNormalizedFusion(2)
    torch.nn.init.constant_(fusion.weight, -1)
    x = torch.ones(1, 2, 3, 3)
    assert torch.equal(fusion(x, x), torch.zeros_like(x))


@pytest.mark.parametrize("fusion_class", [WeightedFusion, SoftmaxFusion, FastNormalizedFusion])
@pytest.mark.parametrize("shape", [(), (4, 1, 1)])
def test_fusion_keeps_the_dtype_and_the_memory_format_of_its_inputs(fusion_class, shape):
    x = torch.randn(2, 4, 5, 6, dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    out = fusion_class(2, shape)(x, x)
    assert out.dtype == torch.bfloat16
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "fusion_class", [PixelWeightedFusion, PixelSoftmaxFusion, PixelFastNormalizedFusion]
)
def test_pixel_weights_are_normalized_and_then_resized(fusion_class):
    torch.manual_seed(0)
    fusion = fusion_class(2, (1, 5, 6))
    torch.nn.init.uniform_(fusion.weight)
    inputs = [torch.randn(2, 4, 7, 3) for _ in range(2)]
    w = F.interpolate(fusion.weights(), size=(7, 3), mode="bilinear", align_corners=False)
    torch.testing.assert_close(fusion(*inputs), inputs[0] * w[0] + inputs[1] * w[1])


def test_pixel_weights_are_unchanged_at_their_own_size():
    weights = torch.randn(3, 1, 5, 6)
    assert torch.equal(weights_at(weights, torch.empty(1, 4, 5, 6)), weights)
    assert (
        weights_at(weights, torch.empty(1, 4, 5, 6, dtype=torch.bfloat16)).dtype == torch.bfloat16
    )


@pytest.mark.parametrize("fusion_class", [FastNormalizedFusion, PixelFastNormalizedFusion])
def test_fusion_compiles_without_graph_breaks(fusion_class):
    fusion = fusion_class(3, (1, 5, 6))
    inputs = [torch.randn(1, 4, 5, 6) for _ in range(3)]
    compiled = torch.compile(fusion, backend="eager", fullgraph=True)
    assert torch.equal(compiled(*inputs), fusion(*inputs))


@pytest.mark.parametrize("arity", [1, 2, 5])
def test_maximum_and_mean_are_those_over_the_inputs(arity):
    inputs = [torch.randn(2, 4, 5, 6) for _ in range(arity)]
    assert torch.equal(maximum(*inputs), torch.stack(inputs).amax(0))
    torch.testing.assert_close(mean(*inputs), torch.stack(inputs).mean(0))


def global_attention(gate, other, pool):
    """NAS-FPN's, as TensorFlow's model garden (`max`) and mmdetection (`avg`) write it."""
    adaptive = {"max": F.adaptive_max_pool2d, "avg": F.adaptive_avg_pool2d}[pool]
    return gate + torch.sigmoid(adaptive(gate, 1)) * other


@pytest.mark.parametrize("pool", ["max", "avg"])
def test_gate_fusion_is_global_attention_of_either_input(pool):
    first, last = torch.randn(2, 2, 4, 5, 6).unbind()
    by_first = GateFusion("first", pool)(first, last)
    torch.testing.assert_close(by_first, global_attention(first, last, pool))
    by_last = GateFusion("last", pool)(first, last)
    torch.testing.assert_close(by_last, global_attention(last, first, pool))
    assert torch.equal(GateFusion()(first, last), GateFusion("last", "max")(first, last))


@pytest.mark.parametrize("arity", [1, 2, 3])
def test_spatial_softmax_fusion_weighs_every_pixel(arity):
    torch.manual_seed(0)
    fusion = SpatialSoftmaxFusion(arity, 4, hidden=3).eval()
    inputs = torch.randn(arity, 2, 4, 5, 6)
    reduced = [fusion.reduce[i](x) for i, x in enumerate(inputs)]
    logits = fusion.weigh(torch.cat(reduced, 1))
    weights = logits.exp() / logits.exp().sum(1, keepdim=True)
    expected = sum(x * weights[:, i : i + 1] for i, x in enumerate(inputs))
    torch.testing.assert_close(fusion(*inputs), expected)


def test_spatial_softmax_fusion_of_equal_inputs_is_the_input():
    fusion = SpatialSoftmaxFusion(3, 4)
    x = torch.randn(2, 4, 5, 6)
    torch.testing.assert_close(fusion(x, x, x), x)
