"""The long run: `python -m tests.fuzz.run --executions 1000000 --seed 1 --jobs 2`."""

import argparse
import hashlib
import multiprocessing
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.engine import Campaign, peak_mib, saved_corpus, shipped
from tests.fuzz.target import remember_shipped_specs

FOUND = Path("build/fuzz")
CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Report:
    """What one process did."""

    executions: int
    accepted: int
    slowest: float
    slowest_input: bytes
    peak: float
    arcs: int
    failures: list[tuple[str, bytes]]
    corpus: list[bytes]


def campaign(seed: int, executions: int | None, seconds: float | None) -> Report:
    """Fuzz in this process."""
    remember_shipped_specs()
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        found = Campaign(random.Random(seed), Path(folder), saved_corpus(), [*shipped()])
        found.replay()
        before, told = set(found.corpus), 0
        start = time.monotonic()
        while executions is None or found.executions < executions:
            left = None if seconds is None else seconds - (time.monotonic() - start)
            if left is not None and left <= 0:
                break
            chunk = CHUNK if executions is None else min(CHUNK, executions - found.executions)
            found.fuzz(chunk, left)
            rate = found.executions / (time.monotonic() - start)
            print(
                f"seed {seed}: {found.executions} executions, {rate:.0f}/s, "
                f"{len(found.arcs)} arcs, {len(found.corpus)} inputs, "
                f"slowest {found.slowest:.2f} s, peak {peak_mib():.0f} MiB, "
                f"{len(found.failures)} failures",
                flush=True,
            )
            for failure, data in found.failures[told:]:
                print(f"  {failure[:200]!r} in {save(data)}", flush=True)
            told = len(found.failures)
        return Report(
            found.executions,
            found.accepted,
            found.slowest,
            found.slowest_input,
            peak_mib(),
            len(found.arcs),
            found.failures,
            [data for data in found.corpus if data not in before],
        )


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def save(data: bytes) -> Path:
    """Keep an input."""
    path = FOUND / f"{hashlib.sha256(data).hexdigest()[:12]}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def main() -> int:
    """Fuzz in several processes, and print what came of it."""
    parser = argparse.ArgumentParser(description="Fuzz the front end.")
    parser.add_argument("--executions", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for inputs that do something new")
    given = parser.parse_args()
    each = None if given.executions is None else -(-given.executions // given.jobs)
    start = time.monotonic()
    work = [(given.seed + job, each, given.seconds) for job in range(given.jobs)]
    with multiprocessing.Pool(given.jobs, maxtasksperchild=1) as pool:
        reports = pool.starmap(campaign, work, chunksize=1)
    took = time.monotonic() - start
    executions = sum(report.executions for report in reports)
    slowest = max(reports, key=lambda report: report.slowest)
    print(f"seeds {[row[0] for row in work]}")
    print(f"{executions} executions in {took:.0f} s, {executions / took:.0f}/s")
    print(f"{sum(report.accepted for report in reports)} accepted")
    print(f"slowest {slowest.slowest:.2f} s of processor time: {save(slowest.slowest_input)}")
    print(f"peak {max(report.peak for report in reports):.0f} MiB resident")
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        for data in {data for report in reports for data in report.corpus}:
            (given.keep / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
    failures = {kind: data for report in reports for kind, data in report.failures}
    print(f"{sum(len(report.failures) for report in reports)} failures")
    for kind, data in sorted(failures.items()):
        print(f"  {kind[:300]!r}: {save(data)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
