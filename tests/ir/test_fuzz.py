"""Any text leads to graphs that read back as what they are, or to faults with a place in it.

`FPNC_FUZZ_SECONDS=600 FPNC_FUZZ_SEED=1 pytest tests/ir/test_fuzz.py` searches for longer.
"""

import contextlib
import os
import random
import re
import signal
import time
from functools import cache
from types import FrameType

import pytest

from fpncompiler.diagnostics import Diagnostic, SpecError
from fpncompiler.ir.reader import MAX_BYTES, Item
from fpncompiler.ir.text import print_all
from fpncompiler.opt import PASSES, VerifyError, optimize, parse_ir
from fpncompiler.pipeline import Options, check_spec
from tests.ir.bombs import bombs
from tests.ir.mutate import mutate
from tests.ir.texts import ROOT, contents

FILE = "mine.ir"
COUNT = 3000
SECONDS = float(os.environ.get("FPNC_FUZZ_SECONDS", "0"))
SEED = int(os.environ.get("FPNC_FUZZ_SEED", "20261123"))
HEAVY = bool(os.environ.get("FPNC_HEAVY"))
SCALE = 1 if HEAVY else 16
ALLOWED = 120.0 if HEAVY else 10.0  # seconds, on a busy machine
CODES = re.compile(r"F70[1-7]")
BOUNDS = {"F703", "F706"}
COMPILED = ("bifpn", "nas_fpn", "yolov8_pan", "qufpn", "rtdetr_ccff", "asff")
DATA = ROOT / "tests/data"


@cache
def good_texts() -> tuple[str, ...]:
    """What goes into passes and what comes out of them, layers and whole networks."""
    cases = [path.read_text().split("---\n") for path in sorted((DATA / "passes").glob("*.txt"))]
    texts = [half for case in cases for half in case if "graph " in half]
    for name in COMPILED:
        checked = check_spec(ROOT / f"specs/{name}.yaml", Options(phi=0))
        stages = [graph for _, graph in checked.stages]
        texts += [print_all([checked.network]), print_all(stages[-1:])] * 3
    return tuple(texts)


@cache
def bad_texts() -> tuple[str, ...]:
    paths = sorted((DATA / "diagnostics").glob("*/*.ir"))
    return tuple(path.read_bytes().decode(errors="replace") for path in paths)


def seed(rng: random.Random) -> str:
    return rng.choice(good_texts() if rng.random() < 0.8 else bad_texts())


def assert_placed(found: Diagnostic, data: bytes) -> None:
    assert CODES.fullmatch(found.code)
    assert found.help, found.message
    assert found.span
    assert found.span.file == FILE
    lines = data.decode(errors="replace").splitlines() or [""]
    assert 1 <= found.span.line <= len(lines)
    assert 1 <= found.span.column < found.span.end_column
    assert found.span.end_column <= len(lines[found.span.line - 1]) + 2, "the end is a place, too"


def items_of(data: bytes) -> tuple[Item, ...]:
    """What a text means; nothing if it has faults, which say where."""
    try:
        return parse_ir(data, FILE)
    except SpecError as error:
        faults = error
    assert str(faults)
    for found in faults.diagnostics:
        assert_placed(found, data)
    return ()


def assert_reads_back(items: tuple[Item, ...]) -> None:
    text = print_all(items)
    again = parse_ir(text.encode(), FILE)
    assert [contents(item) for item in again] == [contents(item) for item in items]
    assert print_all(again) == text


def assert_passes_hold(data: bytes, rng: random.Random) -> None:
    """Passes in any order lead to graphs, or say that they do not."""
    try:
        text = optimize(data, FILE, rng.sample([*PASSES], rng.randrange(1, len(PASSES))))
    except VerifyError:
        return
    assert codes_of(text) <= BOUNDS, "what passes make may be larger than what is read"


def codes_of(text: str) -> set[str]:
    try:
        parse_ir(text.encode(), FILE)
    except SpecError as error:
        return {found.code for found in error.diagnostics}
    return set()


def assert_harmless(data: bytes, rng: random.Random) -> bool:
    """Whether the text is one of graphs."""
    items = items_of(data)
    if items:
        assert_reads_back(items)
        assert_passes_hold(data, rng)
    return bool(items)


def test_seeds_are_harmless():
    rng = random.Random(SEED)
    assert all(assert_harmless(text.encode(), rng) for text in good_texts())
    accepted = sum(assert_harmless(text.encode(), rng) for text in bad_texts())
    assert accepted <= 1, "one has bytes that are no text, which are replaced here"


def test_mutants_are_harmless():
    until = time.monotonic() + SECONDS
    accepted = count = 0
    while count < COUNT or time.monotonic() < until:
        rng = random.Random(f"{SEED} {count}")
        text = mutate(seed(rng), seed(rng), rng)
        data = text.encode()
        try:
            accepted += assert_harmless(data, rng)
        except Exception as error:
            error.add_note(f"seed {SEED} {count}:\n{text}")
            raise
        count += 1
    print(f"seed {SEED}: {count} texts, {accepted} accepted")
    assert accepted >= 0.15 * count


def test_mutants_of_bytes_are_harmless():
    rng = random.Random(SEED)
    for _ in range(COUNT // 8):
        data = bytearray(seed(rng).encode()[:2000])
        for _ in range(rng.choice((1, 2, 5))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        assert_harmless(bytes(data), rng)


class TooSlowError(Exception):
    """A text takes too long."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlowError


@pytest.fixture
def limited():
    """Ends what takes more processor time than it may."""
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, ALLOWED)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


@pytest.mark.parametrize("name", bombs(SCALE))
def test_bombs_do_no_harm(name, limited):
    data = bombs(SCALE)[name].encode()
    assert len(data) <= MAX_BYTES
    if items_of(data):
        with contextlib.suppress(VerifyError):
            optimize(data, FILE, [*PASSES])


def test_a_width_beyond_all_bounds_is_a_fault_of_the_pass():
    data = bombs(16)["widths_that_double"].encode()
    with pytest.raises(VerifyError, match="more than 1048576 channels"):
        optimize(data, FILE, ["infer_widths"])
