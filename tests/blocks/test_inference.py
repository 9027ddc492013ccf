"""The inference form gives what the training form gives, and has what makes it fast."""

import copy

import pytest
import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn

from fpncompiler.analysis.limits import size_limits
from fpncompiler.blocks.convolution import SeparableConv2d
from fpncompiler.blocks.fusion import (
    FastNormalizedFusion,
    FixedFusion,
    PixelSoftmaxFusion,
    SoftmaxFusion,
    WeightedFusion,
)
from fpncompiler.blocks.heads import SharedHead
from fpncompiler.blocks.inference import (
    HalvingConv2d,
    LevelHead,
    flatten_outputs,
    fold_norms,
    fuse,
    unshare_levels,
)
from tests.helpers import generate
from tests.oracle.equality import draw_weights
from tests.references.effdet_peer import effdet_model, largest_difference, lively, with_weights_of

TOLERANCE = 1e-4  # of a map's largest magnitude
# Every way to weigh, to convolve, to put norms; heads with and without adapters.
SPECS = ("bifpn", "panet", "nas_fpn", "yolov8_pan", "unet", "asff", "rtdetr_ccff", "ssd_extra")


def drawn(model: nn.Module, images: Tensor) -> nn.Module:
    """A model with random weights and with statistics to fit, so that every norm does something."""
    draw_weights(model, torch.Generator().manual_seed(0))
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return model.eval()


def model_of(spec: str, **options) -> nn.Module:
    generated = generate(spec, **options)
    model = getattr(generated.module, generated.compiled.class_name)().eval()
    return drawn(model, torch.randn(2, 3, 320, 320))


@pytest.mark.parametrize("spec", SPECS)
@torch.no_grad()
def test_outputs_equal_those_of_the_training_form(spec):
    model = model_of(spec)
    before = copy.deepcopy(model.state_dict())
    fused = model.fuse_for_inference()
    limits = size_limits(generate(spec).compiled.network, 1)
    odd = (300, 260) if limits.multiple > 1 else (301, 263)
    for size in [(320, 320), (384, 320), odd]:
        images = torch.randn(2, 3, *size)
        expected = flatten_outputs(model(images))
        assert largest_difference(expected, flatten_outputs(fused(images))) <= TOLERANCE
        assert all(x.std() > 0 for x in expected)
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())
    assert not any(p.requires_grad for p in fused.parameters())
    assert not any(isinstance(part, nn.BatchNorm2d | SharedHead) for part in fused.modules())
    weighted = [p for p in fused.modules() if isinstance(p, WeightedFusion)]
    assert all(part.weight.ndim == 4 for part in weighted)  # a weight a pixel depends on the size


@torch.no_grad()
def test_detections_equal_those_of_the_training_form():
    reference = lively(effdet_model("tf_efficientdet_d0", (256, 256)))
    reference.class_net.predict.conv_pw.weight *= 0.3
    model = with_weights_of(reference, generate("bifpn", variant="d0"))
    images = torch.randn(2, 3, 256, 256)
    fused = model.fuse_for_inference()
    for one, other in zip(model.detect(images), fused.detect(images), strict=True):
        same = one["labels"] == other["labels"]
        assert same.float().mean() > 0.95  # scores that are equal within rounding change places
        torch.testing.assert_close(one["scores"], other["scores"], rtol=0, atol=1e-4)
        torch.testing.assert_close(one["boxes"][same], other["boxes"][same], rtol=1e-3, atol=0.5)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("groups", [1, 8])
def test_halving_convolution_equals_the_padding_one(kernel, groups):
    conv = Conv2dSame(8, 8, kernel, stride=2, groups=groups, bias=groups == 8)
    halving = HalvingConv2d(conv)
    for size in [(8, 8), (9, 8), (8, 9), (9, 11), (2, 2), (1, 1), (64, 62)]:
        x = torch.randn(2, 8, *size, requires_grad=True)
        torch.testing.assert_close(halving(x), conv(x))


