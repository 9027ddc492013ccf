import os

import pytest

from fpncompiler.prediction.sources import sources_of


@pytest.fixture
def photos(tmp_path, monkeypatch):
    for name in ("b.jpg", "a.PNG", "clip.mp4", "notes.txt", ".hidden.jpg", "in/c.jpg", "in/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "void").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(*words):
    return [source.file.as_posix() for source in sources_of(words).found]


def test_folder_gives_its_own_files_in_order(photos):
    found = sources_of(["."])
    assert [source.file.name for source in found.found] == ["a.PNG", "b.jpg", "clip.mp4"]
    assert [source.is_video for source in found.found] == [False, False, True]
    assert [file.name for file in found.others] == ["notes.txt"]
    assert found.skipped == ()


def test_patterns_are_followed_into_folders(photos):
    assert files("**/*.jpg") == ["b.jpg", "in/b.jpg", "in/c.jpg"]
    assert files("in/[bc].jpg", "?.jpg") == ["in/b.jpg", "in/c.jpg", "b.jpg"]


def test_file_with_a_name_like_a_pattern_is_a_file(photos):
    (photos / "x[1].jpg").write_bytes(b"")
    assert files("x[1].jpg") == ["x[1].jpg"]


def test_a_file_named_twice_is_taken_once(photos):
    assert files("b.jpg", "in/../b.jpg", "*.jpg") == ["b.jpg"]


def test_names_do_not_meet(photos):
    for name in ("b.png", "B-2.jpg"):
        (photos / name).write_bytes(b"")
    found = sources_of(["b.jpg", "in/b.jpg", "b.png", "B-2.jpg"]).found
    assert [source.name for source in found] == ["b", "b-3", "b-4", "B-2"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("nowhere.jpg", "no such file"),
        ("*.tiff", "nothing matches"),
        ("*.txt", "no image or video is called so"),
        ("notes.txt", "its suffix, .txt, is not known"),
        ("void", "no image or video lies in this folder"),
        ("pipe.mp4", "no plain file"),
        ("", "no such file"),
        ("x\0y", "no such file"),
        ("y" * 300, "name too long"),
    ],
)
def test_what_is_no_source_has_a_reason(photos, word, reason):
    os.mkfifo("pipe.mp4")
    found = sources_of([word, "b.jpg"])
    assert [source.name for source in found.found] == ["b"]
    [skipped] = found.skipped
    assert skipped.file == (word or "''")
    assert reason in skipped.reason.lower()
