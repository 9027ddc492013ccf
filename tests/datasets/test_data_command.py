"""`fpnc data` shows, checks and converts."""

import json

import pytest
from PIL import Image

from fpncompiler.cli import main
from fpncompiler.datasets.opening import open_dataset
from fpncompiler.datasets.pictures import colour_of, draw_labels
from tests.datasets.builders import annotation, coco, image, picture, voc, write_text, yolo

BUILDERS = [coco, voc, yolo]


def run(capsys, *arguments) -> tuple[int, str, str]:
    status = main(["data", *map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize("build", BUILDERS)
def test_show_counts_classes_and_sizes(build, tmp_path, capsys):
    status, out, _ = run(capsys, "show", build(tmp_path / "mine"))
    assert status == 0
    assert out.startswith("mine (")
    assert "split train: 1 image, 1 box, " in out
    assert "small 1 (below 32 x 32 px), medium 0, large 0" in out
    assert "cat" in out


def test_show_gives_figures_as_json(tmp_path, capsys):
    boxes = [annotation(), annotation(2, bbox=[0, 0, 40, 40])]
    folder = coco(tmp_path, [image(), image(2, "b.png")], boxes)
    picture(folder / "images/b.png")
    status, out, _ = run(capsys, "show", folder, "--json")
    (split,) = json.loads(out)["splits"]
    assert status == 0
    assert (split["small"], split["medium"], split["without_labels"]) == (1, 1, 1)
    assert split["box_width"] == {"low": 30.0, "median": 35.0, "mean": 35.0, "high": 40.0}
    assert split["classes"][0] == {"name": "cat", "boxes": 2, "images": 1}


def test_show_writes_pictures_of_labels(tmp_path, capsys):
    folder = coco(tmp_path)
    status, _, err = run(capsys, "show", folder, "--pictures", tmp_path / "p", "--count", 3)
    assert (status, "wrote 1 picture into" in err) == (0, True)
    (path,) = (tmp_path / "p").iterdir()
    assert path.name == "train_1_a.jpg"
    assert Image.open(path).size == (900, 675)  # enlarged, so that names can be read


def test_boxes_are_drawn_where_they_are():
    drawn = draw_labels(
        Image.new("RGB", (900, 900)), [(100, 200, 400, 500)], ["cat"], [(255, 0, 0)]
    )
    assert drawn.getpixel((250, 500)) == (255, 0, 0)
    assert drawn.getpixel((400, 300)) == (255, 0, 0)
    assert drawn.getpixel((250, 350)) == (0, 0, 0)
    assert drawn.getpixel((101, 190)) != (0, 0, 0)  # the name stands above


def test_boxes_at_the_edge_and_many_names_are_drawn():
    boxes = [(0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 40.0, 30.0), (39.9, 29.9, 40.0, 30.0)] * 20
    drawn = draw_labels(
        Image.new("RGB", (40, 30)), boxes, ["x" * 90] * 60, [colour_of(i) for i in range(60)]
    )
    assert drawn.size == (900, 675)
    assert draw_labels(Image.new("RGB", (4000, 10)), [], [], []).size == (1600, 4)


def test_classes_have_colours_of_their_own():
    assert len({colour_of(index) for index in range(90)}) == 90


@pytest.mark.parametrize("build", BUILDERS)
def test_check_is_content_with_good_data(build, tmp_path, capsys):
    status, out, _ = run(capsys, "check", build(tmp_path), "--verify")
    assert status == 0
    assert "1 images and 1 boxes can be used" in out


def test_check_shows_some_findings_and_counts_the_rest(tmp_path, capsys):
    wrong = [annotation(key, category=9) for key in range(2, 30)]
    folder = coco(tmp_path, annotations=[annotation(), *wrong])
    status, out, _ = run(capsys, "check", folder, "--limit", 2)
    assert status == 1
    lines = out.splitlines()
    assert lines[0] == "error[D904]: a class that is not known (28)"
    assert lines[3] == "  and 26 more"
    assert lines[-1].endswith("28 errors, 1 note")
    status, out, _ = run(capsys, "check", folder, "--json")
    found = json.loads(out)["splits"][0]["findings"]
    assert (status, len(found)) == (1, 29)
    assert {*found[0]} == {"code", "severity", "title", "message", "file", "line"}


def test_check_goes_on_where_a_split_cannot_be_read(tmp_path, capsys):
    folder = coco(tmp_path)
    write_text(folder / "annotations/val.json", "{")
    status, out, err = run(capsys, "check", folder)
    assert status == 1
    assert "train (COCO): 1 images" in out
    assert "is no JSON" in err
    (_, val) = json.loads(run(capsys, "check", folder, "--json")[1])["splits"]
    assert val["split"] == "val"
    assert "is no JSON" in val["error"]


def test_names_in_data_steer_no_terminal(tmp_path, capsys):
    evil = "\x1b[31mred"
    folder = coco(tmp_path, categories=[{"id": 1, "name": evil}, {"id": 2, "name": evil + "2"}])
    for action in ("show", "check"):
        _, out, err = run(capsys, action, folder)
        assert "\x1b" not in out + err
    assert "red" in run(capsys, "show", folder)[1]


@pytest.mark.parametrize("build", BUILDERS)
def test_converted_data_open_as_they_were(build, tmp_path, capsys):
    folder = build(tmp_path / "mine")
    status, out, _ = run(capsys, "convert", folder, "--to", "coco", tmp_path / "out")
    assert (status, "train.json" in out) == (0, True)
    before, after = open_dataset(folder).dataset, open_dataset(tmp_path / "out").dataset
    assert after.classes == before.classes
    assert after.items[0].boxes == before.items[0].boxes
    assert after.items[0].labels == before.items[0].labels
    assert after.items[0].file.read_bytes() == before.items[0].file.read_bytes()


def test_convert_writes_over_nothing_without_force(tmp_path, capsys):
    folder = coco(tmp_path / "mine")
    write_text(tmp_path / "out/mine.txt", "my own")
    status, _, err = run(capsys, "convert", folder, tmp_path / "out")
    assert (status, "has files in it already" in err) == (2, True)
    assert run(capsys, "convert", folder, tmp_path / "out", "--force")[0] == 0
    assert (tmp_path / "out/mine.txt").read_text() == "my own"


def test_convert_writes_one_split_as_a_file(tmp_path, capsys):
    folder = voc(tmp_path / "mine", lists={"train": ["a"], "val": ["a"]})
    out = tmp_path / "val.json"
    assert run(capsys, "convert", folder, out)[0] == 2
    status, said, _ = run(capsys, "convert", folder, out, "--split", "val")
    assert (status, "--images" in said) == (0, True)
    assert open_dataset(out, images=folder / "JPEGImages").dataset.items[0].boxes
    assert run(capsys, "convert", folder, out, "--split", "val")[0] == 2
    assert run(capsys, "convert", folder, out, "--split", "val", "--force")[0] == 0


def test_convert_keeps_images_of_one_name_apart(tmp_path, capsys):
    folder = coco(tmp_path, [image(1, "x/a.png"), image(2, "y/a.png")], [annotation()])
    for index, part in enumerate("xy"):
        picture(folder / f"images/{part}/a.png", colour=("red", "blue")[index])
    assert run(capsys, "convert", folder, tmp_path / "out")[0] == 0
    files = [item.file.name for item in open_dataset(tmp_path / "out").dataset.items]
    assert files == ["a.png", "a_2.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show"], "DATA"),
        (["show", "nowhere"], "there is no nowhere"),
        (["check", "nowhere", "--split", "x"], "there is no nowhere"),
        (["show", ".", "--count", "0"], "whole number"),
        (["convert", "nowhere", "out"], "there is no nowhere"),
        (["get", "stars"], "invalid choice"),
        (["get", "trees", "--tile", "20"], "--tile is 0 or at least 64"),
        (["get", "trees", "--overlap", "256"], "--overlap less than --tile"),
        (["get", "trees", "--from", "nowhere.whl"], "there is no file nowhere.whl"),
    ],
)
def test_wrong_arguments_are_told(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert words in err
    assert not [*tmp_path.iterdir()]


def test_an_image_that_breaks_late_ends_show_with_its_reason(tmp_path, capsys):
    folder = coco(tmp_path)
    path = folder / "images/a.png"
    path.write_bytes(path.read_bytes()[:80])
    status, _, err = run(capsys, "show", folder, "--pictures", tmp_path / "p")
    assert status == 2
    assert "a.png" in err
    assert "--verify" in err
