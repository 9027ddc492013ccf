import pytest
import torch

from fpncompiler.blocks.images import normalize_images

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_bytes_and_floats_of_one_image_are_equal():
    pixels = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    expected = (pixels.float() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(
        3, 1, 1
    )
    assert torch.equal(normalize_images(pixels, MEAN, STD), expected)
    assert torch.equal(normalize_images(pixels.float() / 255, MEAN, STD), expected)
    assert torch.equal(normalize_images(pixels.double() / 255, MEAN, STD).float(), expected)


def test_a_single_image_becomes_a_batch_of_one():
    assert normalize_images(torch.zeros(3, 4, 5), MEAN, STD).shape == (1, 3, 4, 5)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float64])
def test_the_result_is_single_precision(dtype):
    assert normalize_images(torch.zeros(1, 3, 4, 5, dtype=dtype), MEAN, STD).dtype == torch.float32


@pytest.mark.parametrize("shape", [(4, 5), (1, 4, 5), (2, 4, 5, 3), (1, 2, 3, 4, 5)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=rf"not \[{', '.join(map(str, shape))}\]"):
        normalize_images(torch.zeros(shape), MEAN, STD)


def test_other_integers_are_refused():
    with pytest.raises(ValueError, match=r"uint8 or floating point, not torch\.int64"):
        normalize_images(torch.zeros(3, 4, 5, dtype=torch.int64), MEAN, STD)
