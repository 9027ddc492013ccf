"""Anchors and detections equal effdet's, on the same weights."""

import pytest
import torch
from effdet.anchors import Anchors
from effdet.bench import DetBenchPredict

from tests.helpers import generate
from tests.references.effdet_peer import effdet_model, lively, random_images, with_weights_of

SIZES = [(512, 512), (256, 384)]


def anchors_of(module, size):
    """All anchors of a generated module for images of a size that its levels divide."""
    maps = [(size[0] >> level, size[1] >> level) for level in module.LEVELS]
    shapes = (module.ANCHOR_SCALES, module.ANCHOR_OCTAVES, module.ANCHOR_ASPECTS)
    return module.make_anchors(size, maps, *shapes)


@pytest.mark.parametrize(
    ("spec", "variant", "name", "size"),
    [
        *(("bifpn", "d0", "tf_efficientdet_d0", size) for size in SIZES),
        ("bifpn", "d7", "tf_efficientdet_d7", (1536, 1536)),
        ("bifpn", "d7x", "tf_efficientdet_d7x", (1536, 1536)),
        ("bifpn", "lite0", "tf_efficientdet_lite0", (384, 256)),
        ("bifpn_timm", "mobiledetv3_large", "mobiledetv3_large", (512, 512)),
    ],
)
def test_anchors_equal_those_of_effdet(spec, variant, name, size):
    with torch.device("meta"):
        config = effdet_model(name, size).config
    y0, x0, y1, x1 = Anchors.from_config(config).boxes.unbind(-1)
    ours = anchors_of(generate(spec, variant=variant).module, size)
    assert torch.equal(ours, torch.stack([x0, y0, x1, y1], dim=-1))


@torch.no_grad()
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("variant", ["d0", "lite0"])
def test_detections_equal_those_of_effdet(variant, size):
    reference = lively(effdet_model(f"tf_efficientdet_{variant}", size))
    reference.class_net.predict.conv_pw.weight *= 0.3  # scores between 0 and 1
    model = with_weights_of(reference, generate("bifpn", variant=variant))
    images = random_images(reference, 2)
    whole = {
        "img_scale": torch.ones(2),
        "img_size": torch.tensor([[size[1], size[0]]] * 2, dtype=torch.float32),
    }
    for theirs, ours in zip(
        DetBenchPredict(reference)(images, whole), model.detect(images), strict=True
    ):
        assert len(ours["labels"]) == len(theirs) == 100
        assert torch.equal(ours["labels"], theirs[:, 5].long() - 1)
        torch.testing.assert_close(ours["scores"], theirs[:, 4], rtol=0, atol=1e-5)
        torch.testing.assert_close(ours["boxes"], theirs[:, :4], rtol=1e-4, atol=1e-2)
        assert ours["labels"].unique().numel() > 10
        assert ours["scores"].std() > 0.01
    other = model.detect(images.flip(0))
    assert not torch.equal(other[0]["boxes"], model.detect(images)[0]["boxes"])
