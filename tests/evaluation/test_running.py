import copy

import pytest
import torch

from fpncompiler.datasets.images import read_image
from fpncompiler.detection.pictures import letterbox
from fpncompiler.evaluation.classes import ClassesDifferError, matched
from fpncompiler.evaluation.coco import score
from fpncompiler.evaluation.detecting import Detecting, detect
from fpncompiler.evaluation.running import evaluate
from tests.evaluation.tiny import tiny_dataset, tiny_detector


def test_boxes_are_in_pixels_of_each_image(tmp_path):
    dataset, detector = tiny_dataset(tmp_path), tiny_detector()
    _, found = evaluate(detector, dataset, batch_size=2, fuse=False)
    assert [*found] == [1, 2, 3]
    for item in dataset.items:
        frame, scale = letterbox(read_image(item.file), (128, 128))
        [direct] = detect(detector, detector.model.normalize(frame), Detecting())
        boxes = direct["boxes"] / scale
        x, y = boxes[:, 0::2].clamp(0, item.width), boxes[:, 1::2].clamp(0, item.height)
        inside = (x[:, 1] > x[:, 0]) & (y[:, 1] > y[:, 0])
        mine = found[item.image_id]
        assert len(mine["boxes"]) > 0
        torch.testing.assert_close(mine["scores"], direct["scores"][inside], rtol=1e-4, atol=1e-6)
        assert mine["boxes"].shape == (int(inside.sum()), 4)
        assert (mine["boxes"].amax(0)[2:] <= torch.tensor([item.width, item.height])).all()


def test_evaluation_is_that_of_what_was_found(tmp_path, capsys):
    dataset = tiny_dataset(tmp_path)
    evaluation, found = evaluate(tiny_detector(), dataset)
    assert evaluation == score(found, dataset)
    assert evaluation.images == 3
    assert capsys.readouterr() == ("", "")


def test_progress_is_told_after_each_batch(tmp_path):
    told = []
    evaluate(
        tiny_detector(),
        tiny_dataset(tmp_path),
        batch_size=2,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(2, 3), (3, 3)]


def test_unreadable_images_are_reported_and_left_out(tmp_path):
    dataset = tiny_dataset(tmp_path)
    (tmp_path / "0.png").write_bytes((tmp_path / "0.png").read_bytes()[:60])
    (tmp_path / "2.png").unlink()
    evaluation, found = evaluate(tiny_detector(), dataset)
    assert [*found] == [2]
    assert evaluation.images == 1
    assert [each.file for each in evaluation.skipped] == [
        (tmp_path / name).as_posix() for name in ("0.png", "2.png")
    ]
    assert all(each.reason for each in evaluation.skipped)


def test_other_image_size_is_taken(tmp_path):
    dataset, detector = tiny_dataset(tmp_path), tiny_detector()
    _, small = evaluate(detector, dataset)
    _, large = evaluate(detector, dataset, image_size=(192, 160))
    assert small[1]["scores"].tolist() != large[1]["scores"].tolist()


@pytest.mark.parametrize("fuse", [True, False])
def test_model_is_as_it_was(tmp_path, fuse):
    detector = tiny_detector()
    detector.model.train()
    detector.model.backbone.eval()
    modes = [part.training for part in detector.model.modules()]
    state, random = copy.deepcopy(detector.model.state_dict()), torch.get_rng_state()
    evaluate(detector, tiny_dataset(tmp_path), fuse=fuse)
    assert [part.training for part in detector.model.modules()] == modes
    assert all(w.requires_grad and not w.is_inference() for w in detector.model.parameters())
    assert all(value.equal(state[key]) for key, value in detector.model.state_dict().items())
    assert torch.get_rng_state().equal(random)


def test_fused_model_finds_the_same(tmp_path):
    dataset, detector = tiny_dataset(tmp_path), tiny_detector()
    _, plain = evaluate(detector, dataset, fuse=False)
    _, fused = evaluate(detector, dataset)
    for image in plain:
        torch.testing.assert_close(
            plain[image]["scores"], fused[image]["scores"], rtol=1e-2, atol=1e-4
        )


def test_data_set_may_have_fewer_classes_in_another_order(tmp_path):
    detector = tiny_detector(("tree", "car", "CELL"))
    dataset = tiny_dataset(tmp_path)  # cell, tree
    evaluation, found = evaluate(detector, dataset)
    assert [each.name for each in evaluation.classes] == ["cell", "tree"]
    assert {label for each in found.values() for label in each["labels"].tolist()} <= {0, 1}
    assert matched(detector.classes, dataset.classes) == (1, -1, 0)


def test_names_that_are_the_same_to_the_letter_are_matched_first():
    assert matched(("Cell", "cell"), ("cell", "Cell")) == (1, 0)


def test_class_that_the_detector_does_not_know_is_named(tmp_path):
    with pytest.raises(ClassesDifferError) as caught:
        evaluate(tiny_detector(("tree", "car")), tiny_dataset(tmp_path))
    assert str(caught.value).splitlines() == [
        "the detector does not know 'cell'",
        "  the data set has 'cell', 'tree'",
        "  the detector has 'tree', 'car'",
    ]


def test_empty_data_set_is_evaluated(tmp_path):
    evaluation, found = evaluate(tiny_detector(), tiny_dataset(tmp_path, sizes=()))
    assert (evaluation.images, found) == (0, {})
