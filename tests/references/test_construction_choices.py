"""What a user chooses when a generated detector is built, and what it says of images."""

import sys

import pytest
import torch

import fpncompiler
from tests.helpers import generate, trainable

BACKBONES = ["resnet18", "mobilenetv3_small_100", "convnext_atto", "regnetx_002"]


def map_shapes(channels: int, height: int, width: int) -> list[tuple[int, ...]]:
    sizes = [(-(-height // 2**level), -(-width // 2**level)) for level in range(3, 8)]
    return [(2, channels, *size) for size in sizes]


@torch.no_grad()
def check_shapes(detector, classes: int, height: int = 128, width: int = 256) -> None:
    class_maps, box_maps = detector.eval()(torch.randn(2, 3, height, width))
    assert [tuple(m.shape) for m in class_maps] == map_shapes(9 * classes, height, width)
    assert [tuple(m.shape) for m in box_maps] == map_shapes(9 * 4, height, width)


def test_the_number_of_classes_is_a_choice_at_construction():
    detector = generate("bifpn", phi=0).module.EfficientDet(num_classes=3)
    check_shapes(detector, 3)
    compiled = generate("bifpn", phi=0, num_classes=3).compiled
    assert trainable(detector) == compiled.cost.total.parameters


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_backbone_is_a_choice_at_construction(backbone):
    check_shapes(generate("bifpn", phi=0).module.EfficientDet(backbone=backbone), 90)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_backbone_is_a_choice_at_compile_time(backbone):
    generated = generate("bifpn", phi=0, backbone=backbone, num_classes=2)
    detector = generated.module.EfficientDet()
    check_shapes(detector, 2)
    assert trainable(detector) == generated.compiled.cost.total.parameters


def test_both_choices_of_a_backbone_give_one_network():
    at_construction = generate("bifpn", phi=0).module.EfficientDet(backbone="resnet18")
    at_compile_time = generate("bifpn", phi=0, backbone="resnet18").module.EfficientDet()
    at_compile_time.load_state_dict(at_construction.state_dict())


def test_a_backbone_without_stochastic_depth_is_a_choice_at_construction():
    check_shapes(generate("bifpn", phi=0).module.EfficientDet(backbone="dla34"), 90)


def test_a_backbone_without_the_levels_is_refused_by_name():
    with pytest.raises(ValueError, match="vit_tiny_patch16_224 lacks levels"):
        generate("bifpn", phi=0).module.EfficientDet(backbone="vit_tiny_patch16_224")


@pytest.mark.parametrize(("size", "enough"), [((64, 64), "128x128"), ((100, 300), "128x300")])
def test_an_image_that_is_too_small_is_refused_with_a_size_that_works(size, enough):
    detector = generate("bifpn", phi=0).module.EfficientDet().eval()
    with pytest.raises(ValueError, match=f"nearest size is {enough}"):
        detector(torch.randn(1, 3, *size))
    check_shapes(detector, 90, *map(int, enough.split("x")))


@pytest.mark.parametrize(("size", "near"), [((200, 200), "192x192"), ((136, 500), "128x512")])
def test_a_size_that_the_backbone_rounds_down_is_refused_with_the_nearest_that_works(size, near):
    detector = generate("bifpn", phi=0).module.EfficientDet(backbone="convnext_atto").eval()
    with pytest.raises(ValueError, match=f"multiples of 32, such as {near}"):
        detector(torch.randn(1, 3, *size))
    check_shapes(detector, 90, *map(int, near.split("x")))


def test_a_batch_is_detected_as_its_images_are():
    torch.manual_seed(0)
    detector = generate("bifpn", phi=0).module.EfficientDet(num_classes=5).eval()
    images = torch.randn(3, 3, 128, 192)
    together = detector.detect(images, max_detections=10)
    for image, found in zip(images, together, strict=True):
        (alone,) = detector.detect(image[None], max_detections=10)
        assert found["boxes"].shape == (10, 4)
        assert found["scores"].shape == found["labels"].shape == (10,)
        assert found["labels"].dtype == torch.int64
        torch.testing.assert_close(found["scores"], alone["scores"], rtol=0, atol=1e-6)


def test_one_image_of_bytes_is_normalized_to_a_batch():
    module = generate("bifpn", phi=0).module
    image = torch.randint(0, 256, (3, 128, 128), dtype=torch.uint8)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    normalized = module.EfficientDet.normalize(image)
    assert normalized.shape == (1, 3, 128, 128)
    torch.testing.assert_close(normalized[0], (image / 255 - mean) / std)
    torch.testing.assert_close(module.EfficientDet.normalize(image[None] / 255), normalized)


HEAD = "fpnc: 1\nname: tried\nlevels: 3..5\n"
LATERALS = HEAD + (
    "width: 512\noutputs: out\n"
    "nodes:\n  lat(l): {inputs: [in(l)], op: conv1x1}\n  out(l): [lat(l), out(l+1)]\n"
)
RAW = HEAD + "width: 320\noutputs: td\nnodes:\n  td(l): [in(l), td(l+1)]\n"


def network_of(text, channels, **options):
    detector = fpncompiler.load_model(text, **options)
    network = sys.modules[detector.__module__].FeatureNetwork(channels).eval()
    maps = [torch.randn(1, c, 16 // 2**i, 16 // 2**i) for i, c in enumerate(channels)]
    with torch.no_grad():
        return [tuple(m.shape) for m in network(maps)]


def test_a_lateral_takes_the_channels_of_any_backbone():
    sizes = [(1, 512, 16 // 2**i, 16 // 2**i) for i in range(3)]
    assert network_of(LATERALS, (512, 1024, 2048), backbone="resnet50") == sizes
    assert network_of(LATERALS, (40, 112, 320), backbone="resnet50") == sizes


def test_a_map_that_is_read_as_it_is_fixes_its_channels():
    assert network_of(RAW, (40, 112, 320))[2] == (1, 320, 4, 4)
    with pytest.raises(ValueError, match="320 channels at level 5, not 64"):
        network_of(RAW, (40, 112, 64))


ORDERS = [
    "conv",
    "conv, norm",
    "act, conv",
    "act, conv, norm",
    "conv, norm, act",
    "norm, act, conv",
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("fusion", ["sum", "softmax"])
def test_every_path_of_the_key_map_is_a_module_of_the_model(order, fusion):
    text = RAW.replace("width: 320", f"fusion: {fusion}\nop: {{order: [{order}]}}")
    detector = fpncompiler.load_model(text)()
    paths = {name for name, _ in detector.named_modules()}
    paths |= {name for name, _ in detector.named_parameters()}
    assert set(fpncompiler.compile_spec(text).effdet_key_map()) <= paths
