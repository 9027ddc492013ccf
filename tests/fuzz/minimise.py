"""A corpus out of many inputs: `python -m tests.fuzz.minimise build/corpus`, the small ones first.

What is kept runs every pair of lines that all of them run, and is written to `tests/fuzz/corpus/`.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from tests.fuzz.coverage import Arc, arcs_of
from tests.fuzz.engine import CORPUS, saved_corpus, shipped
from tests.fuzz.target import SECONDS, remember_shipped_specs, run

MAX_BYTES = 6_000


def minimised(inputs: list[bytes]) -> list[bytes]:
    """Those inputs that add something to the shorter ones, each with fewer lines where it can."""
    seen: set[Arc] = set()
    kept: list[bytes] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for data in sorted(set(inputs), key=lambda data: (len(data), data)):
            new = _arcs(data, folder) - seen
            if not new or len(data) > MAX_BYTES:
                continue
            data = _shortened(data, new, folder)
            kept.append(data)
            seen |= _arcs(data, folder)
    return kept


def _shortened(data: bytes, wanted: set[Arc], folder: Path) -> bytes:
    """The input without lines that it does not need to run what is wanted."""
    lines = data.split(b"\n")
    step = max(1, len(lines) // 4)
    while True:
        for at in range(len(lines) - step, -1, -step):
            fewer = lines[:at] + lines[at + step :]
            if wanted <= _arcs(b"\n".join(fewer), folder):
                lines = fewer
        if step == 1:
            return b"\n".join(lines)
        step //= 2


def _arcs(data: bytes, folder: Path) -> set[Arc]:
    return arcs_of(lambda: run(data, folder, 20 * SECONDS))


def main() -> None:
    """Replace the corpus of the checkout."""
    remember_shipped_specs()
    inputs = [*saved_corpus(), *shipped()]
    for folder in sys.argv[1:]:
        inputs += [path.read_bytes() for path in sorted(Path(folder).iterdir())]
    kept = minimised(inputs)
    CORPUS.mkdir(exist_ok=True)
    for path in CORPUS.iterdir():
        path.unlink()
    for data in kept:
        (CORPUS / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
    print(f"{len(kept)} of {len(inputs)} inputs, {sum(map(len, kept))} bytes")


if __name__ == "__main__":
    main()
