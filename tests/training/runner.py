"""A run in a process of its own, for tests that kill it or start several of it.

    python -m tests.training.runner FOLDER CHANGES [--resume]

CHANGES are settings as JSON. It prints a line for each step: number and loss.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from fpncompiler.training.run_folder import open_run
from fpncompiler.training.session import train
from tests.training.small import RECIPE, Recorder, small_data, small_plan


def main():
    torch.set_num_threads(1)
    folder, changes = Path(sys.argv[1]), json.loads(sys.argv[2])
    recipe = replace(RECIPE, **changes)
    data = small_data(folder / "images")
    plan = small_plan(folder / "run", recipe, data=data)
    plan = replace(plan, folder=open_run(folder / "run"))
    watch = Recorder(lambda step: print(step.step, repr(step.loss), flush=True))
    train(plan, watch, resume="--resume" in sys.argv)


if __name__ == "__main__":
    main()
