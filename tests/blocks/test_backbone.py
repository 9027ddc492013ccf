import pytest
import timm
import torch

from fpncompiler.blocks.backbone import (
    check_feature_sizes,
    check_image_size,
    create_backbone,
    find_taps,
)


@pytest.mark.parametrize(
    ("name", "levels", "taps"),
    [
        ("resnet18", (3, 4, 5), (2, 3, 4)),
        ("resnet18", (2, 5), (1, 4)),
        ("convnext_atto", (3, 4, 5), (1, 2, 3)),
        ("cspdarknet53", (3, 4, 5), (3, 4, 5)),
    ],
)
def test_taps_are_found_by_stride(name, levels, taps):
    assert find_taps(name, levels) == taps


def test_a_missing_level_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match=r"resnet18 lacks levels \[6\] of \[4, 6\]; it has \[1, 2"):
        create_backbone("resnet18", (4, 6), pretrained=False)


def test_features_have_the_strides_of_their_levels():
    backbone = create_backbone("mobilenetv3_small_050", (3, 4, 5), pretrained=False).eval()
    features = backbone(torch.zeros(1, 3, 100, 65))
    check_feature_sizes(features, (100, 65), (3, 4, 5))
    assert [f.shape[-2:] for f in features] == [(13, 9), (7, 5), (4, 3)]


def test_given_taps_are_taken_as_they_are():
    backbone = create_backbone("resnet18", (3, 4), pretrained=False, taps=(1, 2))
    assert backbone.feature_info.reduction() == [4, 8]


def test_drop_path_is_passed_on_only_where_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(timm, "create_model", lambda name, **options: asked.append(options))
    create_backbone("resnet18", (3,), pretrained=False, taps=(2,))
    create_backbone("resnet18", (3,), pretrained=False, taps=(2,), drop_path_rate=0.2)
    # timm drops an option that is None before it reaches the model.
    assert [options["drop_path_rate"] for options in asked] == [None, 0.2]


def test_a_model_without_drop_path_is_built():
    create_backbone("dla34", (5,), pretrained=False)


def test_a_failed_download_says_what_to_do(monkeypatch):
    cause = ConnectionError("no route to host")

    def fail(name, **options):
        raise cause

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(RuntimeError, match="of resnet18: pass pretrained_backbone=False") as caught:
        create_backbone("resnet18", (3,), pretrained=True, taps=(2,))
    assert caught.value.__cause__ is cause


def test_too_small_an_image_is_refused_with_a_size_that_fits():
    check_image_size(128, 128, 128)
    with pytest.raises(
        ValueError, match=r"100x300 pixels.* 128 pixels or more; the nearest size is 128x300"
    ):
        check_image_size(100, 300, 128)


def test_a_backbone_that_rounds_down_is_refused_with_sizes_that_fit():
    features = [torch.empty(1, 8, 25, 42), torch.empty(1, 8, 12, 21)]
    with pytest.raises(ValueError, match=r"level 4 is 12x21, not 13x21.*200x333.*such as 192x336"):
        check_feature_sizes(features, (200, 333), (3, 4))


def checked_sum(x):
    check_image_size(x.shape[2], x.shape[3], 128)
    check_feature_sizes([x], (x.shape[2], x.shape[3]), (3,))
    return x + 1


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.filterwarnings("error::torch.jit.TracerWarning")
def test_checks_are_skipped_while_tracing_and_compiling():
    x = torch.zeros(1, 1, 4, 4)
    with pytest.raises(ValueError, match="does not fit"):
        checked_sum(x)
    assert torch.equal(torch.jit.trace(checked_sum, x, check_trace=False)(x), x + 1)
    assert torch.equal(torch.compile(checked_sum, backend="eager", fullgraph=True)(x), x + 1)


def test_maps_with_channels_last_are_refused_by_name():
    with pytest.raises(ValueError, match=r"maps are \[B, H, W, C\]"):
        check_feature_sizes([torch.empty(1, 28, 30, 192)], (224, 240), (3,))


def test_a_backbone_that_rounds_down_names_the_nearest_multiples():
    with pytest.raises(ValueError, match=r"in multiples of 32; the nearest size is 128x192"):
        check_image_size(131, 200, 128, 32)
    check_image_size(160, 192, 128, 32)


def test_a_backbone_that_halves_unevenly_is_refused():
    with pytest.raises(ValueError, match="does not halve its maps evenly"):
        check_feature_sizes([torch.empty(1, 8, 29, 29)], (256, 256), (3,))
