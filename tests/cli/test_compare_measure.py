"""`fpnc compare --measure`: real models, in turns; whatever happens, what was measured is kept."""

import json
import sys

import pytest
import torch

from fpncompiler.cli import main
from fpncompiler.detection import latency

SMALL = ["--measure", "--part", "network", "--image-size", "64", "--batch", "2", "--threads", "1"]


def rows_of(capsys, *arguments, code=0):
    assert main(["compare", *arguments, *SMALL, "--json"]) == code
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err


@pytest.fixture(autouse=True)
def one_call_a_round(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr("fpncompiler.timing.LEAST", 0.0)
    yield
    torch.set_num_threads(threads)


def test_times_come_with_quartiles_and_ratios(project, capsys):
    document, _ = rows_of(capsys, "fpn", "bifpn", "--rounds", "3")
    assert document["measured"] == {
        "part": "the feature network on 64x64 pixels",
        "batch": 2,
        "threads": 1,
        "rounds": 3,
    }
    fpn, bifpn = document["rows"]
    for row in (fpn, bifpn):
        assert row["rounds"] == 3
        for stem in ("forward", "training_step"):
            low = row[f"{stem}_first_quartile_seconds"]
            high = row[f"{stem}_third_quartile_seconds"]
            assert 0 < low <= row[f"{stem}_seconds"] <= high
    assert fpn["forward_ratio"] == fpn["training_step_ratio"] == 1
    assert bifpn["forward_ratio"] > 0


def test_tables_have_the_times(project, capsys):
    assert main(["compare", "fpn", *SMALL, "--rounds", "1"]) == 0
    out = capsys.readouterr().out
    assert "forward, ms" in out
    assert max(map(len, out.splitlines())) <= 100
    assert main(["compare", "fpn", *SMALL, "--rounds", "1", "--html", "page.html"]) == 0
    assert "forward_seconds" in (project / "page.html").read_text()


def test_models_take_turns_and_ticks_count_them():
    order, ticks = [], []

    class Recording(torch.nn.Module):
        def __init__(self, name):
            super().__init__()
            self.name = name
            self.weight = torch.nn.Parameter(torch.ones(()))

        def forward(self, images):
            order.append(self.name + ("t" if self.training else "f"))
            return [images * self.weight]

    times = latency.Times()
    setting = latency.Setting("detector", 1, (4, 4), rounds=2)
    models = {name: Recording(name) for name in "ab"}
    latency.measure(models, setting, times, lambda: ticks.append(1))
    text = "".join(order)
    # two calls of each that warm it up, then the rounds
    assert text == "afbf" * 2 + "afbf" * 2 + "atbt" * 2 + "atbt" * 2
    assert len(ticks) == 2 * 2 * (2 + 1)
    assert {len(each) for each in (*times.forward.values(), *times.training_step.values())} == {2}
    assert models["a"].weight.item() == 1


def test_an_interruption_keeps_what_was_measured(project, capsys, monkeypatch):
    step = latency._step

    def interrupting(module, given):
        run, calls = step(module, given), []

        def once_more():
            calls.append(1)
            if len(calls) > 3:  # two calls that warm it up, and a round
                raise KeyboardInterrupt
            return run()

        return once_more

    monkeypatch.setattr(latency, "_step", interrupting)
    document, err = rows_of(capsys, "fpn", "bifpn", "--phi", "0..1", "--rounds", "4", code=130)
    assert "interrupted: what was measured is kept" in err
    rows = {(row["topology"], row["phi"]): row for row in document["rows"]}
    assert len(rows) == 4
    assert rows["bifpn", 0]["forward_seconds"] > 0
    assert rows["bifpn", 0]["training_step_seconds"] > 0  # of the round that was complete
    assert rows["bifpn", 1]["forward_seconds"] is None
    assert rows["bifpn", 1]["network_macs"] > 0


def test_a_model_that_refuses_images_leaves_the_others(project, capsys):
    # 64 pixels are one cell at P6, of which a norm of one image learns nothing
    arguments = ["compare", "fpn", "yolov3_neck", "--measure", "--part", "network", "--rounds", "1"]
    assert main([*arguments, "--json", "--image-size", "64", "--batch", "1"]) == 2
    printed = capsys.readouterr()
    assert printed.err.count("error: fpn cannot be timed: ") == 1
    assert "--image-size" in printed.err
    fpn, yolo = json.loads(printed.out)["rows"]
    assert fpn["forward_seconds"] > 0
    assert fpn["training_step_seconds"] is None
    assert yolo["training_step_seconds"] > 0


def test_a_bar_is_drawn_on_a_terminal_alone(project, capsys, monkeypatch):
    _, err = rows_of(capsys, "fpn", "--rounds", "1")
    assert err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, err = rows_of(capsys, "fpn", "--rounds", "1")
    assert "4/4" in err
    assert "<00:00" in err  # what is left
