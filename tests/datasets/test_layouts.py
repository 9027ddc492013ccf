"""The layouts are told apart, their splits found, and boxes come out in one form."""

import json
import shutil

import pytest

from fpncompiler.datasets.findings import DataError
from fpncompiler.datasets.leaks import leaks
from fpncompiler.datasets.opening import find_layout, open_dataset
from tests.datasets.builders import (
    annotation,
    annotation_xml,
    box_xml,
    coco,
    codes,
    image,
    picture,
    voc,
    write_json,
    write_text,
    yolo,
)

BOX = (10.0, 20.0, 40.0, 30.0)


def items(opened):
    return [(item.file.name, item.boxes, item.labels) for item in opened.dataset.items]


def test_coco_boxes_are_corners_and_categories_keep_their_ids(tmp_path):
    boxes = [annotation(), annotation(2, category=5, bbox=[0.5, 1, 2, 3], iscrowd=1)]
    opened = open_dataset(coco(tmp_path, annotations=boxes))
    assert opened.layout == "COCO"
    assert opened.dataset.classes == ("cat", "dog")
    assert opened.dataset.category_ids == (1, 5)
    assert items(opened) == [("a.png", (BOX, (0.5, 1.0, 2.5, 4.0)), (0, 1))]
    assert opened.dataset.items[0].crowd == (False, True)
    assert opened.findings == ()


def test_voc_boxes_are_taken_as_they_are_and_classes_sorted(tmp_path):
    files = {"a": annotation_xml(box_xml("dog"), box_xml("cat")), "b": annotation_xml()}
    opened = open_dataset(voc(tmp_path, files, {"train": ["b", "a"], "val": ["a"]}))
    assert opened.layout == "Pascal VOC"
    assert opened.dataset.classes == ("cat", "dog")
    assert items(opened) == [("b.png", (), ()), ("a.png", (BOX, BOX), (1, 0))]
    assert [each.code for each in opened.findings] == ["D941"]


def test_splits_of_voc_have_the_same_classes(tmp_path):
    files = {"a": annotation_xml(box_xml("dog")), "b": annotation_xml(box_xml("cat"))}
    folder = voc(tmp_path, files, {"train": ["a"], "val": ["b"]})
    train, val = (open_dataset(folder, split).dataset for split in ("train", "val"))
    assert train.classes == val.classes == ("cat", "dog")


def test_yolo_boxes_are_fractions_of_the_image(tmp_path):
    opened = open_dataset(yolo(tmp_path, {"a": "1 0.5 0.5 0.25 0.5\n0 0.1 0.1 0.3 0.1 0.2 0.4\n"}))
    assert opened.layout == "YOLO"
    ((_, boxes, labels),) = items(opened)
    assert boxes[0] == (24.0, 12.0, 40.0, 36.0)
    assert boxes[1] == pytest.approx((6.4, 4.8, 19.2, 19.2))  # the frame of a polygon
    assert labels == (1, 0)


@pytest.mark.parametrize("name", ["train", "instances_train", "instances_train2017", "train2017"])
@pytest.mark.parametrize("folder", ["images", "images/train", "train", "train2017", "."])
def test_names_of_coco_files_and_folders_are_understood(name, folder, tmp_path):
    picture(tmp_path / folder / "z.png")
    document = {
        "images": [image(file="z.png")],
        "annotations": [annotation()],
        "categories": [{"id": 1, "name": "cat"}],
    }
    write_json(tmp_path / f"annotations/{name}.json", document)
    if "2017" in folder and "2017" not in name:
        return
    assert len(open_dataset(tmp_path, "train").dataset.items) == 1


def test_captions_beside_the_boxes_are_no_split(tmp_path):
    folder = coco(tmp_path)
    write_json(folder / "annotations/captions_train2017.json", {"images": []})
    assert find_layout(folder).names == ("train",)


