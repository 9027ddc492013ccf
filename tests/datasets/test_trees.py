"""Tree crowns: tiles cover a scene, boxes are kept by their centres, the wheel is known."""

import itertools
import os
import random
import subprocess
import zipfile
from pathlib import Path

import pytest

from fpncompiler.cli import main
from fpncompiler.datasets import trees
from fpncompiler.datasets.findings import DataError
from fpncompiler.datasets.opening import open_dataset
from fpncompiler.datasets.statistics import statistics_of

WHEEL = Path(os.environ.get("FPNC_DEEPFOREST_WHEEL", "build/deepforest-2.1.0-py3-none-any.whl"))
needs_wheel = pytest.mark.skipif(
    not WHEEL.is_file(), reason="the wheel of deepforest is not at FPNC_DEEPFOREST_WHEEL"
)


@pytest.mark.parametrize("size", [(1249, 1035), (400, 400), (100, 300), (256, 256)])
@pytest.mark.parametrize("tile", [64, 256, 320])
def test_tiles_without_overlap_cover_each_pixel_once(size, tile):
    places = trees.tile_places(size, tile, None)
    assert sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in places) == size[0] * size[1]
    assert len({place[:2] for place in places}) == len(places)
    assert all(0 <= x0 < x1 <= size[0] and 0 <= y0 < y1 <= size[1] for x0, y0, x1, y1 in places)


@pytest.mark.parametrize("overlap", [0, 64, 255])
def test_tiles_with_overlap_are_of_one_size_and_leave_no_gap(overlap):
    places = trees.tile_places((600, 300), 256, overlap)
    assert {(x1 - x0, y1 - y0) for x0, y0, x1, y1 in places} == {(256, 256)}
    lefts = sorted({place[0] for place in places})
    assert (lefts[0], lefts[-1]) == (0, 344)
    assert all(b - a <= 256 - overlap for a, b in itertools.pairwise(lefts))


def test_a_scene_may_stay_whole():
    assert trees.tile_places((600, 300), 0, 64) == [(0, 0, 600, 300)]


def test_a_box_goes_to_the_tile_of_its_centre_and_is_clipped():
    boxes = [(90.0, 10.0, 130.0, 50.0), (60.0, 10.0, 130.0, 50.0)]
    item = trees._item(1, Path("a.png"), (100, 0, 200, 100), boxes)
    assert item.boxes == ((0.0, 10.0, 30.0, 50.0),)


@pytest.mark.parametrize("data", [b"", b"PK", random.Random(1).randbytes(100)])
def test_another_wheel_is_refused(data, tmp_path):
    (tmp_path / "a.whl").write_bytes(data)
    with pytest.raises(DataError, match="is not the wheel"):
        trees.write_trees(tmp_path / "a.whl", tmp_path / "t", tile=256, overlap=64, force=False)
    assert not (tmp_path / "t").exists()


def test_names_in_an_archive_write_nothing(tmp_path, monkeypatch):
    """The digest would refuse it; the reader looks for its own members alone, all the same."""
    wheel = tmp_path / "in/a.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("../../evil.txt", "x")
        archive.writestr("/evil.txt", "x")
    monkeypatch.setattr(trees, "_archive", lambda path: zipfile.ZipFile(path))
    with pytest.raises(DataError, match="the wheel has no sound"):
        trees.write_trees(wheel, tmp_path / "t", tile=256, overlap=64, force=False)
    assert not [*tmp_path.rglob("evil*")]


def test_a_member_that_swells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "MAX_MEMBER", 1000)
    with zipfile.ZipFile(tmp_path / "a.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", bytes(100_000))
    with zipfile.ZipFile(tmp_path / "a.whl") as archive, pytest.raises(DataError, match="1000"):
        trees._member(archive, "a.xml")


@pytest.mark.parametrize(
    "outcome",
    [
        subprocess.CompletedProcess([], 1, "", "noise\nERROR: no network\n"),
        subprocess.CompletedProcess([], 0, "", ""),
        subprocess.TimeoutExpired("pip", 900),
        FileNotFoundError("no python"),
    ],
)
def test_a_download_that_fails_says_what_else_to_do(outcome, tmp_path, monkeypatch, capsys):
    def run(command, **_):
        assert command[1:4] == ["-m", "pip", "download"]
        assert "--only-binary=:all:" in command
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(subprocess, "run", run)
    assert main(["data", "get", "trees", "--to", str(tmp_path / "t")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: pip did not download deepforest==2.1.0: ")
    assert "--from WHEEL" in said


@needs_wheel
def test_the_trees_of_the_wheel_are_those_that_were_counted(tmp_path):
    get = ["data", "get", "trees", "--from", str(WHEEL), "--to"]
    assert main([*get, str(tmp_path / "whole"), "--tile", "0"]) == 0
    figures = statistics_of(open_dataset(tmp_path / "whole", "train").dataset)
    assert (figures.small, figures.medium, figures.large) == (172, 399, 3)
    assert main([*get, str(tmp_path / "tiles")]) == 0
    for split, trees_of in (("val", 279), ("test", 61)):
        opened = open_dataset(tmp_path / "tiles", split, verify=True)
        assert statistics_of(opened.dataset).boxes == trees_of
        assert opened.findings == ()
    train = open_dataset(tmp_path / "tiles", "train", verify=True).dataset
    assert {(item.width, item.height) for item in train.items} == {(256, 256)}
    assert statistics_of(train).boxes > 574
    assert main([*get, str(tmp_path / "tiles")]) == 2
