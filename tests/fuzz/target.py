"""What is fuzzed: bytes -> diagnostics, or a network that all checks have passed.

An input is one file or several: a line `#=== base` begins a spec that the first may extend, branch
into or come after, `#=== model` the model that it is compiled with, and `#=== phi 6` says the phi.
"""

import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fpncompiler.diagnostics import Diagnostic, Sink, SpecError
from fpncompiler.pipeline import Checked, Options, check_spec
from fpncompiler.spec import loading
from fpncompiler.spec.loading import SpecNotFoundError
from fpncompiler.spec.tree import Mapping, parse_tree

SECONDS = 2.0
MIB = 512
_PART = re.compile(rb"^#=== (base|model|phi ([0-9]))\r?\n", re.MULTILINE)


class TooSlowError(BaseException):
    """The front end took longer than any spec may; no handler for exceptions catches it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an input: its network, or its faults."""

    checked: Checked | None
    faults: tuple[Diagnostic, ...]
    seconds: float


def run(data: bytes, folder: Path, seconds: float = SECONDS) -> Outcome:
    """Put an input through the front end, in a folder that holds nothing else.

    Raises:
        TooSlowError: it took more than `seconds` of processor time.
        Exception: whatever the front end lets out, which is a fault of it.
    """
    options = _write(data, folder)
    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    start = time.process_time()
    checked: Checked | None = None
    faults: tuple[Diagnostic, ...] = ()
    try:
        checked = check_spec(folder / "fuzzed.yaml", options)
    except SpecError as error:
        faults = error.diagnostics
        str(error)
    except SpecNotFoundError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return Outcome(checked, faults, time.process_time() - start)


def _write(data: bytes, folder: Path) -> Options:
    parts = _PART.split(data)
    found: dict[bytes, bytes] = {}
    phi = None
    for name, number, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if name.startswith(b"phi"):
            phi = int(number)
            parts[0] += text
        else:
            found[name] = text
    (folder / "fuzzed.yaml").write_bytes(parts[0])
    _write_or_remove(folder / "base.yaml", found.get(b"base"))
    (folder / "models").mkdir(exist_ok=True)
    _write_or_remove(folder / "models" / "fuzzed.yaml", found.get(b"model"))
    return Options(phi=phi, model="fuzzed" if b"model" in found else None)


def _write_or_remove(path: Path, text: bytes | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(text)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlowError


def remembering() -> Callable[[bytes, str, Sink], Mapping]:
    """A `parse_tree` that reads each shipped spec once: it is not what is fuzzed."""
    shipped = loading.shipped_specs()
    known = {path.read_bytes() for path in shipped.rglob("*.yaml")}
    trees: dict[tuple[bytes, str], Mapping] = {}

    def remembered(data: bytes, file: str, sink: Sink) -> Mapping:
        if data not in known:
            return parse_tree(data, file, sink)
        if (data, file) not in trees:
            trees[data, file] = parse_tree(data, file, sink)
        sink.add_text(file, data.decode())
        return trees[data, file]

    return remembered


def remember_shipped_specs() -> None:
    """Let this process parse each shipped spec once."""
    loading.parse_tree = remembering()
