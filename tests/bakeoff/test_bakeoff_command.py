"""`fpnc compare --train`: from its arguments to its table, stopped and continued."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from fpncompiler.bakeoff import running
from fpncompiler.bakeoff.plan import alone
from fpncompiler.cli import main
from fpncompiler.training.loop import Loop
from fpncompiler.training.progress import Epoch, LossError
from fpncompiler.training.session import Outcome
from tests.bakeoff.conftest import QUICK, SMALL, bake
from tests.conftest import ROOT

FPN, PANET = "fpn_lite0_mobilenetv2_035", "panet_lite0_mobilenetv2_035"


@pytest.fixture
def untrained(monkeypatch):
    """Runs end at once; the AP that each finds is told by its seed and its number."""
    trained = []

    def train(plan, watch, *, resume):
        watch.on_start(0, 2)
        trained.append(plan.folder.path.name)
        ap = 0.1 * plan.recipe.seed + 0.01 * len(trained)
        epoch = Epoch(1, 2, 1.0, 1.0, 1.0, 0.1, 60.0, 0.0, {"AP": ap, "AP50": 2 * ap})
        return Outcome(None, None, (epoch,), ())

    monkeypatch.setattr(running, "train", train)
    return trained


def weights(folder):
    return load_file(folder / "best.safetensors")


def are_equal(first, second):
    return all(torch.equal(first[key], second[key]) for key in first)


def test_a_run_is_that_of_train(place, capsys):
    assert bake("fpn", "panet", "--json") == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert f"run 1/2: {FPN}-seed0\n" in told.err
    assert "0:00 left" in told.err
    rows = {row["topology"]: row for row in document["rows"]}
    file = place / f"runs/{PANET}-seed0/evaluation.json"
    figures = json.loads(file.read_text())["figures"]
    assert rows["panet"]["ap"] == figures["AP"]
    assert rows["panet"]["ap50"] == figures["AP50"]
    own = weights(place / f"runs/{PANET}-seed0")
    # the detector's parameters are those of the detector that was trained: of two classes
    keys = [key for key in own if not key.endswith(("running_mean", "running_var"))]
    keys = [key for key in keys if not key.endswith("num_batches_tracked")]
    assert rows["panet"]["total_parameters"] == sum(own[key].numel() for key in keys)
    words = ["train", "panet", *SMALL, *QUICK, "--data", "data", "--set", "evaluate_every=0"]
    assert main([*words, "--runs", "others", "--name", "alone"]) == 0
    assert are_equal(weights(place / "others/alone"), own)


def test_more_seeds_and_topologies_are_added(place, capsys, untrained):
    assert bake("fpn", "panet") == 0
    assert "One seed: no spread is known" in " ".join(capsys.readouterr().out.split())
    assert untrained == [f"{FPN}-seed0", f"{PANET}-seed0"]
    assert bake("fpn", "panet", "--seeds", "0,1", "--sort", "ap", "--descending", "--json") == 0
    told = capsys.readouterr()
    assert untrained[2:] == [f"{FPN}-seed1", f"{PANET}-seed1"]
    assert "2 of 4 runs are in runs already" in told.err
    assert [row["topology"] for row in json.loads(told.out)["rows"]] == ["panet", "fpn"]
    record = json.loads((place / "runs/bakeoff.json").read_text())
    assert record["seeds"] == [0, 1]
    assert len(record["runs"]) == 4
    assert bake("panet", "--markdown", "--html", "page.html") == 0
    assert len(untrained) == 4
    assert len(json.loads((place / "runs/bakeoff.json").read_text())["runs"]) == 4


def test_phis_are_trained_each(place, capsys, untrained):
    words = ["compare", "fpn", "bifpn", "--phi", "0..1", "--train", "data", "--image-size", "128"]
    assert main([*words, *SMALL, "--runs", "runs", "--epochs", "1", "--json"]) == 0
    assert [name.split("_mobile")[0] for name in untrained] == [
        *("fpn_d0", "bifpn_d0", "fpn_d1", "bifpn_d1"),
    ]
    document = json.loads(capsys.readouterr().out)
    assert [round(row["ap"], 2) for row in document["rows"]] == [0.01, 0.02, 0.03, 0.04]


def test_topologies_of_one_name_have_runs_of_their_own(place, capsys, untrained):
    for name in ("a", "b"):
        (place / name).mkdir()
        shutil.copy(ROOT / "specs/fpn.yaml", place / f"{name}/fpn.yaml")
    assert bake("a/fpn.yaml", "b/fpn.yaml", "--json") == 0
    assert untrained == ["a_fpn_lite0-seed0", "b_fpn_lite0-seed0"]
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [round(row["ap"], 2) for row in rows] == [0.01, 0.02]


def test_a_loss_that_is_no_number_leaves_the_others(place, capsys, monkeypatch, untrained):
    train = running.train

    def failing(plan, watch, *, resume):
        if plan.code.name == FPN and plan.recipe.seed == 1:
            raise LossError("step 2: the loss is nan", "lower `learning_rate`")
        return train(plan, watch, resume=resume)

    monkeypatch.setattr(running, "train", failing)
    assert bake("fpn", "panet", "--seeds", "0..1") == 1
    told = capsys.readouterr()
    assert f"error: run 3/4: {FPN}-seed1 broke off: step 2: the loss is nan" in told.err
    assert "help: lower `learning_rate`" in told.err
    assert len(untrained) == 3
    assert f"not counted: {FPN}-seed1." in " ".join(told.out.split())
    monkeypatch.setattr(running, "train", train)  # as if it had been repaired: it is tried again
    assert bake("fpn", "panet", "--seeds", "0..1") == 0
    assert untrained[3:] == [f"{FPN}-seed1"]


def test_control_c_stops_and_the_same_command_goes_on(place, capsys, monkeypatch):
    original = Loop._step

    def interrupted(self, batch):
        signal.raise_signal(signal.SIGINT)
        return original(self, batch)

    monkeypatch.setattr(Loop, "_step", interrupted)
    assert bake("fpn") == 130
    told = capsys.readouterr()
    assert f"{FPN}-seed0: stopped after step 1 of 2; everything is kept" in told.err
    assert "the same command goes on" in told.err
    assert "AP" not in told.out
    monkeypatch.setattr(Loop, "_step", original)
    assert bake("fpn") == 0
    assert "going on after step 1 of 2" in capsys.readouterr().err


def test_a_killed_bakeoff_ends_with_the_same_weights(place, capsys):
    words = [*SMALL, *QUICK, "--train", "data", "--runs", "runs", "--set", "checkpoint_steps=1"]
    command = [sys.executable, "-m", "fpncompiler", "compare", "fpn", *words]
    environment = {**os.environ, "PYTHONPATH": ROOT.as_posix(), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    state = place / f"runs/{FPN}-seed0/state/step-00000001"
    while not state.exists() and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert state.exists()
    assert not (place / f"runs/{FPN}-seed0/outcome.json").exists()
    assert main(["compare", "fpn", *words]) == 0
    assert "going on after step" in capsys.readouterr().err
    assert main(["compare", "fpn", *words, "--runs", "whole"]) == 0
    runs = [place / name / f"{FPN}-seed0" for name in ("runs", "whole")]
    assert are_equal(*map(weights, runs))


def change_data(place):
    (file,) = (path for path in place.glob("data/**/*.json") if "val" in path.as_posix())
    document = json.loads(file.read_text())
    document["annotations"][0]["bbox"][2] += 1
    file.write_text(json.dumps(document))


def change_code(place):
    with (place / f"runs/{FPN}-seed0/model.py").open("a") as file:
        file.write("# edited\n")


def change_config(place):
    file = place / f"runs/{FPN}-seed0/config.json"
    document = json.loads(file.read_text())
    document["recipe"]["learning_rate"] = 0.5
    file.write_text(json.dumps(document))


def write(name, text):
    return lambda place: (place / "runs" / name).write_text(text)


def put_another_folder(place):
    shutil.rmtree(place / f"runs/{FPN}-seed0")
    (place / f"runs/{FPN}-seed0").mkdir()
    (place / f"runs/{FPN}-seed0/thesis.tex").touch()


@pytest.mark.parametrize(
    ("change", "words", "messages"),
    [
        (None, ["--epochs", "2"], ["runs was begun otherwise: epochs 1 there, 2 here\n"]),
        (None, ["--set", "learning_rate=1"], ["learning_rate 0.002 there, 1.0 here"]),
        (None, ["--recipe", "turned"], ["scale_min 0.5 there, 0.6 here", "; ..."]),
        (change_data, [], ["data: digest"]),
        (change_code, [], ["its model.py is not what", "compiles to now"]),
        (change_config, [], ["-seed0 was begun otherwise: learning_rate 0.5 there, 0.002 here"]),
        (put_another_folder, [], ["something that is no run is in this folder"]),
        (write("bakeoff.json", "{"), [], ["bakeoff.json: this is no JSON"]),
        (write("bakeoff.json", "[]"), [], ["bakeoff.json: this is no record of a bake-off"]),
        (write("bakeoff.json", '{"format": 2}'), [], ["this is no record of a bake-off"]),
        (write(f"{FPN}-seed0/config.json", "{"), [], ["config.json: this is no JSON"]),
        (write(f"{FPN}-seed0/config.json", '{"format": 1}'), [], ["its config.json is broken"]),
        (write(f"{FPN}-seed0/outcome.json", "{}"), [], ["outcome.json: this is no outcome"]),
        (
            write(f"{FPN}-seed0/outcome.json", '{"figures": {"AP": 7}}'),
            [],
            ["outcome.json: this is no outcome", "remove this file"],
        ),
    ],
)
def test_other_conditions_want_another_folder(place, capsys, untrained, change, words, messages):
    assert bake("fpn") == 0
    capsys.readouterr()
    if change:
        change(place)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert bake("fpn", "panet", *words) == 2
    told = capsys.readouterr()
    for message in messages:
        assert message in told.err
    assert "--runs runs-2" in told.err or ".json" in told.err
    assert "itself failed" not in told.err
    assert untrained == [f"{FPN}-seed0"]
    after = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    changed = {path.name for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed <= {"bakeoff.json", "model.py", "config.json"}


def test_a_run_that_was_never_begun_is_made_again(place, capsys, untrained):
    assert bake("fpn") == 0
    for name in ("config.json", "outcome.json"):
        (place / f"runs/{FPN}-seed0" / name).unlink()
    assert bake("fpn") == 0
    assert untrained == [f"{FPN}-seed0"] * 2


def test_two_bakeoffs_do_not_share_a_folder(place, capsys, untrained):
    (place / "runs").mkdir()
    with alone(place / "runs"):
        assert bake("fpn") == 2
    assert "runs: another bake-off is at work there" in capsys.readouterr().err
    assert bake("fpn") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fpn", "--epochs", "2"], "--epochs is for --train"),
        (["fpn", "--seeds", "0..2"], "--seeds is for --train"),
        (["fpn", "--ray"], "--ray is for --train"),
        (["fpn", "--set", "workers=0"], "--set is for --train"),
        (["fpn", "--image-size", "128"], "--image-size is for --measure"),
        (["fpn", "--train", "data", "--rounds", "2"], "--rounds is for --measure"),
        (["fpn", "--train", "data", "--classes", "4"], "they are those of the data set"),
        (["fpn", "--train", "data", "--seeds", "2..0"], "none of 2, 0..2 and 0,1,7"),
        (["fpn", "--train", "data", "--seeds", "-1"], "seeds"),
        (["fpn", "--train", "data", "--seeds", "0..99999999"], "at most 1000 seeds"),
        (["fpn", "--train", "data", "--seeds", "4294967296"], "up to 2147483647"),
        (["--train", "data", "--ray", "fpn", "panet"], "--ray fpn: this is none of auto"),
        (["fpn", "--train", "nowhere"], "there is no"),
        (["fpn", "--train", "data", "--set", "seed=3"], "give --seeds 0..2"),
        (["fpn", "--train", "data", "--epochs", "0"], "epochs=0 is out of bounds"),
        (["fpn", "--train", "data", "--recipe", "big"], "small, turned, paper"),
        (["fpn", "--train", "data", "--set", "epoch=3"], "did you mean `epochs`?"),
        (["fpn", "--train", "data", "--image-size", "64"], "too small for levels"),
        (["fpn", "--train", "data", "--model", "segmentation"], "segments"),
        (["fpn", "--train", "data", "--ray", "localhost:1"], "no Ray cluster answers at localhost"),
        (["fpn", "--train", "data", "--baseline", "panet"], "`panet` is not compared"),
    ],
)
def test_what_cannot_be_compared_is_told(place, capsys, untrained, words, message):
    assert main(["compare", *words]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert "itself failed" not in told
    assert not untrained


def test_data_without_labels_to_evaluate_on_are_refused(place, capsys, untrained):
    for file in place.glob("data/**/*.json"):
        document = json.loads(file.read_text())
        if "val" in file.as_posix():
            document["annotations"] = []
            file.write_text(json.dumps(document))
    assert bake("fpn") == 2
    assert "no image of the split val has a labelled box" in capsys.readouterr().err


def test_what_fails_for_all_ends_the_bakeoff(place, capsys):
    assert bake("fpn", "panet", "--set", "optimizer=adamm") == 2
    told = capsys.readouterr().err
    assert told.count("optimizer=adamm") == 1
    assert not list((place / "runs").glob("*.json"))
    assert bake("fpn", "--set", "backbone_weights=absent.pth") == 2
    assert "absent.pth" in capsys.readouterr().err


def test_launchers_of_processes_are_refused(place, capsys, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert bake("fpn") == 2
    assert "a bake-off is one process" in capsys.readouterr().err


def test_without_ray_its_extra_is_named(place, capsys, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "ray" else found(name, *a)
    )
    assert bake("fpn", "--ray") == 2
    assert "pip install 'fpnc[ray]'" in capsys.readouterr().err
