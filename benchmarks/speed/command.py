"""The command: choose sections, measure each setting in its own process, write the report."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.speed.machine import describe_machine, same_machine
from benchmarks.speed.plan import ALLOCATORS, BY_NAME, Job, plan, processes
from benchmarks.speed.report import print_finding, write_report
from benchmarks.speed.results import Finding, Results, finding_from, load_results

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "docs"
QUICK_REPORTS = ROOT / "build" / "benchmarks" / "quick"
CACHES = ROOT / "build" / "benchmarks"
LEAST_ROUNDS = 2


class UsageError(Exception):
    """The command cannot be followed."""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description="Measure generated detectors against effdet with the same weights.",
    )
    add = made.add_argument
    add("--only", metavar="A,B", default="", help=f"sections: {','.join(BY_NAME)} (default: all)")
    add("--phi", type=int, nargs="+", default=[], help="in place of each section's own (0 and 3)")
    add("--threads", type=int, nargs="+", default=[], help="in place of each section's own")
    add("--malloc", nargs="+", default=[], choices=ALLOCATORS, help="allocator settings")
    add("--rounds", type=int, help="rounds of a table at most (default: 15; with --quick: 2)")
    add("--seconds", type=float, help="time of a table at most, after its third round")
    add("--quick", action="store_true", help="small images of D0, to see that all works")
    add("--out", type=Path, help="folder of the report (default: docs; --quick: build/benchmarks)")
    add("--resume", action="store_true", help="skip what the folder's results have already")
    add("--fresh", action="store_true", help="drop all results that the folder has")
    add("--report-only", action="store_true", help="measure nothing, render the results again")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0, or 1 where something failed or was refused, or 2 for wrong usage."""
    options = parser().parse_args(arguments)
    try:
        return _run(options)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    folder = options.out or (QUICK_REPORTS if options.quick else REPORTS)
    results = open_results(folder / "benchmarks.json", options)
    if not options.report_only:
        try:
            measure(chosen_jobs(options), results, folder, options)
        except KeyboardInterrupt:
            print("interrupted: `--resume` goes on from here")
    write_report(results, folder)
    print(f"wrote {folder / 'benchmarks.md'}")
    return 1 if troubles(results) else 0


def open_results(path: Path, options: argparse.Namespace) -> Results:
    """What the folder has, if it is to be kept, and of this machine."""
    machine = describe_machine(ROOT)
    if options.report_only and not path.exists():
        raise UsageError(f"there are no results in {path}")
    if not path.exists() or options.fresh:
        return Results(machine)
    results = load_results(path)
    if options.report_only:
        return results
    if not same_machine(results.machine, machine):
        raise UsageError(
            f"{path} has results of another machine or other versions: "
            "drop them by --fresh, or choose another --out"
        )
    return Results(machine, results.findings)


def chosen_jobs(options: argparse.Namespace) -> list[Job]:
    """The jobs that the options ask for."""
    only = [name for name in options.only.split(",") if name]
    unknown = [name for name in only if name not in BY_NAME]
    if unknown:
        raise UsageError(f"no section {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    return plan(only, options.phi, options.threads, options.malloc, options.quick)


def measure(jobs: list[Job], results: Results, folder: Path, options: argparse.Namespace) -> None:
    """Run every process, and save after every section."""
    if options.resume:
        done = {key for key, finding in results.findings.items() if not finding.failure}
        jobs = [job for job in jobs if job.key not in done]
    left = len(jobs)
    for group in processes(jobs):
        while group:
            missing = run_process(group, results, folder, options)
            if missing:  # the process died in the first of these
                results.findings[missing[0].key] = _died(missing[0])
                results.save(folder / "benchmarks.json")
                missing = missing[1:]
            left -= len(group) - len(missing)
            group = missing
            print(f"{left} of {len(jobs)} sections left\n", flush=True)


def run_process(
    group: Sequence[Job], results: Results, folder: Path, options: argparse.Namespace
) -> list[Job]:
    """Measure jobs of one setting; returns those that the process did not come to."""
    setting = group[0].setting
    print(f"# D{setting.phi}, {setting.threads} threads, malloc {setting.allocator}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        asked = {
            "setting": asdict(setting),
            "sections": [job.section for job in group],
            "rounds": max(LEAST_ROUNDS, options.rounds or (2 if options.quick else 15)),
            "seconds": options.seconds,
            "folder": place,
            "torch": any(job.section != "compiler" for job in group),
        }
        worker = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.speed.worker"],
            stdin=subprocess.PIPE,
            env=environment(setting.threads, setting.allocator),
            cwd=ROOT,
            text=True,
        )
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(asked))
        worker.stdin.close()
        try:
            return _collect(worker, group, Path(place), results, folder)
        finally:
            worker.kill()
            worker.wait()


def _collect(
    worker: subprocess.Popen[str],
    group: Sequence[Job],
    place: Path,
    results: Results,
    folder: Path,
) -> list[Job]:
    """Save each finding as soon as the worker has written it."""
    missing = list(group)
    while missing:
        ended = worker.poll() is not None
        path = place / f"{missing[0].section}.json"
        if path.exists():
            job = missing.pop(0)
            finding = finding_from(json.loads(path.read_text()))
            results.findings[job.key] = finding
            results.save(folder / "benchmarks.json")
            print_finding(finding)
        elif ended:
            break
        else:
            time.sleep(0.2)
    return missing


def environment(threads: int, allocator: str) -> dict[str, str]:
    """What a worker's process is started with."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    return {
        **env,
        **ALLOCATORS[allocator],
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "PYTHONWARNINGS": "ignore",
        "TORCHINDUCTOR_CACHE_DIR": str(CACHES / "inductor"),
    }


def _died(job: Job) -> Finding:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    return Finding(job.section, now, 0.0, 0.0, [], "the process ended before the section was done")


def troubles(results: Results) -> list[str]:
    """Sections that failed, and variants that were refused."""
    found = [key for key, finding in results.findings.items() if finding.failure]
    for key, finding in results.findings.items():
        rows = [row for table in finding.tables for row in table.rows]
        found += [f"{key}: {row.name}" for row in rows if row.note.startswith("refused")]
    return found
