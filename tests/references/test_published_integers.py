"""Sizes that others published or counted, against the static cost model and the generated module.

Parameters: google/automl's efficientdet_arch_test.py has the totals, and effdet 0.4.1 the parts.
"""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.helpers import PARTS, Generated, generate, trainable

# backbone, feature network, class head, box head
EFFICIENTDET = {
    "d0": (3_595_388, 196_281, 69_354, 19_044),
    "d1": (6_101_024, 390_972, 101_394, 32_508),
    "d2": (7_202_562, 708_159, 136_890, 49_428),
    "d3": (10_103_336, 1_559_474, 247_050, 122_436),
    "d4": (16_742_216, 3_349_829, 402_890, 228_740),
    "d5": (27_288_112, 5_405_893, 591_498, 367_812),
    "d6": (39_403_992, 10_583_808, 1_090_986, 792_996),
    "d7": (39_403_992, 10_583_808, 1_090_986, 792_996),
    "d7x": (62_143_440, 13_112_064, 1_094_826, 796_836),
    "lite0": (2_958_848, 196_224, 69_354, 19_044),
    "lite1": (3_723_520, 390_896, 101_394, 32_508),
    "lite2": (4_357_952, 708_064, 136_890, 49_428),
    "lite3": (6_422_016, 1_559_360, 247_050, 122_436),
    "lite3x": (6_422_016, 2_333_200, 340_610, 185_036),
    "lite4": (11_149_568, 3_349_696, 402_890, 228_740),
}
TIMM_BACKBONES = {
    "efficientdet_d0": (3_595_388, 194_361, 69_162, 18_852),
    "resdet50": (23_508_032, 3_002_988, 854_058, 240_276),
    "cspresdet50": (20_591_168, 2_620_012, 854_058, 240_276),
    "cspdarkdet53": (26_617_184, 2_620_012, 854_058, 240_276),
    "mobiledetv3_large": (2_971_952, 317_241, 69_162, 18_852),
    "efficientdet_em": (5_370_176, 2_749_132, 952_362, 282_852),
    "efficientdetv2_ds": (21_657_288, 4_138_117, 492_074, 293_156),
}
FEATURE_NETWORKS = {
    ("panet", 0): 197_376,
    ("panet_fast", 0): 197_430,
    ("simplified_panet", 0): 168_192,
    ("simplified_panet_fast", 0): 168_240,
    ("panet", 3): 1_805_440,
    ("simplified_panet", 3): 1_475_200,
}
# effdet's own convolutions, counted by torch.utils.flop_counter at the configured resolution.
EFFDET_MACS = {
    "d0": (1_901_490_688, 136_203_264, 362_452_992, 92_184_576),
    "d3": (14_888_439_104, 3_755_971_520, 3_996_792_800, 1_927_550_240),
    "d7x": (238_646_285_312, 78_520_430_592, 52_533_411_840, 37_928_217_600),
    "lite3x": (6_748_857_600, 2_905_390_000, 2_821_775_000, 1_502_105_000),
}
# EfficientDet, table 2, in billions; the paper calls multiply-accumulates FLOPs.
PAPER_MACS = {
    "d0": 2.5,
    "d1": 6.1,
    "d2": 11,
    "d3": 25,
    "d4": 55,
    "d5": 135,
    "d6": 226,
    "d7": 325,
    "d7x": 410,
}


def check_parameters(generated: Generated, expected: tuple[int, ...]) -> None:
    detector, cost = generated.on_meta(), generated.compiled.cost
    assert tuple(trainable(getattr(detector, part)) for part in PARTS) == expected
    assert tuple(getattr(cost, part).parameters for part in PARTS) == expected
    assert trainable(detector) == cost.total.parameters == sum(expected)


@pytest.mark.parametrize("variant", EFFICIENTDET)
def test_efficientdet_has_the_published_parameters_by_part(variant):
    check_parameters(generate("bifpn", variant=variant), EFFICIENTDET[variant])


@pytest.mark.parametrize("variant", TIMM_BACKBONES)
def test_a_model_file_reproduces_the_parameters_of_an_effdet_configuration(variant):
    generated = generate("bifpn_timm", variant=variant)
    check_parameters(generated, TIMM_BACKBONES[variant])


@pytest.mark.parametrize(("spec", "phi"), FEATURE_NETWORKS)
def test_a_feature_network_has_the_parameters_of_its_published_topology(spec, phi):
    generated = generate(spec, phi=phi)
    expected = FEATURE_NETWORKS[spec, phi]
    assert trainable(generated.on_meta().network) == expected
    assert generated.compiled.cost.network.parameters == expected


@pytest.mark.parametrize("variant", EFFICIENTDET)
def test_static_macs_are_half_of_what_torch_counts_by_part(variant):
    generated = generate("bifpn", variant=variant)
    detector, cost = generated.on_meta(), generated.compiled.cost
    images = torch.empty(1, 3, *generated.module.IMAGE_SIZE, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        detector(images)
    flops = counter.get_flop_counts()
    counted = {part: sum(flops[f"EfficientDet.{part}"].values()) for part in PARTS}
    static = {part: getattr(cost, part).macs for part in PARTS}
    assert static == {part: count / 2 for part, count in counted.items()}
    assert cost.total.macs == counter.get_total_flops() / 2


@pytest.mark.parametrize("variant", EFFDET_MACS)
def test_static_macs_are_those_of_effdet_by_part(variant):
    cost = generate("bifpn", variant=variant).compiled.cost
    assert tuple(getattr(cost, part).macs for part in PARTS) == EFFDET_MACS[variant]


@pytest.mark.parametrize("variant", PAPER_MACS)
def test_static_macs_are_within_two_percent_of_the_paper(variant):
    total = generate("bifpn", variant=variant).compiled.cost.total.macs
    assert total == pytest.approx(PAPER_MACS[variant] * 1e9, rel=0.02)
