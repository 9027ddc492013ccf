"""Which lines of the compiler an execution runs, in order of pairs: its arcs."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

import fpncompiler

PACKAGE = str(Path(fpncompiler.__file__).parent)
Arc = tuple[str, int, int]


def arcs_of(action: Callable[[], object]) -> set[Arc]:
    """The pairs of lines that run one after the other in a function of the compiler."""
    found: set[Arc] = set()
    ours: dict[CodeType, bool] = {}

    def traced(frame: FrameType, event: str, _argument: object):
        code = frame.f_code
        if code not in ours:
            ours[code] = code.co_filename.startswith(PACKAGE)
        if not ours[code]:
            return None
        name, before = code.co_filename, 0

        def line(frame: FrameType, event: str, _argument: object):
            nonlocal before
            if event == "line":
                found.add((name, before, frame.f_lineno))
                before = frame.f_lineno
            return line

        return line

    sys.settrace(traced)
    try:
        action()
    finally:
        sys.settrace(None)
    return found
