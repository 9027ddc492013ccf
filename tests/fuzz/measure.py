"""What each bomb costs: `python -m tests.fuzz.measure [yaml | spec] [--json]`.

Each goes off in a process of its own, forked from one that has imported the compiler and checked a
spec; its time is the best of three, its memory what it adds to the peak of resident memory.
"""

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from fpncompiler.diagnostics import SpecError
from fpncompiler.pipeline import Options, check_spec
from tests.fuzz.bombs import spec_bombs, yaml_bombs
from tests.fuzz.engine import peak_mib

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one bomb: what came of it, its size, processor seconds, MiB, and what it may take."""

    name: str
    outcome: str
    size: int
    seconds: float
    mib: float
    allowed_seconds: float
    allowed_mib: float

    def fits(self, factor: float = 1.0) -> bool:
        """Whether it keeps to what it may take, on a machine that much slower."""
        return self.seconds <= factor * self.allowed_seconds and self.mib <= self.allowed_mib


def allowed(kind: str) -> tuple[float, float]:
    """Seconds and MiB."""
    return (2.0, 512) if kind == "spec" else (0.1, 100)


def cost(kind: str, name: str, data: bytes, folder: Path) -> Cost:
    """Let a bomb go off in a child."""
    path = folder / "bomb.yaml"
    path.write_bytes(data)
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        outcome = _outcome(path)
        os.write(write, json.dumps(outcome).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    outcome, seconds, mib = json.loads(said or b'["died", 1e9, 1e9]')
    return Cost(name, outcome, len(data), seconds, mib, *allowed(kind))


def _outcome(path: Path) -> tuple[str, float, float]:
    best, before, outcome = float("inf"), peak_mib(), "accepted"
    for _ in range(3):
        start = time.process_time()
        try:
            check_spec(path, Options())
        except SpecError as error:
            outcome = error.diagnostics[0].code
            str(error)
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        best = min(best, time.process_time() - start)
        if best < 0.05:
            break
    return outcome, best, peak_mib() - before


def costs(kind: str) -> list[Cost]:
    """All bombs of a kind."""
    check_spec(ROOT / "specs/bifpn.yaml", Options())
    bombs = yaml_bombs() if kind == "yaml" else spec_bombs()
    with tempfile.TemporaryDirectory() as folder:
        return [cost(kind, name, data, Path(folder)) for name, data in bombs.items()]


def main() -> None:
    """Print a table, or JSON."""
    for kind in [word for word in sys.argv[1:] if word in ("yaml", "spec")] or ["yaml", "spec"]:
        found = costs(kind)
        if "--json" in sys.argv:
            print(json.dumps([asdict(each) for each in found]))
            continue
        for each in sorted(found, key=lambda each: -each.seconds):
            mark = " " if each.fits() else "!"
            print(
                f"{mark} {each.name:34} {each.size:8} bytes {each.seconds * 1e3:7.0f} ms "
                f"{each.mib:5.0f} MiB  {each.outcome}"
            )
        print(f"{kind}: {len(found)} bombs, {sum(not each.fits() for each in found)} too heavy")


if __name__ == "__main__":
    main()
