import pytest
import torch
from effdet.anchors import Anchors, decode_box_outputs

from fpncompiler.blocks.anchors import decode_boxes, make_anchors

RATIOS = [(1.0, 1.0), (1.4, 0.7), (0.7, 1.4)]


def to_yxyx(boxes):
    return boxes[..., [1, 0, 3, 2]]


@pytest.mark.parametrize("size", [(512, 512), (320, 448), (200, 333), (129, 401)])
@pytest.mark.parametrize("scale", [4.0, 3.0])
def test_anchors_are_bit_equal_to_those_of_effdet(size, scale):
    reference = Anchors(3, 7, 3, RATIOS, scale, size)
    anchors = make_anchors(size, reference.feat_sizes[3:], [scale] * 5, 3, RATIOS)
    assert anchors.dtype == torch.float32
    assert torch.equal(to_yxyx(anchors), reference.boxes)


def test_a_level_may_have_its_own_scale():
    reference = Anchors(3, 4, 2, RATIOS[:2], [4.0, 5.0], (64, 96))
    anchors = make_anchors((64, 96), [(8, 12), (4, 6)], [4.0, 5.0], 2, RATIOS[:2])
    assert torch.equal(to_yxyx(anchors), reference.boxes)


def test_first_anchor_of_d0_reaches_beyond_the_image():
    anchors = make_anchors((512, 512), [(64, 64)], [4.0], 3, RATIOS)
    assert anchors.shape == (64 * 64 * 9, 4)
    assert anchors[0].tolist() == [-12, -12, 20, 20]


def test_a_level_without_a_scale_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        make_anchors((64, 64), [(8, 8), (4, 4)], [4.0], 3, RATIOS)


def test_anchors_do_not_depend_on_the_default_device():
    with torch.device("meta"):
        anchors = make_anchors((64, 64), [(8, 8)], [4.0], 3, RATIOS)
    assert anchors.device.type == "cpu"


def test_decoding_is_bit_equal_to_that_of_effdet():
    torch.manual_seed(0)
    anchors = make_anchors((64, 96), [(8, 12)], [4.0], 3, RATIOS)
    deltas = torch.randn(2, len(anchors), 4)
    boxes = decode_boxes(deltas, anchors)
    for got, delta in zip(boxes, deltas, strict=True):
        assert torch.equal(got, decode_box_outputs(delta, to_yxyx(anchors), output_xyxy=True))


def test_zero_deltas_give_the_anchors():
    anchors = make_anchors((64, 96), [(8, 12)], [4.0], 1, RATIOS)
    torch.testing.assert_close(decode_boxes(torch.zeros_like(anchors), anchors), anchors)
