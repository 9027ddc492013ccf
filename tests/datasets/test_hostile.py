"""Hostile data sets: clear errors or findings, never a traceback, a hang or an escape."""

import json
import os
import random
from pathlib import Path

import pytest

from fpncompiler.datasets.findings import DataError
from fpncompiler.datasets.opening import find_layout, open_dataset
from tests.datasets.builders import (
    CATEGORIES,
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

JUNK = [None, True, -1, 0, 2.5, 10**30, "", "x", "1", [], {}, [1], {"a": 1}, float("nan"), -1e308]
BOMB = """<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;&x;&x;">]>
<annotation><filename>&y;</filename></annotation>
"""


def with_junk(listed: list[dict], value: object) -> list[list]:
    """The list with each of its values, and itself, replaced by something else."""
    (first,) = listed
    changed = [[value], [{k: v for k, v in first.items() if k != value}]]
    return changed + [[{**first, key: value}] for key in first]


def try_open(folder):
    """What a data set gives; any other error fails the test."""
    try:
        opened = open_dataset(folder)
    except DataError:
        return None
    for item in opened.dataset.items:
        assert len(item.boxes) == len(item.labels) == len(item.crowd)
        for x0, y0, x1, y1 in item.boxes:
            assert 0 <= x0 < x1 <= item.width
            assert 0 <= y0 < y1 <= item.height
        assert all(0 <= label < len(opened.dataset.classes) for label in item.labels)
    return opened


@pytest.mark.parametrize("value", JUNK, ids=repr)
def test_coco_with_a_value_of_the_wrong_type_is_told(value, tmp_path):
    parts = {
        "images": [image()],
        "annotations": [annotation(iscrowd=0)],
        "categories": CATEGORIES[:1],
    }
    for key, listed in parts.items():
        for changed in with_junk(listed, value):
            opened = try_open(coco(tmp_path, **{**parts, key: changed}))
            if opened and changed[0] != listed[0] and key == "annotations":
                kept = sum(len(item.boxes) for item in opened.dataset.items)
                assert kept == 1 or opened.findings
        write_json(tmp_path / "annotations/train.json", {**parts, key: value})
        assert isinstance(value, list) or try_open(tmp_path) is None


@pytest.mark.parametrize("value", JUNK, ids=repr)
def test_coco_with_a_wrong_corner_is_told(value, tmp_path):
    for place in range(4):
        box = [10, 20, 30, 10]
        box[place] = value
        opened = try_open(coco(tmp_path, annotations=[annotation(), annotation(2, bbox=box)]))
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e9:
            assert codes(opened) == ["D931"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "[" * 100_000,
        '{"images":' * 50_000,
        "{",
        '{"images": [], "annotations": [], "categories": []}',
        '{"images": 1' + "0" * 5000 + "}",
        "\ufeff{}",
        "\x00\x01",
    ],
    ids=lambda text: text[:12],
)
def test_json_that_is_no_coco_is_refused(text, tmp_path):
    with pytest.raises(DataError):
        open_dataset(write_json(tmp_path / "a.json", text))


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "C:\\a.png", "a\0.png", "..", "./.."])
def test_a_file_name_that_leads_elsewhere_is_not_followed(name, tmp_path):
    picture(tmp_path / "a.png")
    folder = coco(tmp_path / "set", images=[image(), image(2, name)])
    opened = open_dataset(folder)
    assert codes(opened) == ["D932"]
    assert [item.file.name for item in opened.dataset.items] == ["a.png"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<annotation>",
        BOMB,
        BOMB.encode("utf-16"),
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>',
        "<annotation>&undefined;</annotation>",
        "<a>" * 100 + "</a>" * 100,
        "<a>" * 300_000,
        '<?xml version="1.0" encoding="rot13"?><annotation/>',
        "<html/>",
        b"\xff\xfe\x00",
        random.Random(1).randbytes(500),
    ],
    ids=lambda text: repr(text[:14]),
)
def test_xml_that_is_no_annotation_is_told_with_its_file(text, tmp_path):
    folder = voc(tmp_path, lists={"train": ["a", "b"]})
    write_text(folder / "Annotations/b.xml", text)
    opened = open_dataset(folder)
    assert codes(opened) == ["D932"]
    assert opened.findings[0].file.endswith("b.xml")
    assert "passwd" not in opened.findings[0].message


@pytest.mark.parametrize(
    "number", ["", "nan", "inf", "1e999", "1_0", "0x10", "--1", "9" * 400, "a"]
)
def test_a_corner_of_xml_that_is_no_number_is_told_with_its_line(number, tmp_path):
    text = annotation_xml(box_xml(), box_xml(box=(number, 20, 40, 30)))
    opened = open_dataset(voc(tmp_path, {"a": text}))
    assert codes(opened) == ["D931"]
    assert opened.findings[0].line == 5