@pytest.mark.parametrize(
    "name",
    [
        "resnet18", "resnet10t", "mobilenetv3_small_050", "regnety_002", "densenet121", "vgg11_bn",
        "cspresnet50", "ghostnet_050", "hrnet_w18_small", "efficientnet_lite0", "tf_mixnet_s",
        "convnext_atto", "repvgg_a0", "dla34", "res2net50_26w_4s", "mobileone_s0", "fbnetc_100",
        "tf_efficientnetv2_b0", "skresnet18", "rexnet_100",
    ],
)  # fmt: skip
@torch.no_grad()
def test_every_family_of_backbones_folds(name):
    model = timm.create_model(name, features_only=True)
    model = timm.create_model(
        name, features_only=True, out_indices=tuple(range(1, len(model.feature_info)))
    )
    images = torch.randn(1, 3, 96, 96).double()  # so that no rounding is taken for a fault
    drawn(model.double(), torch.randn(2, 3, 96, 96).double())
    folded = copy.deepcopy(model)
    fold_norms(folded, images)
    expected = model(images)
    assert largest_difference(expected, folded(images)) <= 1e-9
    norms = [sum(isinstance(p, nn.BatchNorm2d) for p in m.modules()) for m in (model, folded)]
    assert norms[1] < 0.5 * norms[0] or name in (
        "convnext_atto",  # has none
        "densenet121",  # norms come first
        "tf_mixnet_s",  # several convolutions have one norm in common
    )


class Branching(nn.Module):
    """A norm is not the only reader of its convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=8, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return [self.norm(y) + y]


def test_backbone_that_cannot_be_folded_is_refused():
    class Detector(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = Branching()

        def forward(self, x):
            return self.backbone(x), []

    model = drawn(Detector(), torch.randn(2, 3, 64, 64))
    with pytest.raises(RuntimeError, match="cannot be folded"):
        fuse(model, 64)


def test_norms_and_convolutions_that_run_twice_are_left_alone():
    conv, norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
    model = nn.Sequential(conv, norm, conv, nn.BatchNorm2d(3)).eval()
    fold_norms(model, torch.randn(1, 3, 4, 4))
    assert sum(isinstance(part, nn.BatchNorm2d) for part in model.modules()) == 2


@pytest.mark.parametrize("kind", [WeightedFusion, SoftmaxFusion, FastNormalizedFusion])
@pytest.mark.parametrize("shape", [(), (4, 1, 1)])
def test_fixed_fusion_equals_the_learned_one(kind, shape):
    fusion = kind(3, shape)
    nn.init.uniform_(fusion.weight, -0.5, 1.5)
    maps = torch.randn(3, 2, 4, 6, 5).unbind()
    with torch.no_grad():
        assert torch.equal(FixedFusion(fusion)(*maps), fusion(*maps))
        fixed = FixedFusion(kind(3, shape))
        fixed.take(fusion.weight)
        assert torch.equal(fixed(*maps), fusion(*maps))
    assert [*fixed.state_dict()] == ["weights"]
    assert not [*fixed.parameters()]


def test_pixel_weights_are_not_fixed_for_they_follow_the_size():
    fusion = PixelSoftmaxFusion(2, (1, 4, 4))
    assert fusion.weight.shape[2:].numel() > 1


def test_head_has_the_norms_of_each_level():
    head = drawn(
        nn.ModuleList([SharedHead(SeparableConv2d, 4, 6, depth=2, levels=3)])[0],
        [torch.randn(2, 4, 8, 8) for _ in range(3)],
    )
    folded = unshare_levels(head)
    assert isinstance(folded, LevelHead)
    maps = [torch.randn(1, 4, side, side) for side in (8, 4, 2)]
    assert largest_difference(head(maps), folded(maps)) <= TOLERANCE


def test_gradients_flow_through_activations_in_place():
    model = generate("bifpn").module.FeatureNetwork([4, 5, 6])
    maps = [torch.randn(2, c, 128 >> i, 128 >> i) for i, c in enumerate((4, 5, 6))]
    sum(x.square().mean() for x in model(maps)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
