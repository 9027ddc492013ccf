"""effdet's models with weights that show mistakes, and the same weights in generated ones.

With its initial weights effdet's outputs hardly depend on the image, so that almost any network
equals it. Here the batch norms' statistics are those of the maps that they see, and affine and
fusion weights are random; so every map of the network moves the outputs.
"""

import copy

import torch
from effdet.config import get_efficientdet_config
from effdet.efficientdet import EfficientDet
from torch import Tensor, nn

from fpncompiler.detection.weights import rename_keys, reversed_map
from tests.helpers import Generated

TOLERANCE = 1e-5  # of a map's largest magnitude, where fusion weights are normalized first


def effdet_model(name: str, size: tuple[int, int], seed: int = 0, **changes) -> EfficientDet:
    """An effdet configuration for images of `size`, as effdet initializes it."""
    config = get_efficientdet_config(name)
    config.update({"image_size": size, **changes})
    torch.manual_seed(seed)
    return EfficientDet(config, pretrained_backbone=False).eval()


def lively(model: EfficientDet) -> EfficientDet:
    """Give a model random affine and fusion weights, statistics to fit, and outputs of std 2."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("edge_weights"):
                parameter.uniform_(0.2, 1.5)
            if name.endswith("cell.1.fnode.6.combine.edge_weights"):
                parameter[1] = -0.5  # ReLU turns one input off
        for norm in batch_norms(model):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.3, 0.3)
            norm.momentum = 1.0  # so that one batch is all that counts
            norm.train()
        model(random_images(model, 4))
        for norm in batch_norms(model):
            norm.eval()
        for head, maps in zip(
            (model.class_net, model.box_net), model(random_images(model, 2)), strict=True
        ):
            last = [part for part in head.predict.modules() if isinstance(part, nn.Conv2d)][-1]
            last.weight *= 2 / maps[0].std()
    return model


def batch_norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]


def random_images(model: EfficientDet, batch: int) -> Tensor:
    return torch.randn(batch, 3, *model.config.image_size)


def with_weights_of(reference: EfficientDet, generated: Generated) -> nn.Module:
    """The generated detector in eval mode, every weight from effdet and none left over."""
    model = generated.module.EfficientDet().eval()
    model.load_state_dict(rename_keys(reference.state_dict(), our_keys(reference, generated)))
    return model


def our_keys(reference: EfficientDet, generated: Generated) -> dict[str, str]:
    """Module paths of effdet -> of the generated detector."""
    level_first = reference.config.head_bn_level_first
    return reversed_map(generated.compiled.effdet_key_map(level_first=level_first))


def largest_difference(expected: list[Tensor], actual: list[Tensor]) -> float:
    """The largest difference of two lists of maps, as a share of its map's largest magnitude."""
    pairs = list(zip(expected, actual, strict=True))
    assert all(a.shape == b.shape for a, b in pairs)
    return max(((a - b).abs().max() / a.abs().max()).item() for a, b in pairs)


def check_equal(expected: list[Tensor], actual: list[Tensor], exact: bool) -> None:
    if exact:
        assert all(torch.equal(a, b) for a, b in zip(expected, actual, strict=True))
    assert largest_difference(expected, actual) <= TOLERANCE


def check_lively(maps: list[Tensor], maps_of_other_images: list[Tensor]) -> None:
    """Every map varies, and depends on the image."""
    for one, other in zip(maps, maps_of_other_images, strict=True):
        assert one.std() > 0.01 * one.abs().max()
        assert (one - other).abs().max() > 0.03 * one.abs().max()


def wrong_models(model: nn.Module) -> list[nn.Module]:
    """Copies with one small mistake in the last layer: nodes or inputs that change places."""
    wrong = [copy.deepcopy(model)]
    layer = wrong[0].network.layers[-1]
    layer.p4_td, layer.p5_td = layer.p5_td, layer.p4_td
    if hasattr(model.network.layers[-1].p4_td, "fuse"):
        swapped, perturbed = copy.deepcopy(model), copy.deepcopy(model)
        weight = swapped.network.layers[-1].p4_td.fuse.weight
        weight.data = weight.data.flip(0)
        perturbed.network.layers[-1].p4_td.fuse.weight.data[0] += 0.1
        wrong += [swapped, perturbed]
    return wrong