def test_json_beside_its_images_is_a_split_of_its_own(tmp_path):
    document = {"images": [image()], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    write_json(tmp_path / "valid/_annotations.coco.json", document)
    picture(tmp_path / "valid/a.png")
    assert open_dataset(tmp_path, "val").dataset.split == "valid"
    assert len(open_dataset(tmp_path / "valid/_annotations.coco.json").dataset.items) == 1


def test_one_json_file_may_have_its_images_elsewhere(tmp_path):
    file = coco(tmp_path / "set") / "annotations/train.json"
    shutil.move(tmp_path / "set/images", tmp_path / "photos")
    with pytest.raises(DataError, match="no image"):
        open_dataset(file)
    assert len(open_dataset(file, images=tmp_path / "photos").dataset.items) == 1
    with pytest.raises(DataError, match="there is no folder"):
        open_dataset(file, images=tmp_path / "fotos")


def test_voc_without_lists_is_one_split(tmp_path):
    folder = voc(tmp_path, lists={})
    with pytest.raises(DataError) as caught:
        open_dataset(folder)
    assert caught.value.help == "it has `all`"
    assert len(open_dataset(folder, "all").dataset.items) == 1


def test_voc_files_beside_their_images_are_split_by_folders(tmp_path):
    for split in ("train", "valid"):
        picture(tmp_path / split / "a.png")
        write_text(tmp_path / split / "a.xml", annotation_xml(box_xml()))
    assert find_layout(tmp_path).names == ("train", "valid")
    assert len(open_dataset(tmp_path, "val").dataset.items) == 1


def test_lists_of_one_class_are_no_splits(tmp_path):
    folder = voc(tmp_path)
    write_text(folder / "ImageSets/Main/cat_train.txt", "a  1\nb -1\n")
    assert find_layout(folder).names == ("train",)


def test_a_voc_image_may_be_called_as_its_annotation_says(tmp_path):
    folder = voc(tmp_path, {"a": annotation_xml(box_xml(), filename="other.png")})
    (folder / "JPEGImages/a.png").rename(folder / "JPEGImages/other.png")
    assert items(open_dataset(folder))[0][0] == "other.png"


def test_voc_classes_may_be_listed(tmp_path):
    folder = voc(tmp_path, {"a": annotation_xml(box_xml(), box_xml("dgo"))})
    write_text(folder / "classes.txt", "dog\ncat\n")
    opened = open_dataset(folder)
    assert opened.dataset.classes == ("dog", "cat")
    assert codes(opened) == ["D904"]
    assert "did you mean 'dog'?" in opened.findings[0].message


@pytest.mark.parametrize("build", [coco, voc])
def test_names_of_classes_that_are_given_count(build, tmp_path):
    names = write_text(tmp_path / "names.txt", "bird\ncat\n")
    opened = open_dataset(build(tmp_path / "set"), classes=names)
    assert opened.dataset.classes == ("bird", "cat")
    assert opened.dataset.items[0].labels == (1,)
    assert len({*opened.dataset.category_ids}) == 2


@pytest.mark.parametrize("text", ["", "cat\ncat\n", "\xff"])
def test_wrong_names_of_classes_are_refused(text, tmp_path):
    names = write_text(tmp_path / "names.txt", text.encode("latin-1"))
    with pytest.raises(DataError):
        open_dataset(coco(tmp_path / "set"), classes=names)


@pytest.mark.parametrize(
    ("settings", "split"),
    [
        ("path: .\ntrain: images/train\nnames: {0: cat, 1: dog}", "train"),
        ("path: ../elsewhere\ntrain: images/train\nnames: [cat, dog]\nnc: 2", "train"),
        ("train: ../images/train\nnames: [cat, dog]", "train"),
        ("train: [images/train]\nval:\nnames: ['cat', \"dog\"]", "train"),
        ("val: images/train\nnames:\n  - cat\n  - dog", "val"),
        ("train: train.txt\nnames: [cat, dog]\ndownload: |\n  import os\n", "train"),
        ("train: images/train/a.png\nnames: [cat, dog]", "train"),
    ],
)
def test_forms_of_data_yaml_are_understood(settings, split, tmp_path):
    folder = yolo(tmp_path, settings=settings)
    write_text(folder / "train.txt", "./images/train/a.png\n")
    for path in (folder, folder / "data.yaml"):
        opened = open_dataset(path, split)
        assert opened.dataset.classes == ("cat", "dog")
        assert len(opened.dataset.items[0].boxes) == 1


def test_yolo_folders_without_data_yaml_need_names(tmp_path):
    folder = yolo(tmp_path)
    (folder / "data.yaml").unlink()
    with pytest.raises(DataError, match="have no names"):
        open_dataset(folder)
    write_text(folder / "classes.txt", "cat\ndog\n")
    assert len(open_dataset(folder).dataset.items) == 1


def test_yolo_labels_of_no_image_are_told(tmp_path):
    folder = yolo(tmp_path)
    write_text(folder / "labels/train/gone.txt", "0 0.5 0.5 0.1 0.1\n")
    assert codes(open_dataset(folder)) == ["D926"]


def test_a_folder_of_none_of_the_layouts_is_told_them_all(tmp_path):
    picture(tmp_path / "a.png")
    with pytest.raises(DataError) as caught:
        find_layout(tmp_path)
    assert all(name in caught.value.help for name in ("COCO", "Pascal VOC", "YOLO"))


@pytest.mark.parametrize("build", [coco, voc, yolo])
def test_a_split_that_is_not_there_is_told_those_that_are(build, tmp_path):
    with pytest.raises(DataError, match="has no split `trian`") as caught:
        open_dataset(build(tmp_path), "trian")
    assert "did you mean `train`?" in caught.value.help
    with pytest.raises(DataError) as caught:
        open_dataset(build(tmp_path), "test")
    assert caught.value.help == "it has `train`"


def test_boxes_are_clipped_to_the_image(tmp_path):
    boxes = [[-5, 20, 30, 10], [60, 40, 100, 100], [-0.3, 0, 10, 10]]
    listed = [annotation(key, bbox=box) for key, box in enumerate(boxes, 1)]
    opened = open_dataset(coco(tmp_path, annotations=listed))
    assert codes(opened) == ["D901", "D901"]  # rounding is cut off without a word
    assert opened.dataset.items[0].boxes == (
        (0.0, 20.0, 25.0, 30.0),
        (60.0, 40.0, 64.0, 48.0),
        (0.0, 0.0, 9.7, 10.0),
    )


def test_ids_of_annotations_are_not_needed(tmp_path):
    listed = [{key: value for key, value in annotation().items() if key != "id"}]
    opened = open_dataset(coco(tmp_path, annotations=listed))
    assert codes(opened) == []
    assert len(opened.dataset.items[0].boxes) == 1


def test_an_image_on_its_side_is_seen_as_it_is_turned(tmp_path):
    from PIL import Image

    folder = coco(tmp_path, images=[image(width=48, height=64)])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 48)).save(folder / "images/a.png", exif=exif)
    item = open_dataset(folder, verify=True).dataset.items[0]
    assert (item.width, item.height) == (48, 64)
    folder = coco(tmp_path / "again", images=[image(), image(2, "b.png")])
    shutil.copy(tmp_path / "images/a.png", folder / "images/b.png")
    opened = open_dataset(folder)
    assert codes(opened) == ["D913"]
    assert "EXIF" in opened.findings[0].message


