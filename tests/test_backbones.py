import json
import math
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from fpncompiler.backbones import Backbone, backbone_names, find_backbone
from fpncompiler.detection import measure_backbones

# rwightman's effdet 0.4.1, levels 3..5, counted on the real models.
PARAMETERS = {
    "tf_efficientnet_b0": 3_595_388,
    "tf_efficientnet_b1": 6_101_024,
    "tf_efficientnet_b2": 7_202_562,
    "tf_efficientnet_b3": 10_103_336,
    "tf_efficientnet_b4": 16_742_216,
    "tf_efficientnet_b5": 27_288_112,
    "tf_efficientnet_b6": 39_403_992,
    "tf_efficientnet_b7": 62_143_440,
    "tf_efficientnet_lite0": 2_958_848,
    "tf_efficientnet_lite3": 6_422_016,
    "efficientnetv2_rw_s": 21_657_288,
    "resnet50": 23_508_032,
    "cspresnet50": 20_591_168,
    "cspresnext50": 18_520_896,
    "cspdarknet53": 26_617_184,
    "mixnet_m": 3_167_110,
    "mobilenetv2_120d": 4_056_064,
    "mobilenetv3_large_100": 2_971_952,
    "efficientnet_em": 5_370_176,
}
# The same models; (name, side in pixels) -> MACs.
MACS = {
    ("tf_efficientnet_b0", 512): 1_901_490_688,
    ("tf_efficientnet_b1", 640): 4_467_988_480,
    ("tf_efficientnet_b2", 768): 7_430_027_200,
    ("tf_efficientnet_b3", 896): 14_888_439_104,
    ("tf_efficientnet_b4", 1024): 30_502_916_448,
    ("tf_efficientnet_b5", 1280): 75_039_058_752,
    ("tf_efficientnet_b6", 1280): 107_284_332_384,
    ("tf_efficientnet_b6", 1536): 154_486_146_912,
    ("tf_efficientnet_b7", 1536): 238_646_285_312,
    ("tf_efficientnet_lite0", 320): 742_524_800,
    ("tf_efficientnet_lite4", 640): 10_761_523_200,
    ("efficientnetv2_rw_s", 1024): 60_905_575_936,
    ("resnet50", 640): 33_364_377_600,
    ("cspresnet50", 768): 40_645_951_488,
    ("cspresnext50", 640): 25_080_627_200,
    ("cspdarknet53", 640): 40_828_928_000,
    ("mixnet_m", 512): 1_680_808_576,
    ("mobilenetv2_120d", 512): 3_361_923_072,
    ("mobilenetv3_large_100", 512): 1_112_096_640,
    ("efficientnet_em", 640): 21_224_089_600,
}
SAMPLE = (
    "tf_efficientnet_b0",
    "tf_efficientnet_lite0",
    "efficientnetv2_rw_s",
    "resnet50",
    "resnetblur50",
    "cspresnet50",
    "cspdarknet53",
    "mobilenetv3_large_100",
    "mixnet_m",
    "convnext_tiny",
    "hrnet_w18",
    "densenet121",
    "vgg11",
)


def known(name: str) -> Backbone:
    backbone = find_backbone(name)
    assert backbone is not None, name
    return backbone


def build(backbone: Backbone, levels: list[int]) -> torch.nn.Module:
    taps = tuple(backbone.taps[level] for level in levels)
    with torch.device("meta"):
        return timm.create_model(backbone.name, features_only=True, out_indices=taps).eval()


