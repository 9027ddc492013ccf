"""One process of one setting: `python -m benchmarks.speed.worker`, started by the command.

It reads what to do from standard input, as JSON, and writes a file for each section that is done.
"""

import importlib
import json
import os
import sys
import time
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.speed.plan import BY_NAME
from benchmarks.speed.results import Finding, Setting, Table
from fpncompiler.timing import Budget


def measure(name: str, setting: Setting, rounds: int, seconds: float | None) -> Finding:
    """Run a section; a failure becomes a finding, so that the others still run."""
    section = BY_NAME[name]
    budget = Budget(rounds, seconds or section.seconds, least=min(3, rounds))
    load, start = os.getloadavg()[0], time.perf_counter()
    tables: list[Table] = []
    failure = ""
    try:
        tables = importlib.import_module(f"benchmarks.speed.sections.{name}").run(setting, budget)
    except Exception as error:
        traceback.print_exc()
        failure = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    took = round(time.perf_counter() - start, 1)
    return Finding(name, now, took, round(load, 2), tables, failure)


def main() -> None:
    """Measure what standard input asks for."""
    asked = json.load(sys.stdin)
    setting = Setting(**asked["setting"])
    if asked["torch"]:
        import torch

        torch.set_num_threads(setting.threads)
    for name in asked["sections"]:
        finding = measure(name, setting, asked["rounds"], asked["seconds"])
        path = Path(asked["folder"]) / f"{name}.json"
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(finding)))
        part.rename(path)


if __name__ == "__main__":
    main()
