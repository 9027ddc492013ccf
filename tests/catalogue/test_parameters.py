"""Trainable parameters of feature networks that others published, or that their code has.

mmdet's and torchvision's necks were instantiated, effdet's too; RT-DETR's is its hybrid encoder
without AIFI; those of YOLO follow from their configurations (YOLOv8n's from Ultralytics' log too).
"""

from dataclasses import dataclass, field

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.helpers import Generated, generate, trainable


@dataclass(frozen=True)
class Row:
    """A spec, or its changes to one that ships, and its parameters."""

    spec: str
    parameters: int
    changes: tuple[str, ...] = ()
    options: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.spec, *map(str, self.options.values()), str(self.parameters)])

    def generated(self) -> Generated:
        if not self.changes:
            return generate(self.spec, **self.options)
        lines = ("fpnc: 1", f"name: {self.spec}_row", f"extends: {self.spec}", *self.changes)
        return generate("\n".join([*lines, ""]), **self.options)


def resnet(spec: str, parameters: int, *changes: str, depth: int = 50) -> Row:
    return Row(spec, parameters, changes, {"backbone": f"resnet{depth}"})


def efficientdet(spec: str, phi: int, parameters: int, *changes: str) -> Row:
    return Row(spec, parameters, changes, {"phi": phi})


def rtdetr(depth: int, encoder: int, aifi: int, width: int, expansion: float) -> Row:
    """The hybrid encoder of a ResNet, whose parameters include those of AIFI."""
    block = f"{{block: csp_rep, expansion: {expansion}}}"
    nodes = (f"  {node}: {{op: {block}}}" for node in ("td(4)", "out(3)", "out(4..)"))
    return resnet("rtdetr_ccff", encoder - aifi, f"width: {width}", "nodes:", *nodes, depth=depth)


NO_BIAS = "redundant_bias: false"
FULL = ("op: {conv: full}", NO_BIAS)
PER_SOURCE = "adapters: {sharing: per_source}"

ROWS = [
    resnet("fpn_lin2017", 3_344_384),
    resnet("fpn_retinanet", 7_997_440),
    resnet("fpn_retinanet_p5", 3_868_672),
    resnet("pafpn_mmdet", 6_884_864),
    resnet("panet_2018", 6_884_864),
    resnet("nas_fpn_mmdet", 29_990_144),
    resnet("ssd_extra", 2_460_032),
    rtdetr(18, 4_965_120, 789_760, 256, 0.5),
    rtdetr(50, 5_653_248, 789_760, 256, 0.5),  # R50-m
    resnet("rtdetr_ccff", 11_950_848 - 789_760),
    rtdetr(101, 26_577_536, 2_168_192, 384, 1.0),
    *(
        Row("yolov5_neck", parameters, options={"phi": phi})
        for phi, parameters in enumerate((710_784, 2_834_688, 8_679_168, 19_523_072, 36_902_400))
    ),
    *(
        Row("yolov8_neck", parameters, options={"phi": phi})
        for phi, parameters in enumerate((986_880, 3_939_840, 10_224_768, 18_238_464, 28_491_520))
    ),
    efficientdet("simplified_panet", 0, 168_192),
    efficientdet("simplified_panet", 0, 168_240, "fusion: fast_normalized"),
    efficientdet("simplified_panet", 3, 1_475_200),
    efficientdet("simplified_panet", 3, 1_475_296, "fusion: fast_normalized"),
    efficientdet("bifpn_sum", 0, 196_224),
    efficientdet("bifpn_sum", 0, 194_304, NO_BIAS),
    efficientdet("bifpn", 0, 194_361, NO_BIAS),
    efficientdet("bifpn", 3, 1_475_314, PER_SOURCE),
    efficientdet("fully_connected", 0, 247_552),
    efficientdet("fully_connected", 3, 1_349_120),
    efficientdet("qufpn", 0, 447_632),
    efficientdet("qufpn_sum", 0, 447_518),
    Row("qufpn_timm", 442_832, options={"variant": "efficientdet_q0"}),
    Row("qufpn_timm", 7_747_776, options={"variant": "cspdarkdet53m"}),
    Row(
        "panet",  # cspresdext50pan
        2_592_534,
        (*FULL, "width: 88", "depth: 3", "fusion: fast_normalized"),
        {"backbone": "cspresnext50"},
    ),
    efficientdet("bifpn_p2_p7", 4, 772_168, "width: 128", "depth: 3"),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_network_has_the_published_parameters(row):
    generated = row.generated()
    with torch.device("meta"):
        network = generated.module.FeatureNetwork()
    assert trainable(network) == row.parameters
    assert generated.compiled.cost.network.parameters == row.parameters


def test_five_nodes_of_the_last_layer_do_not_live_where_p2_alone_is_read():
    """Section 5.2's segmentation: 772,168 parameters count the dead nodes, too."""
    compiled = generate("bifpn_p2_p7", model="efficientseg").compiled
    repeated, last = compiled.network.layers[-2:]
    assert set(repeated.graph.computed()) - set(last.graph.computed()) == {
        f"p{level}_out" for level in range(3, 8)
    }
    assert compiled.cost.network.parameters == 772_168 - 89_614


@pytest.mark.parametrize(("spec", "billions"), [("panet", 0.1813), ("qufpn", 0.3541)])
def test_a_network_in_d0_has_effdets_multiply_accumulates(spec, billions):
    macs = generate(spec, phi=0).compiled.cost.network.macs
    assert macs == pytest.approx(billions * 1e9, abs=0.5e5)


SPECS = sorted({row.spec for row in ROWS} | {"nas_fpn", "gfpn_log2n", "asff", "yolov3_neck"})


@pytest.mark.parametrize("spec", [*SPECS, "semantic_fpn", "unet"])
def test_static_cost_is_that_of_the_generated_network(spec):
    generated = generate(spec)
    compiled, module = generated.compiled, generated.module
    with torch.device("meta"):
        network = module.FeatureNetwork().eval()
        height, width = module.IMAGE_SIZE
        maps = [
            torch.empty(1, channels, -(-height // 2**level), -(-width // 2**level))
            for level, channels in sorted(compiled.network.taps.items())
        ]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(maps)
    cost = compiled.cost.network
    assert (trainable(network), counter.get_total_flops() / 2) == (cost.parameters, cost.macs)
