"""Runs end with what they promise, and go on as if they had never stopped."""

import csv
import json
import signal
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from fpncompiler.detectors.checkpoints import open_detector
from fpncompiler.training import loop, session, state
from fpncompiler.training.batches import Order, Share, create_loader, epoch_order
from fpncompiler.training.losses import Losses
from fpncompiler.training.objective import Objective
from fpncompiler.training.progress import InterruptedRunError, LossError, TrainingError
from fpncompiler.training.session import train
from tests.training.small import RECIPE, Recorder, small_data, small_plan

pytestmark = pytest.mark.usefixtures("one_thread")


class CrashError(Exception):
    pass


def crash_at(number):
    def crash(step):
        if step.step == number:
            raise CrashError

    return crash


def test_a_run_leaves_weights_tables_curves_and_pictures(tmp_path):
    plan = small_plan(tmp_path / "run", replace(RECIPE, evaluate_every=1))
    plan = replace(plan, validation=small_data(tmp_path / "images", 4, "val"))
    watch = Recorder()
    outcome = train(plan, watch)
    folder = tmp_path / "run"
    for name in outcome.files:
        assert (folder / name).exists(), name
    assert {"best.safetensors", "last.safetensors", "curves.svg", "pictures"} <= {*outcome.files}
    rows = list(csv.DictReader((folder / "results.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [row["step"] for row in rows] == ["3", "6"]
    assert {"loss", "AP", "AP50", "waiting", "learning_rate"} <= {*rows[0]}
    detector = open_detector(folder)
    assert detector.classes == plan.data.classes
    assert detector.image_size == (128, 128)
    assert detector.provenance["recipe"]["epochs"] == 2
    found = json.loads((folder / "evaluation.json").read_text())
    assert found["figures"] == dict(outcome.evaluation.figures)
    assert len(list((folder / "pictures").iterdir())) == 4
    assert watch.started == [(0, 6)]
    assert [step.step for step in watch.steps] == [1, 2, 3, 4, 5, 6]
    assert all(0 <= epoch.waiting < 1 for epoch in watch.epochs)


def test_the_loss_falls(tmp_path):
    recipe = replace(RECIPE, epochs=12, scale_min=1.0, scale_max=1.0, learning_rate=4e-3)
    watch = Recorder()
    train(small_plan(tmp_path / "run", recipe), watch)
    losses = [step.loss for step in watch.steps]
    assert sum(losses[-3:]) < sum(losses[:3]) / 2


@pytest.mark.parametrize("crashes", [(1,), (2, 5)])
def test_a_run_that_crashes_ends_with_the_same_bytes(tmp_path, crashes):
    train(small_plan(tmp_path / "whole"), Recorder())
    plan = small_plan(tmp_path / "run", replace(RECIPE, checkpoint_steps=2))
    for number in crashes:
        with pytest.raises(CrashError):
            train(plan, Recorder(crash_at(number)), resume=True)
    watch = Recorder()
    train(plan, watch, resume=True)
    assert watch.started[0][0] == {1: 0, 5: 4}[crashes[-1]]
    whole, parts = (load_file(tmp_path / name / "last.safetensors") for name in ("whole", "run"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    rows = [(tmp_path / n / "results.csv").read_text().splitlines() for n in ("whole", "run")]
    assert [row.split(",")[:5] for row in rows[0]] == [row.split(",")[:5] for row in rows[1]]


def test_control_c_keeps_the_step_and_says_how_to_go_on(tmp_path):
    train(small_plan(tmp_path / "whole"), Recorder())
    plan = small_plan(tmp_path / "run")

    def interrupt(step):
        if step.step == 2:
            signal.raise_signal(signal.SIGINT)

    watch = Recorder(interrupt)
    with pytest.raises(InterruptedRunError, match=r"stopped after step 3 of 6") as error:
        train(plan, watch)
    assert f"--resume {tmp_path / 'run'}" in error.value.help
    assert session.STOPPING in watch.notes
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    again = Recorder()
    train(plan, again, resume=True)
    assert again.started == [(3, 6)]
    whole, parts = (load_file(tmp_path / name / "last.safetensors") for name in ("whole", "run"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_images(tmp_path, monkeypatch):
    plan = small_plan(tmp_path / "run", replace(RECIPE, checkpoint_steps=1))
    original = Objective.losses
    calls = []

    def poisoned(self, maps, targets, positives=None):
        calls.append(1)
        found = original(self, maps, targets, positives)
        if len(calls) < 5:
            return found
        return Losses(found.total * float("nan"), found.classes, found.boxes)

    monkeypatch.setattr(Objective, "losses", poisoned)
    watch = Recorder()
    with pytest.raises(LossError, match=r"step 5: the loss is nan.*train\d\.png") as error:
        train(plan, watch)
    assert len(calls) == 5
    assert len(watch.steps) == 4
    assert error.value.exit_code == 1
    assert [path.name for path in state.states(plan.folder.states)][-1] == "step-00000004"
    monkeypatch.setattr(Objective, "losses", original)
    again = Recorder()
    train(plan, again, resume=True)
    assert again.started == [(4, 6)]


def test_a_rate_beyond_all_bounds_is_caught_too(tmp_path):
    recipe = replace(
        RECIPE, epochs=8, optimizer="sgd", learning_rate=1000.0, clip_norm=0.0, momentum=0.99
    )
    with pytest.raises(LossError, match="the loss is"):
        train(small_plan(tmp_path / "run", recipe), Recorder())


def test_a_broken_state_is_reported(tmp_path):
    plan = small_plan(tmp_path / "run")
    train(plan, Recorder())
    last = state.states(plan.folder.states)[-1]
    (last / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0broken!!")
    with pytest.raises(TrainingError, match="this state cannot be read"):
        train(plan, Recorder(), resume=True)


def test_images_that_cannot_be_read_are_told_once_and_replaced(tmp_path):
    data = small_data(tmp_path / "images")
    data.items[3].file.write_bytes(b"no image at all")
    watch = Recorder()
    train(small_plan(tmp_path / "run", data=data), watch)
    told = [note for note in watch.notes if note.startswith("skipped")]
    assert len(told) == 1
    assert "train3.png" in told[0]


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path):
    recipe = replace(RECIPE, batch_size=6, accumulate=3)
    train_plan = small_plan(tmp_path / "run", recipe)
    train(train_plan, Recorder())
    with pytest.raises(TrainingError, match="cannot be shared"):
        session.create_accelerator(_unchecked(RECIPE, batch_size=3, accumulate=2), "cpu")


def _unchecked(recipe, **changes):
    """A recipe that its own constructor would refuse."""
    copied = replace(recipe)
    for key, value in changes.items():
        object.__setattr__(copied, key, value)
    return copied


def test_parts_of_a_batch_give_the_gradients_of_the_whole(tmp_path):
    losses = []
    for accumulate in (1, 2):
        recipe = replace(RECIPE, accumulate=accumulate, freeze_norms="all", learning_rate=1e-4)
        watch = Recorder()
        train(small_plan(tmp_path / f"run{accumulate}", recipe), watch)
        losses.append([step.loss for step in watch.steps])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_every_image_comes_once_an_epoch_and_shares_make_up_the_batch():
    whole = [place for batch in Order(10, 4, 2, seed=3) for place in batch]
    assert sorted(index for epoch, index in whole[:10]) == list(range(10))
    assert whole[10:12] == whole[:2]
    assert [epoch for epoch, _ in whole] == [0] * 12 + [1] * 12
    assert epoch_order(10, 3, 0) != epoch_order(10, 3, 1)
    parts = [list(Order(10, 4, 2, 3, share=Share(rank, 2))) for rank in (0, 1)]
    joined = [a + b for a, b in zip(*parts, strict=True)]
    assert [place for batch in joined for place in batch] == whole
    assert list(Order(10, 4, 2, 3, first=4)) == list(Order(10, 4, 2, 3))[4:]
    assert len(Order(3, 8, 1, 0)) == 1
    assert len(next(iter(Order(3, 8, 1, 0)))) == 8


def test_shapes_do_not_depend_on_how_many_boxes_there_are(tmp_path):
    data = small_data(tmp_path / "images")
    recipe = replace(RECIPE, batch_size=1)
    batches = list(create_loader(data, (128, 128), recipe, 0, Share()))
    counts = {int((batch.labels >= 0).sum()) for batch in batches}
    assert len(counts) > 2
    assert len({(b.images.shape, b.boxes.shape, b.labels.shape) for b in batches}) == 1


def test_workers_give_the_same_batches_as_the_process_itself(tmp_path):
    data = small_data(tmp_path / "images")
    recipe = replace(RECIPE, colour=0.5, quarter_turn=0.5, scale_min=0.5, scale_max=2.0)
    own = list(create_loader(data, (128, 128), recipe, 2, Share()))
    torch.manual_seed(99)
    others = list(create_loader(data, (128, 128), replace(recipe, workers=2), 2, Share()))
    assert len(own) == len(others) == 4
    for a, b in zip(own, others, strict=True):
        assert a.names == b.names
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.boxes, b.boxes)


def test_frozen_norms_keep_their_statistics(tmp_path):
    kept = {}
    for frozen in ("none", "backbone", "all"):
        plan = small_plan(tmp_path / frozen, replace(RECIPE, freeze_norms=frozen, ema_decay=0.0))
        train(plan, Recorder())
        kept[frozen] = load_file(plan.folder.last)
    start = torch.zeros(()), torch.ones(())

    def moved(state, prefix):
        means = [v for k, v in state.items() if k.startswith(prefix) and "running_mean" in k]
        return any(not torch.equal(value, start[0].expand_as(value)) for value in means)

    assert moved(kept["none"], "backbone")
    assert not moved(kept["backbone"], "backbone")
    assert moved(kept["backbone"], "network")
    assert not moved(kept["all"], "")


def test_the_loop_stops_where_it_is_told(tmp_path):
    plan = small_plan(tmp_path / "run")
    prepared = session.prepare(plan, Recorder())
    assert isinstance(prepared.loop, loop.Loop)
    loader = create_loader(plan.data, (128, 128), plan.recipe, 0, Share())
    steps = list(prepared.loop.steps(iter(loader), 2))
    assert [step.step for step in steps] == [1, 2]
    assert all(step.positives >= 0 and step.gradient_norm > 0 for step in steps)


def test_a_validation_split_without_labels_leaves_weights_all_the_same(tmp_path):
    data = small_data(tmp_path / "images", 2, "val")
    empty = tuple(replace(item, boxes=(), labels=(), crowd=()) for item in data.items)
    plan = replace(small_plan(tmp_path / "run"), validation=replace(data, items=empty))
    outcome = train(plan, Recorder())
    assert outcome.evaluation.figures["AP"] is None
    assert plan.folder.best.exists()
