"""The compiler's own time, by the functions of `benchmarks.compile_time`."""

import sys
import tempfile

from benchmarks.compile_time import (
    BIFPN,
    SIZES,
    alternating,
    chain_spec,
    exponent,
    run_python,
    wide_spec,
)
from benchmarks.speed.results import Row, Setting, Table
from fpncompiler.pipeline import Options, compile_spec
from fpncompiler.timing import Budget, Quartiles, in_turns, quartiles, ratios, seconds_of

QUICK_SIZES = (100, 200)


def run(setting: Setting, budget: Budget) -> list[Table]:
    """Growth with nodes, growth with phi, and the processes that a user starts."""
    runs = 1 if setting.quick else 3
    sizes = QUICK_SIZES if setting.quick else SIZES
    return [_growth(runs, sizes), _scales(3 * runs), _processes(budget)]


def _growth(runs: int, sizes: tuple[int, ...]) -> Table:
    rows, notes = [], []
    for name, make in (("chain", chain_spec), ("wide", wide_spec)):
        specs = {size: make(size) for size in sizes}
        actions = {
            str(n): lambda text=text: compile_spec(text, Options()) for n, text in specs.items()
        }
        times = alternating(actions, runs)
        found = [times[str(size)] for size in sizes]
        for size, took in zip(sizes, found, strict=True):
            per_node = {"ms per node": round(took / size * 1e3, 3)}
            rows.append(Row(f"{name}, {size:,} nodes", "ours", _once(took), figures=per_node))
        notes.append(f"{name}: time grows as nodes to the power {exponent(sizes, found):.2f}.")
    return Table("Compiling large specs", None, rows, rounds=runs, notes=notes)


def _scales(runs: int) -> Table:
    actions = {f"d{phi}": lambda phi=phi: compile_spec(BIFPN, Options(phi=phi)) for phi in range(8)}
    compile_spec(BIFPN, Options())  # reads blocks and templates, once a process
    times = alternating(actions, runs)
    rows = []
    for phi in range(8):
        compiled = compile_spec(BIFPN, Options(phi=phi))
        figures = {
            "nodes of a layer": len(compiled.layer),
            "layers": sum(layer.repeats for layer in compiled.network.layers),
            "lines": compiled.source.count("\n"),
        }
        rows.append(Row(f"D{phi}", "ours", _once(times[f"d{phi}"]), figures=figures))
    return Table("Compiling BiFPN, in a process that is warm", None, rows, rounds=runs)


def _processes(budget: Budget) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        fpnc = ["-m", "fpncompiler.cli"]
        actions = {
            "python -c 'import torch, timm'": lambda: run_python("-c", "import torch, timm"),
            "fpnc compile specs/bifpn.yaml --phi 3": lambda: run_python(
                *fpnc, "compile", str(BIFPN), "--phi", "3", "-o", folder
            ),
            "fpnc --help": lambda: run_python(*fpnc, "--help"),
            "python -c pass": lambda: run_python("-c", "pass"),
        }
        alternating(actions, 1)  # warms the disk cache
        measures = {name: lambda act=act: seconds_of(act) for name, act in actions.items()}
        times = in_turns(measures, budget)
    baseline = next(iter(actions))
    rows = [
        Row(
            name,
            "ours" if name.startswith("fpnc") else "other",
            quartiles(found),
            ratios(times[baseline], found),
        )
        for name, found in times.items()
    ]
    version = f"Python {sys.version.split()[0]}, byte code and files cached."
    return Table("Processes", None, rows, baseline, len(times[baseline]), [version])


def _once(seconds: float) -> Quartiles:
    """The median alone: `compile_time` keeps no more."""
    return Quartiles(seconds, seconds, seconds)
