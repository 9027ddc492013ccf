"""How long `fpnc check` takes on a spec of a thousand lines, as a process and within one.

python -m benchmarks.check_time --runs 9
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fpncompiler.pipeline import Options, check_spec

LINES = 1_000
LEVELS = range(3, 8)


def long_spec(lines: int = LINES) -> str:
    """A spec of so many lines: families, nodes by name, settings, and a comment for every three."""
    head = ["fpnc: 1", "name: long", "title: A long spec", "levels: 3..7", "depth: 1"]
    made = [*head, "fusion: fast_normalized", "outputs: last", "nodes:"]
    number = 0
    while len(made) < lines - 1:
        made += _block(number, number - 1 if number else None)
        number += 1
    made = made[: lines - 1 - (lines - 1 - len(head) - 3) % 8]
    made += [f"  # line {n}" for n in range(len(made), lines - 1)]
    return "\n".join([*made, f"  last(l): [n{(lines - 9) // 8 - 1}(l), in(l)]\n"])


def _block(number: int, before: int | None) -> list[str]:
    """Eight lines: a family that goes on from the one before, and a bridge beside it."""
    source = "in" if before is None else f"n{before}"
    return [
        f"  # block {number}: top-down from {source}, with a bridge at one level",
        f"  n{number}(l):  # one node a level",
        f"    inputs: [in(l), {source}(l), {source}(l+1)]",
        "    op: {conv: separable, kernel: 3}",
        "    # the bridge reads two levels",
        f"  b{number}:",
        f"    level: {LEVELS[number % 5]}",
        f"    inputs: [n{number}({LEVELS[number % 5]}), in({LEVELS[(number + 1) % 5]})]",
    ]


def median(action: Callable[[], object], runs: int) -> float:
    """The median wall time of an action in milliseconds, after a first run that warms caches."""
    action()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description="Measure how long `fpnc check` takes.")
    parser.add_argument("--runs", type=int, default=9, help="runs of each row (default: 9)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.yaml"
        path.write_text(long_spec())
        start = [sys.executable, "-c"]
        actions: dict[str, Callable[[], object]] = {
            "python -c pass": lambda: _run([*start, "pass"]),
            "import the front end": lambda: _run([*start, "import fpncompiler.pipeline"]),
            f"fpnc check, {LINES} lines": lambda: _run(
                [sys.executable, "-m", "fpncompiler.cli", "check", str(path)]
            ),
            f"check_spec, {LINES} lines": lambda: check_spec(path, Options()),
        }
        nodes = len(check_spec(path, Options()).layer)
        print(f"{LINES} lines, {nodes} nodes\n\n{'median of ' + str(runs):24}  ms")
        for name, action in actions.items():
            print(f"{name:24}  {median(action, runs):6.0f}")


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
