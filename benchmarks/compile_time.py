"""How long compiling takes, and how it grows: `python -m benchmarks.compile_time`.

Three tables: specs of 1,000 to 10,000 nodes with the exponent fitted to them, D0 to D7, and
`fpnc compile` of D3 against the import of torch and timm, which every hand-written model pays.
Times are medians of runs that alternate, so that a busy machine slows all rows alike.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fpncompiler.pipeline import Options, compile_spec

ROOT = Path(__file__).resolve().parent.parent
BIFPN = ROOT / "specs/bifpn.yaml"
BYTE_CODE = ROOT / "build" / "benchmarks" / "byte_code"
LEVELS = range(3, 8)
SIZES = (1_000, 2_000, 5_000, 10_000)


def _spec(nodes: Sequence[str], outputs: Sequence[str]) -> str:
    head = ["fpnc: 1", "name: large", "levels: 3..7", "depth: 1", "nodes:"]
    return "\n".join(
        [*head, *(f"  {node}" for node in nodes), f"outputs: [{', '.join(outputs)}]\n"]
    )


def _level(index: int) -> int:
    """Levels in an order that goes up and down by one and by more."""
    return LEVELS[index * 3 % len(LEVELS)]


def chain_spec(count: int) -> str:
    """A spec of `count` named nodes, each of which reads the one before and its level's input."""
    nodes = [f"n0: {{level: {_level(0)}, inputs: [in({_level(0)}), in(3)]}}"]
    for i in range(1, count):
        level = _level(i)
        nodes.append(f"n{i}: {{level: {level}, inputs: [n{i - 1}, in({level})]}}")
    return _spec(nodes, [f"n{i}" for i in range(count - len(LEVELS), count)])


def wide_spec(count: int) -> str:
    """A spec of `count` nodes that read only inputs, and five that read them all in rows of 16."""
    nodes = [
        f"w{i}: {{level: {_level(i)}, inputs: [in({_level(i)}), in(5)]}}" for i in range(count)
    ]
    rows = [range(i, min(i + 16, count)) for i in range(0, count, 16)]
    for number, row in enumerate(rows):
        inputs = ", ".join(f"w{i}" for i in row)
        nodes.append(f"row{number}: {{level: 5, inputs: [{inputs}, in(5)]}}")
    for level in LEVELS:
        nodes.append(f"end{level}: {{level: {level}, inputs: [row{len(rows) - 1}, in({level})]}}")
    return _spec(nodes, [f"end{level}" for level in LEVELS])


def fan_in_spec(count: int) -> str:
    """A spec of one node that reads `count` inputs, at each level."""
    references = ", ".join(["in(l)"] * count)
    return _spec([f"every(l): [{references}]"], ["every"])


def seconds(action: Callable[[], object]) -> float:
    """The wall time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def alternating(actions: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """The median wall time of each action, run in turns."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(runs):
        for name, action in actions.items():
            times[name].append(seconds(action))
    return {name: statistics.median(found) for name, found in times.items()}


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """The k of the least-squares fit time = c * size**k."""
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in times]
    return statistics.linear_regression(x, y).slope


def growth_table(runs: int, sizes: Sequence[int] = SIZES) -> None:
    """Wall time against the number of nodes, for two shapes of graphs."""
    print("shape   nodes   seconds   ms/node")
    for name, make in (("chain", chain_spec), ("wide", wide_spec)):
        specs = {size: make(size) for size in sizes}
        actions = {
            str(n): lambda text=text: compile_spec(text, Options()) for n, text in specs.items()
        }
        times = alternating(actions, runs)
        for size in sizes:
            took = times[str(size)]
            print(f"{name:6} {size:6}  {took:8.3f}  {took / size * 1e3:8.3f}")
        print(f"{name:6} exponent {exponent(sizes, [times[str(n)] for n in sizes]):.2f}")


def scale_table(runs: int) -> None:
    """Time and file size of D0 to D7: neither may grow with phi."""
    actions = {f"d{phi}": lambda phi=phi: compile_spec(BIFPN, Options(phi=phi)) for phi in range(8)}
    compile_spec(BIFPN, Options())  # reads blocks and templates, once a process
    times = alternating(actions, runs)
    print("\nmodel  ms      bytes   lines")
    for phi in range(8):
        source = compile_spec(BIFPN, Options(phi=phi)).source
        print(
            f"d{phi}     {times[f'd{phi}'] * 1e3:5.1f}  {len(source):6}  {source.count(chr(10)):6}"
        )


def import_table(runs: int) -> None:
    """A whole `fpnc compile` of D3 against what importing torch and timm costs."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "fpncompiler.cli", "compile", str(BIFPN), "--phi", "3", "-o", folder]
        actions = {
            "fpnc compile D3": lambda: run_python(*command),
            "import torch, timm": lambda: run_python("-c", "import torch, timm"),
            "python -c pass": lambda: run_python("-c", "pass"),
        }
        alternating(actions, 1)  # warms the disk cache
        times = alternating(actions, runs)
    print("\nprocess             seconds")
    for name, took in times.items():
        print(f"{name:18}  {took:7.3f}")
    ratio = times["import torch, timm"] / times["fpnc compile D3"]
    print(f"importing takes {ratio:.1f} times as long as compiling")


def run_python(*arguments: str) -> None:
    """Run Python as it runs an installed package: from byte code, whatever this shell says."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(BYTE_CODE)
    silent = subprocess.DEVNULL
    subprocess.run(
        [sys.executable, *arguments], check=True, cwd=ROOT, stdout=silent, stderr=silent, env=env
    )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description="Measure how long compiling takes.")
    parser.add_argument("--runs", type=int, default=3, help="runs of each row (default: 3)")
    runs = parser.parse_args().runs
    growth_table(runs)
    scale_table(3 * runs)
    import_table(2 * runs)


if __name__ == "__main__":
    main()
