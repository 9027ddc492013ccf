"""The segmentation model of EfficientDet's section 5.2, and others that read one level."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fpncompiler.diagnostics import SpecError
from fpncompiler.pipeline import Options, compile_spec
from tests.helpers import ROOT, generate, trainable

BACKBONE, WHOLE_NECK, DEAD_NODES = 16_742_216, 772_168, 89_614
LAST_BOTTOM_UP = [f"p{level}_out" for level in range(3, 8)]


def head_parameters(classes: int) -> int:
    """Three separable convolutions, 128 to 256 channels and on, bias and norm; then classes."""
    first, other = 9 * 128 + 128 * 256 + 3 * 256, 9 * 256 + 256 * 256 + 3 * 256
    return first + 2 * other + 9 * 256 + 256 * classes + classes


def segmentation(**options):
    generated = generate("bifpn", model="efficientseg", **options)
    return generated, generated.module.SegmentationModel


def test_it_has_the_papers_17_million_parameters():
    generated, model = segmentation()
    expected = BACKBONE + WHOLE_NECK - DEAD_NODES + head_parameters(21)
    with torch.device("meta"):
        assert trainable(model()) == expected == generated.compiled.cost.total.parameters
    assert round(expected / 1e6) == 18  # 17.60 M; without the head 17.42 M
    assert round((BACKBONE + WHOLE_NECK) / 1e6, 1) == 17.5


def test_nodes_that_nothing_reads_are_gone_from_the_last_layer_alone():
    layers = segmentation()[0].compiled.network.layers
    nodes = [[*layer.graph.computed()] for layer in layers]
    assert [len(found) for found in nodes] == [10, 10, 5]
    assert set(LAST_BOTTOM_UP) < set(nodes[0])
    assert not set(LAST_BOTTOM_UP) & set(nodes[-1])
    assert [layer.repeats for layer in layers] == [1, 1, 1]


def test_macs_are_counted():
    generated, model = segmentation()
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model().eval()(torch.empty(1, 3, 512, 512))
    assert counter.get_total_flops() == 2 * generated.compiled.cost.total.macs


def test_logits_have_stride_4_and_every_pixel_a_class():
    generated, model = segmentation()
    detector = model(num_classes=5).eval()
    images = detector.normalize(torch.randint(0, 256, (2, 3, 512, 512), dtype=torch.uint8))
    with torch.no_grad():
        assert detector(images).shape == (2, 5, 128, 128)
    small = images[:1, :, :131, :250]
    labels = detector.segment(small)
    assert labels.shape == (1, 131, 250)
    assert labels.dtype == torch.int64
    assert labels.min() >= 0
    assert labels.max() < 5
    assert generated.module.STRIDE == 4
    with pytest.raises(ValueError, match="128"):
        detector(images[..., :100])


def test_it_learns():
    model = segmentation()[1](num_classes=3).train()
    images = torch.randn(2, 3, 128, 128)
    labels = torch.randint(0, 3, (2, 32, 32))
    loss = torch.nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    assert all(p.grad is not None for p in model.network.parameters())
    assert all(p.grad is not None for p in model.class_head.parameters())


def test_it_compiles_and_exports():
    model = segmentation()[1](num_classes=3).eval()
    images = torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        eager = model(images)
        program = torch.export.export(model, (images,)).module()
        compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(program(images), eager)
        torch.testing.assert_close(compiled(images), eager)


@pytest.mark.parametrize(
    ("spec", "level"), [("unet", 0), ("semantic_fpn", 2), ("fpn_lin2017", 2), ("panet", 3)]
)
def test_any_topology_segments_at_its_finest_level(spec, level):
    generated = generate(spec, model="segmentation")
    model = generated.module.SegmentationModel().eval()
    assert trainable(model) == generated.compiled.cost.total.parameters
    with torch.no_grad():
        logits = model(torch.randn(1, 3, 128, 128))
    assert logits.shape == (1, 21, 128 >> level, 128 >> level)


def test_a_segmentation_head_reads_one_level(tmp_path):
    (tmp_path / "models").mkdir()
    text = (ROOT / "specs/models/segmentation.yaml").read_text()
    text = text.replace("kind: segmentation,", "kind: segmentation, levels: 3..4,")
    (tmp_path / "models/two.yaml").write_text(text.replace("model: segmentation", "model: two"))
    spec = tmp_path / "mine.yaml"
    spec.write_text("fpnc: 1\nname: mine\nextends: panet\n")
    with pytest.raises(SpecError, match=r"F403.*one level, not 2"):
        compile_spec(spec, Options(model="two"))
