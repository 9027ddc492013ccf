"""Runs as processes: several at once, and killed at any moment."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import ROOT

KILLS = 20 if os.environ.get("FPNC_HEAVY") else 1
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def command(folder, changes, *more, launcher=()):
    return [
        sys.executable,
        *launcher,
        "-m",
        "tests.training.runner",
        folder,
        json.dumps(changes),
        *more,
    ]


def steps_of(text):
    """Step -> loss, of what the runner has printed."""
    lines = (line.split() for line in text.splitlines())
    return {int(words[0]): float(words[1]) for words in lines if len(words) == 2}


def finished(words):
    found = subprocess.run(
        list(map(str, words)), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr[-3000:]
    return steps_of(found.stdout)


def killed_at(words, step):
    """Run until a step is done, and kill it somewhere in what follows."""
    process = subprocess.Popen(
        list(map(str, words)), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line.split() and line.split()[0] == str(step):
            break
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    return process.wait()


def weights(folder):
    return load_file(folder / "run" / "last.safetensors")


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path):
    changes = {"checkpoint_steps": 1, "epochs": 8, "workers": 1}  # 24 steps
    finished(command(tmp_path / "whole", changes))
    dice = random.Random(0)
    folder = tmp_path / "run"
    for step in sorted(dice.sample(range(1, 24), KILLS)):
        assert killed_at(command(folder, changes, "--resume"), step) == -signal.SIGKILL
    finished(command(folder, changes, "--resume"))
    whole, parts = weights(tmp_path / "whole"), weights(folder)
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_two_processes_have_the_losses_of_one(tmp_path):
    # Batch norms keep their statistics: on CPUs each process would have its own.
    # The rate grows over half of the steps: at once at its height, AdamW makes chaos of rounding.
    changes = {"freeze_norms": "all", "epochs": 7, "batch_size": 4, "warmup_epochs": 3.5}
    one = finished(command(tmp_path / "one", changes))
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    two = finished(command(tmp_path / "two", changes, launcher=launcher))
    assert sorted(one) == sorted(two) == list(range(1, 22))
    first = list(range(1, 21))
    assert [two[s] for s in first] == pytest.approx([one[s] for s in first], rel=1e-4)
    alone, shared = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert alone.keys() == shared.keys()
