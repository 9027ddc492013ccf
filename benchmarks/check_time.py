"""How long `fpnc check` takes on a spec of a thousand lines, as a process and within one.

python -m benchmarks.check_time --runs 9
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.compile_time import run_python
from fpncompiler.pipeline import Options, check_spec

LINES = 1_000


def long_spec(lines: int = LINES) -> str:
    """A spec of so many lines, four for a node: most at one level, every fifth at all levels."""
    made = ["fpnc: 1", "name: long", "title: A long spec", "levels: 3..5", "depth: 1"]
    made += ["adapters: {sharing: per_source}", "nodes:", "  n0(l): [in(l), in(*)]"]
    number, family = 1, 0
    while len(made) + 6 <= lines:
        before = f"n{number - 1}({'l' if number - 1 == family else 4})"
        if number % 5 == 0:
            inputs, key = f"n{family}(l), {before}, in(l)", f"n{number}(l)"
            family = number
        else:
            inputs, key = f"{before.replace('(l)', '(4)')}, in(4)", f"n{number}(4)"
        made += [f"  # node {number}: once more, with what the level has", f"  {key}:"]
        made += [f"    inputs: [{inputs}]", "    op: {conv: separable, kernel: 3}"]
        number += 1
    made += ["  # the end"] * (lines - 1 - len(made))
    return "\n".join([*made, f"outputs: n{family}\n"])


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
        actions: dict[str, Callable[[], object]] = {
            "python -c pass": lambda: run_python("-c", "pass"),
            "import the front end": lambda: run_python("-c", "import fpncompiler.pipeline"),
            f"fpnc check, {LINES} lines": lambda: run_python(
                "-m", "fpncompiler.cli", "check", str(path)
            ),
            f"check_spec, {LINES} lines": lambda: check_spec(path, Options()),
        }
        nodes = len(check_spec(path, Options()).layer)
        print(f"{LINES} lines, {nodes} nodes\n\n{'median of ' + str(runs):24}  ms")
        for name, action in actions.items():
            print(f"{name:24}  {median(action, runs):6.0f}")


if __name__ == "__main__":
    main()
