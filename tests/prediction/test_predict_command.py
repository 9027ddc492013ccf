import json
import struct
import zlib

import pytest
from PIL import Image
from pycocotools.coco import COCO

from fpncompiler.cli import main
from tests.evaluation.tiny import draw_picture


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Three pictures of several sizes and kinds, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    draw_picture("photos/wide.jpg", 300, 80, (10, 10, 60, 60))
    draw_picture("photos/high.png", 50, 200, (5, 5, 40, 90))
    draw_picture("photos/small.webp", 20, 20, (5, 5, 15, 15))
    return tmp_path / "photos"


def run(*arguments):
    return main(["predict", *map(str, arguments)])


def huge_png():
    """The header of a picture of 60,000 x 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    end = b"\0\0\0\0IEND\xaeB`\x82"
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + chunk + struct.pack(">I", zlib.crc32(chunk)) + end


def test_pictures_of_several_sizes_are_labelled(run_folder, photos, capsys):
    assert run(run_folder, "photos") == 0
    out, err = capsys.readouterr()
    assert [line.partition(":")[0] for line in out.splitlines()] == [
        "photos/high.png",
        "photos/small.webp",
        "photos/wide.jpg",
    ]
    assert "wrote 3 files into build/predictions" in err
    sizes = {"high": (50, 200), "small": (20, 20), "wide": (300, 80)}
    for name, size in sizes.items():
        with Image.open(f"build/predictions/{name}.jpg") as picture:
            assert picture.size == size


def test_document_is_coco_with_scores(run_folder, photos):
    assert run(run_folder, "photos/*", "--json", "found.json", "--score", "0.2") == 0
    document = json.loads((photos.parent / "found.json").read_text())
    assert [each["file_name"] for each in document["images"]] == [
        "photos/high.png",
        "photos/small.webp",
        "photos/wide.jpg",
    ]
    assert document["categories"] == [{"id": 1, "name": "cell"}, {"id": 2, "name": "tree"}]
    sizes = {each["id"]: (each["width"], each["height"]) for each in document["images"]}
    assert document["annotations"]
    for each in document["annotations"]:
        x, y, wide, high = each["bbox"]
        width, height = sizes[each["image_id"]]
        assert x >= 0
        assert y >= 0
        assert x + wide <= width + 0.01
        assert y + high <= height + 0.01
        assert 0.2 <= each["score"] <= 1
    coco = COCO(photos.parent / "found.json")
    assert len(coco.getAnnIds()) == len(document["annotations"])


def test_json_alone_is_printed(run_folder, photos, capsys):
    assert run(run_folder, "photos", "nowhere.jpg", "--json", "-", "--no-pictures") == 1
    out, err = capsys.readouterr()
    assert len(json.loads(out)["images"]) == 3
    assert "photos/high.png" in err
    assert not (photos.parent / "build").exists()


def test_batches_change_nothing(run_folder, photos, capsys):
    documents = []
    for size in (1, 2, 8):
        assert run(run_folder, "photos", "--json", "-", "--batch-size", size, "--score", 0.2) == 0
        documents.append(json.loads(capsys.readouterr().out))
    rows = [[a["image_id"] for a in each["annotations"]] for each in documents]
    assert rows[0] == rows[1] == rows[2]
    for one, other in zip(documents[0]["annotations"], documents[2]["annotations"], strict=True):
        assert one["bbox"] == pytest.approx(other["bbox"], abs=0.1)


def test_bad_images_are_reported_and_skipped(run_folder, photos, capsys):
    (photos / "cut.jpg").write_bytes((photos / "wide.jpg").read_bytes()[:-300])
    (photos / "huge.png").write_bytes(huge_png())
    (photos / "text.jpg").write_text("no picture")
    (photos / "empty.png").write_bytes(b"")
    assert run(run_folder, "photos", "nowhere.png", __file__) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    for name in ("cut.jpg", "huge.png", "text.jpg", "empty.png", "nowhere.png"):
        assert f"{name}: " in err, name
    assert "its suffix, .py, is not known" in err
    assert "could not be read: 6 files" in err


def test_nothing_that_can_be_read_is_trouble(run_folder, photos, capsys):
    (photos / "text.jpg").write_text("no picture")
    assert run(run_folder, "photos/text.jpg", "--json", "found.json") == 2
    assert json.loads((photos.parent / "found.json").read_text())["images"] == []


def test_classes_are_filtered(run_folder, photos, capsys):
    assert run(run_folder, "photos", "--json", "-", "--classes", "TREE", "--score", "0.1") == 0
    document = json.loads(capsys.readouterr().out)
    assert {each["category_id"] for each in document["annotations"]} == {2}


def test_unknown_class_is_told_with_a_suggestion(run_folder, photos, capsys):
    assert run(run_folder, "photos", "--classes", "cell,treee") == 2
    err = capsys.readouterr().err
    assert "'treee'" in err
    assert "tree" in err.partition("help:")[2]


def test_pictures_of_one_name_are_both_written(run_folder, photos):
    draw_picture("wide.png", 40, 40)
    assert run(run_folder, "photos/wide.jpg", "wide.png", "-o", "out") == 0
    assert sorted(each.name for each in (photos.parent / "out").iterdir()) == [
        "wide-2.jpg",
        "wide.jpg",
    ]


@pytest.mark.parametrize("folder", ["photos", "photos/../photos/"])
def test_sources_are_never_overwritten(run_folder, photos, capsys, folder):
    before = (photos / "wide.jpg").read_bytes()
    assert run(run_folder, "photos", "-o", folder) == 2
    assert "another folder for -o" in capsys.readouterr().err
    assert (photos / "wide.jpg").read_bytes() == before


def test_orientation_of_a_photo_is_applied(run_folder, photos, capsys):
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (60, 30)).save("turned.jpg", exif=turned)
    assert run(run_folder, "turned.jpg", "--json", "-") == 0
    [image] = json.loads(capsys.readouterr().out)["images"]
    assert (image["width"], image["height"]) == (30, 60)


@pytest.mark.parametrize(
    "arguments", [["--score", "2"], ["--every", "0"], ["--batch-size", "x"], ["--nms", "x"]]
)
def test_wrong_values_are_usage_errors(run_folder, photos, capsys, arguments):
    assert run(run_folder, "photos", *arguments) == 2
    assert "usage: fpnc predict" in capsys.readouterr().err


def test_folder_that_cannot_be_made_is_told(run_folder, photos, capsys):
    (photos.parent / "file").write_text("")
    assert run(run_folder, "photos", "-o", "file/out") == 2
    err = capsys.readouterr().err
    assert "file/out" in err
    assert "F999" not in err
