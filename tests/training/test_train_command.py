"""`fpnc train`, from its arguments to what it leaves and says."""

import json
import signal

import pytest
import torch
from safetensors.torch import load_file

from fpncompiler.cli import main
from fpncompiler.datasets.writing import write_folder
from fpncompiler.training.loop import Loop
from tests.evaluation.tiny import tiny_code
from tests.training.small import small_data

QUICK = ["--epochs", "1", "--batch-size", "4", "--image-size", "128", "--backbone-weights", "none"]


@pytest.fixture
def place(tmp_path, monkeypatch, one_thread):
    """A folder with a generated file and a data set."""
    monkeypatch.chdir(tmp_path)
    splits = [small_data(tmp_path / "images", 9), small_data(tmp_path / "images", 4, "val")]
    write_folder(splits, tmp_path / "data", force=False)
    (tmp_path / "tiny.py").write_text(tiny_code().source)
    return tmp_path


def train(*words):
    return main(["train", "tiny.py", "--data", "data", *QUICK, "--set", "workers=0", *words])


def test_a_run_is_made_told_and_used(place, capsys):
    assert train("--name", "first", "--tensorboard") == 0
    told = capsys.readouterr()
    assert "average precision" in told.out
    assert "next: fpnc predict runs/train/first IMAGE" in told.out
    assert "epoch 1/1  loss" in told.err
    folder = place / "runs/train/first"
    assert {"best.safetensors", "config.json", "model.py", "results.csv", "classes.csv"} <= {
        path.name for path in folder.iterdir()
    }
    assert list((folder / "tensorboard").iterdir())
    assert main(["eval", "runs/train/first", "data", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["figures"] == json.loads((folder / "evaluation.json").read_text())["figures"]
    assert main(["predict", "runs/train/first", "images/val1.png", "--score", "0"]) == 0
    assert "images/val1.png" in capsys.readouterr().out
    assert train("--name", "first", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["run"] == "runs/train/first-2"
    assert [row["step"] for row in document["epochs"]] == [3]
    again = load_file(place / "runs/train/first-2/best.safetensors")
    first = load_file(folder / "best.safetensors")
    assert all(torch.equal(first[key], again[key]) for key in first)


def test_a_run_that_was_stopped_goes_on(place, capsys, monkeypatch):
    original = Loop._step

    def interrupted(self, batch):
        signal.raise_signal(signal.SIGINT)
        return original(self, batch)

    monkeypatch.setattr(Loop, "_step", interrupted)
    assert train() == 130
    assert "stopped after step 1 of 3; everything is kept" in capsys.readouterr().err
    monkeypatch.setattr(Loop, "_step", original)
    (run,) = (place / "runs/train").iterdir()
    assert main(["train", "--resume", run.as_posix()]) == 0
    told = capsys.readouterr()
    assert "going on after step 1 of 3" in told.err
    assert main(["train", "--resume", run.as_posix(), "--epochs", "9"]) == 2
    assert "with its own settings" in capsys.readouterr().err


def test_a_dry_run_times_steps_and_writes_nothing(place, capsys):
    before = sorted(place.rglob("*"))
    assert train("--dry-run") == 0
    told = capsys.readouterr().out
    assert "data: data, 9 images for training, 4 for validation" in told
    assert "steps: 3 (1 epochs of 3)" in told
    assert "nothing was written" in told
    assert sorted(path for path in place.rglob("*") if "__pycache__" not in path.parts) == before


def test_without_validation_the_last_weights_are_the_best(place, capsys):
    assert train("--val-split", "none", "--name", "x") == 0
    folder = place / "runs/train/x"
    best, last = (load_file(folder / f"{name}.safetensors") for name in ("best", "last"))
    assert all(torch.equal(best[key], last[key]) for key in best)
    assert not (folder / "evaluation.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["train"], 2, "give SPEC and --data, or --resume RUN"),
        (["train", "bifpn"], 2, "give SPEC and --data, or --resume RUN"),
        (["train", "bifpn", "--data", "nowhere"], 2, "there is no"),
        (["train", "bifbn", "--data", "data"], 2, "bifpn"),
        (["train", "absent.py", "--data", "data"], 2, "absent.py: No such file"),
        (["train", "wrong.py", "--data", "data"], 2, "no file that fpnc has generated"),
        (["train", "tiny.py", "--data", "data", "--val-split", "dev"], 2, "no split `dev`"),
        (["train", "tiny.py", "--data", "data", "--set", "epoch=3"], 2, "did you mean `epochs`?"),
        (["train", "tiny.py", "--data", "data", "--recipe", "big"], 2, "small, turned, paper"),
        (["train", "tiny.py", "--data", "data", "--image-size", "64"], 2, "too small for levels"),
        (["train", "tiny.py", "--data", "data", "--set", "optimizer=adamm"], 2, "optimizer=adamm"),
        (
            ["train", "tiny.py", "--data", "data", "--backbone-weights", "absent.pth"],
            2,
            "absent.pth",
        ),
        (["train", "--resume", "nowhere"], 2, "nowhere/config.json: No such file"),
        (["train", "bifpn", "--data", "data", "--model", "segmentation"], 2, "segments"),
    ],
)
def test_what_cannot_be_trained_is_told(place, capsys, words, code, message):
    (place / "wrong.py").write_text("print('hello')\n")
    if "--data" in words and "--backbone-weights" not in words:
        words = [*words, "--backbone-weights", "none"]
    assert main(words) == code
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert "itself failed" not in told
    assert not list(place.glob("runs/train/*"))


def test_settings_are_listed(capsys):
    assert main(["train", "--settings"]) == 0
    assert "learning_rate" in capsys.readouterr().out