def test_a_list_that_names_files_elsewhere_is_not_followed(tmp_path):
    names = ["a", "../../secret", "/etc/passwd", "missing", "b" * 5000]
    write_text(tmp_path / "secret.xml", annotation_xml(box_xml()))
    opened = try_open(voc(tmp_path / "set", lists={"train": names}))
    found = [(each.code, each.line) for each in opened.findings if each.severity != "note"]
    assert found == [("D932", 2), ("D932", 3), ("D933", 0), ("D933", 0)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("0 0.5 0.5 0.2", "D932"),
        ("0 0.5 0.5 0.2 0.2 0.9", "D932"),
        ("x" * 200_000, "D932"),
        ("0 nan 0.5 0.2 0.2", "D931"),
        ("0 0.5 inf 0.2 0.2", "D931"),
        ("0 320 240 50 60", "D931"),
        ("cat 0.5 0.5 0.2 0.2", "D931"),
        ("2 0.5 0.5 0.2 0.2", "D904"),
        ("-1 0.5 0.5 0.2 0.2", "D904"),
        ("0.5 0.5 0.5 0.2 0.2", "D904"),
        ("1e8 0.5 0.5 0.2 0.2", "D904"),
        ("0 0.5 0.5 0 0.2", "D903"),
        ("0 0.5 0.5 -0.2 0.2", "D903"),
        ("0 1.5 0.5 0.2 0.2", "D902"),
        ("0 0.95 0.5 0.2 0.2", "D901"),
    ],
    ids=lambda text: text[:22],
)
def test_a_wrong_line_is_told_with_its_number(line, code, tmp_path):
    opened = open_dataset(yolo(tmp_path, {"a": f"0 0.5 0.5 0.2 0.2\n\n{line}\n"}))
    assert [(f.code, f.line) for f in opened.findings if f.severity != "note"] == [(code, 3)]
    assert opened.findings[0].file.endswith("labels/train/a.txt")


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "- a",
        "train: images/train\nnames: 3",
        "train: images/train\nnames: []",
        "train: images/train\nnames: [cat, cat]",
        "train: images/train\nnames: {0: cat, 2: dog}",
        "train: images/train\nnames: {0: cat, zero: dog}",
        "train: images/train\nnames: [[cat]]",
        "train: images/train\nnc: 3\nnames: [cat, dog]",
        "train: images/train\n",
        "train: images/nowhere\nnames: [cat]",
        "train: /dev/zero\nnames: [cat]",
        "train: &a [*a]\nnames: [cat]",
        "a: &a [x, x]\nb: &b [*a, *a]\ntrain: *b\nnames: [cat]",
        "train: !!python/object/apply:os.system ['true']\nnames: [cat]",
        "train: " + "[" * 5000,
        "train: images/train\ntrain: images/val\nnames: [cat]",
        "? [a, b]\n: c\nnames: [cat]",
        "names: [cat]",
        "train: {a: b}\nnames: [cat]",
        "train: images/train\nnames: [cat]\n---\ntrain: images/train",
        "\t: :",
        b"\xff\xfe\x00",
    ],
    ids=lambda text: repr(text[:32]),
)
def test_settings_that_make_no_sense_are_refused(settings, tmp_path):
    with pytest.raises(DataError) as caught:
        open_dataset(yolo(tmp_path, settings=settings))
    assert str(caught.value)


@pytest.mark.parametrize("name", ["a.json", "data.yaml", "a.txt", "a.png", "a"])
def test_a_file_of_junk_is_refused(name, tmp_path):
    with pytest.raises(DataError):
        open_dataset(write_text(tmp_path / name, random.Random(1).randbytes(2000)))


def test_a_pipe_is_not_waited_for(tmp_path):
    folder = voc(tmp_path, lists={"train": ["a", "b", "c"]})
    picture(folder / "JPEGImages/b.png")
    os.mkfifo(folder / "Annotations/b.xml")
    write_text(folder / "Annotations/c.xml", annotation_xml(box_xml()))
    os.mkfifo(folder / "JPEGImages/c.png")
    assert codes(open_dataset(folder)) == ["D933", "D911"]


def test_links_in_a_circle_are_missing_files(tmp_path):
    folder = coco(tmp_path, images=[image(), image(2, "b.png")])
    (folder / "images/b.png").symlink_to(folder / "images/b.png")
    assert codes(open_dataset(folder)) == ["D911"]
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(DataError):
        open_dataset(loop)


def test_a_folder_of_images_that_holds_itself_ends(tmp_path):
    folder = yolo(tmp_path)
    (folder / "images/train/again").symlink_to(folder / "images/train")
    opened = open_dataset(folder)
    assert len(opened.dataset.items) == 1


@pytest.mark.parametrize("path", ["", "no\0where", "x" * 5000, "~", "/dev/null", "/proc/self/mem"])
def test_a_path_that_is_no_data_set_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        find_layout(Path(path))


def test_a_split_without_one_good_image_says_why(tmp_path):
    with pytest.raises(DataError, match="no image of the split `train`") as caught:
        open_dataset(coco(tmp_path, images=[image(file="b.png")]))
    assert caught.value.findings[0].code == "D911"


@pytest.mark.parametrize("seed", range(4))
def test_damaged_annotations_never_end_in_a_traceback(seed, tmp_path):
    """COCO, VOC and YOLO files with bytes changed, cut out and doubled."""
    random_ = random.Random(seed)
    text = annotation_xml(box_xml(), box_xml("dog"))
    sets = [coco(tmp_path / "c"), voc(tmp_path / "v", {"a": text}), yolo(tmp_path / "y")]
    places = ["annotations/train.json", "Annotations/a.xml", "labels/train/a.txt", "data.yaml"]
    files = [path for folder in sets for name in places if (path := folder / name).is_file()]
    files.append(sets[1] / "ImageSets/Main/train.txt")
    whole = {path: path.read_bytes() for path in files}
    for _ in range(60):
        path = random_.choice(files)
        data = bytearray(whole[path])
        for _ in range(random_.choice([1, 2, 8])):
            start = random_.randrange(len(data) + 1)
            end = min(len(data), start + random_.randrange(4))
            data[start:end] = random_.choice(
                [b"", b"9", b"-", b"\xff", b"\0", data[:20], b'"', b"["]
            )
        path.write_bytes(data)
        for folder in sets:
            try_open(folder)
        path.write_bytes(whole[path])


def test_findings_are_plain_values(tmp_path):
    opened = open_dataset(coco(tmp_path, annotations=[annotation(category=9), annotation(1)]))
    assert json.dumps([each.message for each in opened.findings])
