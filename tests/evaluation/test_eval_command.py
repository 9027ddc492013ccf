import json
import re

import pytest
from PIL import Image
from pycocotools.coco import COCO

from fpncompiler.cli import main
from tests.evaluation.tiny import save_run, tiny_dataset, write_coco


@pytest.fixture
def data(tmp_path):
    return write_coco(tmp_path, tiny_dataset(tmp_path))


def run(*arguments):
    return main(["eval", *map(str, arguments)])


def test_table_has_all_figures_and_classes(run_folder, data, capsys):
    assert run(run_folder, data) == 0
    out, err = capsys.readouterr()
    assert "3 images, 6 labels" in out
    for name in ("AP50", "APl", "AR100", "ARs"):
        assert re.search(rf"\b{name}\b +([01]\.\d{{3}}|-)", out), out
    for name in ("cell", "tree"):
        assert re.search(rf"^{name} +3 +\d+ +\d\.\d+ +\d\.\d+ +\d\.\d+$", out, re.MULTILINE), out
    assert err == ""


def test_json_is_all_that_is_printed(run_folder, data, capsys):
    assert run(run_folder / "best.safetensors", data, "--json", "--nms", "soft") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["settings"]["nms"] == "soft"
    assert document["image_size"] == [128, 128]
    assert len(document["figures"]) == 12
    assert [each["boxes"] for each in document["classes"]] == [3, 3]


def test_detections_are_read_by_pycocotools(run_folder, data, tmp_path, capsys):
    results = tmp_path / "results.json"
    assert run(run_folder, data, "-o", results, "--score-threshold", "0.05") == 0
    rows = json.loads(results.read_text())
    assert rows
    assert {tuple(row) for row in rows} == {("image_id", "category_id", "bbox", "score")}
    assert min(row["score"] for row in rows) >= 0.05
    assert len(COCO(data).loadRes(str(results)).getAnnIds()) == len(rows)


def test_pictures_show_labels_beside_predictions(run_folder, data, tmp_path):
    folder = tmp_path / "new" / "pictures"
    assert run(run_folder, data, "--pictures", folder, "--picture-count", "2") == 0
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == ["0-1.jpg", "1-2.jpg"]
    with Image.open(files[0]) as picture:
        assert picture.width > 2 * 800


@pytest.mark.parametrize(("name", "start"), [("c.svg", b"<?xml"), ("c.PNG", b"\x89PNG")])
def test_curves_are_drawn(run_folder, data, tmp_path, name, start):
    assert run(run_folder, data, "--curves", tmp_path / name) == 0
    assert (tmp_path / name).read_bytes().startswith(start)


def test_curves_are_the_same_bytes_each_time(run_folder, data, tmp_path):
    for name in ("a.svg", "b.svg"):
        run(run_folder, data, "--curves", tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_image_that_breaks_on_reading_is_reported(run_folder, data, tmp_path, capsys):
    file = tmp_path / "1.png"
    file.write_bytes(file.read_bytes()[:-60])  # its header is whole
    assert run(run_folder, data) == 1
    out, err = capsys.readouterr()
    assert "2 images, 4 labels" in out
    assert "skipped" in err
    assert "1.png" in err


def test_missing_image_is_reported(run_folder, data, tmp_path, capsys):
    (tmp_path / "1.png").unlink()
    assert run(run_folder, data) == 1
    assert "1.png" in capsys.readouterr().err


def test_classes_that_differ_are_listed(tmp_path, data, capsys):
    assert run(save_run(tmp_path / "other", ("tree", "car")), data) == 2
    err = capsys.readouterr().err
    assert "does not know 'cell'" in err
    assert "'tree', 'car'" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--device", "cuda:7"], "there are: auto, cpu"),
        (["--image-size", "64x200"], "the nearest size is"),
        (["--split", "test", "--classes", "nowhere.txt"], "nowhere.txt"),
        (["--model", "nowhere.py"], "nowhere.py"),
    ],
)
def test_what_does_not_suit_is_told(run_folder, data, capsys, arguments, told):
    assert run(run_folder, data, *arguments) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert "F999" not in err
    assert out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--image-size", "9999"],
        ["--image-size", "x"],
        ["--batch-size", "0"],
        ["--score-threshold", "nan"],
        ["--score-threshold", "1.5"],
        ["--nms", "none"],
        ["--max-detections", "-1"],
        ["--curves", "c.pdf"],
    ],
)
def test_wrong_values_are_usage_errors(run_folder, data, capsys, arguments):
    assert run(run_folder, data, *arguments) == 2
    assert "usage: fpnc eval" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["nowhere", "empty", "text.safetensors"])
def test_what_is_no_detector_is_told(data, tmp_path, capsys, what):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.safetensors").write_text("no weights")
    assert run(tmp_path / what, data) == 2
    err = capsys.readouterr().err
    assert what in err
    assert "F999" not in err


def test_what_is_no_data_set_is_told(run_folder, tmp_path, capsys):
    assert run(run_folder, tmp_path / "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err


def test_output_that_cannot_be_written_is_told_before_the_work(run_folder, data, tmp_path, capsys):
    (tmp_path / "taken.json").mkdir()
    assert run(run_folder, data, "-o", tmp_path / "taken.json") == 2
    out, err = capsys.readouterr()
    assert "taken.json" in err
    assert out == ""
