import builtins
import json

import av
import numpy as np
import pytest

from fpncompiler.cli import main


def write_video(file, frames=6, size=(96, 64), rate=10, codec="mpeg4"):
    """A bright square that moves over a dark ground."""
    width, height = size
    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            pixels = np.full((height, width, 3), 40, np.uint8)
            pixels[10:30, 5 + 8 * number : 25 + 8 * number] = 220
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return main(["predict", *map(str, arguments)])


def frames_of(file):
    with av.open(str(file)) as container:
        rate = container.streams.video[0].average_rate
        return [(frame.width, frame.height) for frame in container.decode(video=0)], rate


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "clip.mkv", "clip.MOV"])
def test_labelled_video_has_all_frames(run_folder, folder, capsys, name):
    write_video(name)
    assert run(run_folder, name, "--json", "found.json", "--batch-size", "4") == 0
    assert frames_of("build/predictions/clip.mp4") == ([(96, 64)] * 6, 10)
    assert [each.name for each in (folder / "build/predictions").iterdir()] == ["clip.mp4"]
    document = json.loads((folder / "found.json").read_text())
    assert [each["frame"] for each in document["images"]] == [*range(6)]
    assert [each["seconds"] for each in document["images"]] == pytest.approx(
        [0, 0.1, 0.2, 0.3, 0.4, 0.5], abs=0.11
    )
    assert "6 frames" in capsys.readouterr().out


def test_webm_is_read(run_folder, folder):
    write_video("clip.webm", codec="libvpx")
    assert run(run_folder, "clip.webm") == 0


def test_some_frames_are_taken_and_keep_their_pace(run_folder, folder):
    write_video("clip.mp4", frames=7)
    assert run(run_folder, "clip.mp4", "--every", "3", "--json", "found.json") == 0
    images = json.loads((folder / "found.json").read_text())["images"]
    assert [each["frame"] for each in images] == [0, 3, 6]
    sizes, rate = frames_of("build/predictions/clip.mp4")
    assert len(sizes) == 3
    assert float(rate) == pytest.approx(10 / 3, rel=0.01)


def test_odd_sides_are_made_even(run_folder, folder):
    write_video("clip.mkv", size=(95, 63), codec="ffv1")
    assert run(run_folder, "clip.mkv") == 0
    assert frames_of("build/predictions/clip.mp4")[0][0] == (96, 64)


def test_videos_that_cannot_be_read_are_skipped(run_folder, folder, capsys):
    (folder / "text.mp4").write_text("no video")
    (folder / "empty.avi").write_bytes(b"")
    with av.open("sound.mkv", "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    assert run(run_folder, "text.mp4", "empty.avi", "sound.mkv") == 2
    err = capsys.readouterr().err
    for name in ("text.mp4", "empty.avi", "sound.mkv: there is no video in it"):
        assert f"skipped {name}" in err
    assert "F999" not in err
    assert [*(folder / "build/predictions").iterdir()] == []


def cut(data):
    return data[: len(data) * 2 // 3]


def garbled(data):
    middle = len(data) // 2
    return data[:middle] + bytes(37 * i % 256 for i in range(300)) + data[middle + 300 :]


@pytest.mark.parametrize(
    ("name", "codec", "damage"),
    [
        ("clip.mkv", "mpeg4", cut),
        ("clip.avi", "mpeg4", cut),
        ("clip.webm", "libvpx", garbled),
    ],
)
def test_frames_before_a_break_are_kept(run_folder, folder, capsys, name, codec, damage):
    write_video(name, frames=40, size=(320, 240), codec=codec)
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    assert run(run_folder, name, "--every", "3") == 1
    out, err = capsys.readouterr()
    assert f"incomplete {name}: it ends after" in err
    assert "frames" in out
    assert 0 < len(frames_of("build/predictions/clip.mp4")[0]) < 14


def test_interrupted_video_leaves_nothing(run_folder, folder, monkeypatch):
    write_video("clip.mp4", frames=12)

    def interrupt(*_, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("fpncompiler.prediction.document.Document.add", interrupt)
    monkeypatch.setattr("fpncompiler.cli.entry._without_output", lambda _, code=2: code)
    assert run(run_folder, "clip.mp4", "--batch-size", "2") == 130
    assert [*(folder / "build/predictions").iterdir()] == []


def test_missing_library_is_named(run_folder, folder, monkeypatch, capsys):
    write_video("clip.mp4")
    real = builtins.__import__

    def without_av(name, *rest):
        if name == "av":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_av)
    assert run(run_folder, "clip.mp4") == 2
    assert "pip install 'fpnc[video]'" in capsys.readouterr().err


def test_no_video_is_written_where_none_is_wanted(run_folder, folder):
    write_video("clip.mp4")
    assert run(run_folder, "clip.mp4", "--no-pictures") == 0
    assert [each.name for each in folder.iterdir()] == ["clip.mp4"]