def trainable(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def forward(model: torch.nn.Module, height: int, width: int) -> tuple[list[tuple[int, ...]], int]:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        maps = model(torch.empty(1, 3, height, width, device="meta"))
    return [tuple(m.shape) for m in maps], counter.get_total_flops() // 2


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_parameters_are_those_of_the_reference(name: str, parameters: int) -> None:
    assert known(name).parameters[5] == parameters


@pytest.mark.parametrize(("name", "side", "macs"), [(*k, v) for k, v in MACS.items()])
def test_macs_are_those_of_the_reference(name: str, side: int, macs: int) -> None:
    by_deepest = known(name).macs
    assert by_deepest is not None
    assert by_deepest[5].at(side, side) == macs


def test_channels_and_taps_by_level() -> None:
    b0 = known("tf_efficientnet_b0")
    assert b0.channels == {1: 16, 2: 24, 3: 40, 4: 112, 5: 320}
    assert b0.levels == (1, 2, 3, 4, 5)
    # cspdarknet53 has a map at stride 1, which shifts its taps.
    assert [known("cspdarknet53").taps[level] for level in (3, 4, 5)] == [3, 4, 5]
    assert [known("resnet50").taps[level] for level in (3, 4, 5)] == [2, 3, 4]
    assert [known("convnext_tiny").taps[level] for level in (3, 4, 5)] == [1, 2, 3]


@pytest.mark.parametrize("name", SAMPLE)
def test_table_agrees_with_timm(name: str) -> None:
    backbone = known(name)
    model = build(backbone, [level for level in backbone.levels if level >= 3])
    expected = {level: c for level, c in backbone.channels.items() if level >= 3}
    assert dict(zip(expected, model.feature_info.channels(), strict=True)) == expected
    assert model.feature_info.reduction() == [2**level for level in expected]
    assert trainable(model) == backbone.parameters[max(expected)]
    shapes, macs = forward(model, 256, 256)
    assert shapes == [(1, c, 256 >> level, 256 >> level) for level, c in expected.items()]
    assert backbone.macs is not None
    assert backbone.macs[max(expected)].at(256, 256) == macs


@pytest.mark.parametrize("name", ["resnet50", "convnext_tiny", "tf_efficientnet_b0"])
def test_shallower_deepest_level_agrees_with_timm(name: str) -> None:
    backbone = known(name)
    model = build(backbone, [3, 4])
    assert trainable(model) == backbone.parameters[4]
    assert backbone.macs is not None
    assert backbone.macs[4].at(256, 320) == forward(model, 256, 320)[1]


@pytest.mark.parametrize("name", ["resnet50", "tf_efficientnet_b0", "mixnet_m"])
def test_rounding_ceil_holds_at_odd_sizes(name: str) -> None:
    backbone = known(name)
    assert backbone.rounding == "ceil"
    shapes, macs = forward(build(backbone, [3, 4, 5]), 200, 333)
    assert [s[2:] for s in shapes] == [
        (math.ceil(200 / 2**level), math.ceil(333 / 2**level)) for level in (3, 4, 5)
    ]
    assert backbone.macs is not None
    assert backbone.macs[5].at(200, 333) == macs


def test_rounding_floor_marks_maps_that_round_down() -> None:
    backbone = known("vgg11")
    assert backbone.rounding == "floor"
    shapes, _ = forward(build(backbone, [3]), 200, 333)
    assert shapes[0][2:] == (25, 41)


def test_every_row_is_well_formed() -> None:
    for name in backbone_names():
        backbone = known(name)
        deepest = [level for level in backbone.levels if level >= 3]
        assert len(deepest) >= 2, name
        assert list(backbone.levels) == sorted(backbone.levels), name
        assert list(backbone.taps) == list(backbone.levels), name
        assert list(backbone.taps.values()) == sorted(set(backbone.taps.values())), name
        assert list(backbone.parameters) == deepest, name
        assert backbone.macs is None or list(backbone.macs) == deepest, name
        assert backbone.rounding in ("ceil", "floor"), name
        assert min(*backbone.channels.values(), *backbone.parameters.values()) > 0, name


def test_unknown_name_gives_none() -> None:
    assert find_backbone("resnet51") is None
    assert find_backbone("") is None


def test_names_are_sorted_and_one_line_each() -> None:
    names = backbone_names()
    assert list(names) == sorted(names)
    text = files("fpncompiler").joinpath("data/backbones.json").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines()[2:] if line.startswith('"')]
    assert [row.partition(":")[0] for row in rows] == [json.dumps(name) for name in names]


def test_lookup_does_not_import_torch() -> None:
    code = (
        "import sys; from fpncompiler.backbones import find_backbone; find_backbone('resnet50');"
        "print([m for m in ('torch', 'timm', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_measuring_again_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = measure_backbones.TABLE
    before = table.read_bytes()
    copy = tmp_path / "backbones.json"
    copy.write_bytes(before)
    monkeypatch.setattr(measure_backbones, "TABLE", copy)
    assert measure_backbones.main(["resnet18", "vgg11"]) == 0
    assert copy.read_bytes().splitlines()[1:] == before.splitlines()[1:]


def test_a_model_without_a_pyramid_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "backbones.json"
    monkeypatch.setattr(measure_backbones, "TABLE", copy)
    assert measure_backbones.main(["vit_tiny_patch16_224", "nonesuch"]) == 0
    printed = capsys.readouterr().out
    assert "skipped vit_tiny_patch16_224: NotABackboneError: levels [4]" in printed
    assert "skipped nonesuch" in printed
    assert json.loads(copy.read_text())["models"] == {}
