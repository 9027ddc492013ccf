"""A bake-off trains each topology once with each seed, goes on where it stopped, and says what it
shows."""

import csv
import io
import json
import statistics
from dataclasses import replace

import pytest

from fpncompiler.bakeoff import running
from fpncompiler.bakeoff.cluster import run_on_cluster
from fpncompiler.bakeoff.plan import Bakeoff, BakeoffError, Entrant, folder_of, trials_of
from fpncompiler.bakeoff.running import run_trials
from fpncompiler.cli import main
from fpncompiler.comparison.trained import deviation, difference, mean
from fpncompiler.datasets.writing import write_folder
from fpncompiler.training.progress import InterruptedRunError, LossError
from tests.evaluation.tiny import tiny_code
from tests.training.small import RECIPE, Recorder, small_data

QUICK = replace(RECIPE, epochs=1)
SOURCE = {"path": "images", "train": "train", "val": "val"}


pytestmark = pytest.mark.usefixtures("one_thread")


def small_bakeoff(folder, names=("one", "two"), seeds=(0, 1), recipe=QUICK):
    entrants = [Entrant(name, 0, replace(tiny_code(), name=name, spec=name)) for name in names]
    data = small_data(folder / "images", 4)
    validation = small_data(folder / "images", 2, "val")
    trials = trials_of(entrants, recipe, seeds, folder / "runs")
    return Bakeoff(trials, data, validation, SOURCE, "cpu")


def run(bakeoff):
    begun = []
    results = list(run_trials(bakeoff, Recorder(), lambda trial, number: begun.append(number)))
    return results, begun


def test_every_topology_is_trained_once_with_each_seed(tmp_path):
    bakeoff = small_bakeoff(tmp_path)
    names = ["one-seed0", "two-seed0", "one-seed1", "two-seed1"]
    assert [trial.path.name for trial in bakeoff.trials] == names
    results, begun = run(bakeoff)
    assert begun == [1, 2, 3, 4]
    assert all(not result.fault and result.figures["AP"] is not None for result in results)
    # the same code, seed and batches
    assert results[0].figures == results[1].figures
    again, begun = run(bakeoff)
    assert begun == []
    assert [r.figures for r in again] == [r.figures for r in results]


def test_a_bakeoff_that_was_stopped_goes_on(tmp_path, monkeypatch):
    bakeoff = small_bakeoff(tmp_path, seeds=(0,))
    original = running.train
    calls = []

    def stopped(plan, watch, resume):
        calls.append(plan.folder.path.name)
        if len(calls) == 2:
            raise InterruptedRunError("stopped")
        return original(plan, watch, resume=resume)

    monkeypatch.setattr(running, "train", stopped)
    with pytest.raises(InterruptedRunError):
        run(bakeoff)
    results, begun = run(bakeoff)
    assert begun == [2]
    assert calls == ["one-seed0", "two-seed0", "two-seed0"]
    assert len(results) == 2


def test_a_run_that_fails_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    original = running.train

    def failing(plan, watch, resume):
        if plan.folder.path.name.startswith("one"):
            raise LossError("step 1: the loss is nan")
        return original(plan, watch, resume=resume)

    monkeypatch.setattr(running, "train", failing)
    results, _ = run(small_bakeoff(tmp_path, seeds=(0,)))
    assert results[0].fault == "step 1: the loss is nan"
    assert results[1].figures


def test_runs_with_other_settings_are_not_mixed(tmp_path):
    folder_of(small_bakeoff(tmp_path).trials[0], SOURCE)
    other = small_bakeoff(tmp_path, recipe=replace(QUICK, learning_rate=0.5)).trials[0]
    with pytest.raises(BakeoffError, match="begun with another recipe") as error:
        folder_of(other, SOURCE)
    assert "--runs" in error.value.help
    trial = small_bakeoff(tmp_path).trials[0]
    code = replace(trial.entrant.code, source=trial.entrant.code.source + "\n")
    changed = replace(trial, entrant=replace(trial.entrant, code=code))
    with pytest.raises(BakeoffError, match="another generated code"):
        folder_of(changed, SOURCE)
    with pytest.raises(BakeoffError, match="another data"):
        folder_of(trial, SOURCE | {"path": "elsewhere"})