def test_what_is_cut_off_is_seen_where_images_are_decoded(tmp_path):
    folder = coco(tmp_path, images=[image(), image(2, "b.png")])
    data = (folder / "images/a.png").read_bytes()
    write_text(folder / "images/b.png", data[: len(data) // 2])
    assert codes(open_dataset(folder)) == []
    opened = open_dataset(folder, verify=True)
    assert codes(opened) == ["D912"]
    assert len(opened.dataset.items) == 1


def test_copies_in_another_split_are_leaks(tmp_path):
    folder = voc(tmp_path, lists={"train": ["a"], "val": ["b"], "trainval": ["a", "b"]})
    shutil.copy(folder / "JPEGImages/a.png", folder / "JPEGImages/b.png")
    shutil.copy(folder / "Annotations/a.xml", folder / "Annotations/b.xml")
    splits = [open_dataset(folder, name).dataset for name in ("train", "val", "trainval")]
    assert leaks(splits, by_content=False) == ()
    (leak,) = leaks(splits, by_content=True)
    assert leak.code == "D924"
    assert "a.png" in leak.message


def test_opening_twice_gives_the_same(tmp_path):
    listed = [annotation(key, category=9 - key % 3) for key in range(1, 9)]
    folder = coco(tmp_path, annotations=listed)
    assert open_dataset(folder) == open_dataset(folder)
    document = json.loads((folder / "annotations/train.json").read_text())
    assert document["annotations"] == listed