def test_means_spread_and_differences():
    assert mean(()) is None
    assert deviation((0.5,)) is None
    own, base = (0.5, 0.6, 0.55), (0.4, 0.41, 0.42)
    assert deviation(own) == pytest.approx(statistics.stdev(own))
    found = difference(own, base)
    assert found.mean == pytest.approx(0.14)
    assert found.error == pytest.approx((0.05**2 / 3 + 0.01**2 / 3) ** 0.5)
    assert found.is_clear
    assert not difference((0.4, 0.6), (0.45, 0.45)).is_clear
    assert difference((0.5,), base).error is None
    assert not difference((0.5,), base).is_clear
    assert difference((), base) is None


def test_both_nodes_of_a_cluster_get_work(tmp_path, monkeypatch):
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is an extra")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    node = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(num_cpus=1, object_store_memory=100_000_000)
        cluster.wait_for_nodes()
        bakeoff = small_bakeoff(tmp_path, seeds=(0,))
        results = list(run_on_cluster(bakeoff, cluster.address, threads=1))
    finally:
        cluster.shutdown()
    assert {result.trial.path.name for result in results} == {t.path.name for t in bakeoff.trials}
    assert not [result.fault for result in results if result.fault]
    assert len({result.node for result in results}) == 2
    _, begun = run(bakeoff)
    assert begun == []


def test_a_cluster_that_is_not_there_is_told(tmp_path):
    pytest.importorskip("ray", reason="Ray is an extra")
    with pytest.raises(BakeoffError, match=r"no Ray cluster at 127\.0\.0\.1:1") as error:
        list(run_on_cluster(small_bakeoff(tmp_path), "127.0.0.1:1", threads=1))
    assert "--ray local" in error.value.help


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    splits = [small_data(tmp_path / "images", 4), small_data(tmp_path / "images", 2, "val")]
    write_folder(splits, tmp_path / "data", force=False)
    return tmp_path


WORDS = ["compare", "fpn", "bifpn", "--variant", "lite0", "--train", "data", "--epochs", "1"]
FEW = ["--batch-size", "4", "--image-size", "128", "--set", "workers=0"]
RANDOM = ["--set", "backbone_weights=none"]


def test_the_command_puts_precision_beside_cost(place, capsys):
    words = [*WORDS, *FEW, *RANDOM, "--seeds", "0..1", "--baseline", "fpn"]
    assert main([*words, "--html", "page.html"]) == 0
    told = capsys.readouterr()
    assert "trained: mean +- deviation" in told.out
    assert "2 seeds: a difference within twice its standard error may be chance" in " ".join(
        told.out.split()
    )
    assert "run 4 of 4: runs/bakeoff/bifpn_lite0-seed1" in told.err
    page = (place / "page.html").read_text()
    assert "AP50" in page
    assert "± " in page
    assert main([*words, "--json", "--sort", "ap", "--descending"]) == 0
    again = capsys.readouterr()
    assert "run 1 of" not in again.err
    document = json.loads(again.out)
    assert document["trained"]["seeds"] == [0, 1]
    assert document["trained"]["steps"] == 1
    rows = document["rows"]
    assert {row["topology"] for row in rows} == {"fpn", "bifpn"}
    assert rows[0]["ap"] >= rows[1]["ap"]
    assert all(row["seeds"] == 2 and row["ap_deviation"] is not None for row in rows)
    assert main([*words, "--csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [float(row["ap"]) for row in table] == [
        row["ap"] for row in sorted(rows, key=lambda row: row["topology"] != "fpn")
    ]
    assert main([*words, "--markdown"]) == 0
    assert "| AP | AP50 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", "2"], "--epochs is for --train"),
        (["--set", "epochs=2"], "--set is for --train"),
        (["--ray"], "--ray is for --train"),
        (["--train", "data", "--measure"], "one at a time"),
        (["--train", "data", "--seeds", "2..0"], "is none of 3, 0..2 and 0,7"),
        (["--train", "nowhere"], "there is no"),
        (["--train", "data", "--set", "epoch=2"], "did you mean `epochs`?"),
    ],
)
def test_wrong_usage_is_told(place, capsys, words, message):
    assert main(["compare", "fpn", "bifpn", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (place / "runs").exists()
