"""`fpnc compare --measure`: latency of generated models, phi by phi."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from fpncompiler.cli.report import HELP, INTERRUPTED, Report
from fpncompiler.cli.several import Named, Several

if TYPE_CHECKING:
    from torch import nn

    from fpncompiler.comparison.comparison import Comparison
    from fpncompiler.comparison.figures import Row
    from fpncompiler.detection.latency import Setting, Times

ROUNDS, BATCH = 10, 1
_OPTIONS = ("rounds", "threads", "image_size", "batch", "part")
TURNS = 2  # forward and training step


def add_measuring(command: argparse.ArgumentParser) -> None:
    """The options of what is timed, and how."""
    group = command.add_argument_group("latency (imports torch)")
    group.add_argument(
        "--measure",
        action="store_true",
        help="time a forward and a training step of generated models, in turns",
    )
    group.add_argument("--rounds", type=_count, metavar="N", help=f"default: {ROUNDS}")
    group.add_argument("--batch", type=_count, metavar="N", help=f"images (default: {BATCH})")
    group.add_argument(
        "--image-size",
        type=_count,
        metavar="PX",
        help="side of the images, of --train too (default: the model's)",
    )
    group.add_argument("--threads", type=_count, metavar="N", help="of torch (default: its own)")
    group.add_argument(
        "--part",
        choices=("detector", "network"),
        help="what is timed: the whole model (default), or the feature network alone",
    )


def check_measuring(parsed: argparse.Namespace) -> None:
    """End with a usage error where options of --measure stand without it."""
    shared = ("image_size", "threads") if parsed.train else ()
    given = [n for n in _OPTIONS if n not in shared and getattr(parsed, n) is not None]
    if given and not parsed.measure:
        parsed.usage_error(f"--{given[0].replace('_', '-')} is for --measure")


def with_times(
    comparison: "Comparison", several: Several, parsed: argparse.Namespace, report: Report
) -> "Comparison":
    """The comparison with the times of its rows; an interruption keeps what was measured."""
    import torch

    from fpncompiler.comparison.comparison import Measured

    if parsed.threads:
        torch.set_num_threads(parsed.threads)
    found: dict[tuple[str, int], Row] = {}
    rounds = parsed.rounds or ROUNDS
    groups = [*comparison.groups()]
    total = sum(len(rows) for rows in groups) * TURNS * (rounds + 1)
    with _progress(total) as bar:
        for rows in groups:
            timed, goes_on = _group(rows, several, parsed, bar, report)
            found |= {(row.topology, row.phi): row for row in timed}
            if not goes_on:
                break
    rows = tuple(found.get((row.topology, row.phi), row) for row in comparison.rows)
    most = max(len(row.forward) for row in rows)
    part = "the feature network" if parsed.part == "network" else "the detector"
    side = parsed.image_size
    size = f" on {side}x{side} pixels" if side else ""
    measured = Measured(parsed.batch or BATCH, torch.get_num_threads(), most, part + size)
    return replace(comparison, rows=rows, measured=measured)


def _group(
    rows: "Sequence[Row]",
    several: Several,
    parsed: argparse.Namespace,
    bar: "_Bar",
    report: Report,
) -> "tuple[list[Row], bool]":
    """The rows of one phi with their times, and whether the user wants more."""
    from fpncompiler.detection.latency import Times, measure

    times, goes_on = Times(), True
    sizes = {(row.image_height, row.image_width) for row in rows}
    try:
        for size in sorted(sizes):
            same = [row for row in rows if (row.image_height, row.image_width) == size]
            models = {row.topology: _model(row, several) for row in same}
            for fault in measure(models, _setting(size, parsed), times, lambda: bar.update(1)):
                help = "choose another --image-size or a larger --batch"
                report.trouble(f"{fault}{HELP}{help}")
    except KeyboardInterrupt:
        report.aside("interrupted: what was measured is kept")
        report.code = INTERRUPTED
        goes_on = False
    return [_timed(row, times) for row in rows], goes_on


def _timed(row: "Row", times: "Times") -> "Row":
    return replace(
        row,
        forward=tuple(times.forward.get(row.topology, ())),
        training_step=tuple(times.training_step.get(row.topology, ())),
    )


def _setting(size: tuple[int, int], parsed: argparse.Namespace) -> "Setting":
    from fpncompiler.detection.latency import Setting

    side = parsed.image_size
    return Setting(
        part=parsed.part or "detector",
        batch=parsed.batch or BATCH,
        image_size=(side, side) if side else size,
        rounds=parsed.rounds or ROUNDS,
    )


def _model(row: "Row", several: Several) -> "nn.Module":
    """The generated model of a row."""
    from fpncompiler.api import class_of
    from fpncompiler.pipeline import compile_spec

    checked = next(each for each in several.good if _is_of(each, row)).checked
    assert checked.path is not None
    return class_of(compile_spec(checked.path, checked.options))()


def _is_of(each: Named, row: "Row") -> bool:
    return each.name == row.topology and each.checked.model.phi == row.phi


class _Bar(Protocol):
    """What shows how far the measuring has come."""

    def update(self, n: float) -> object:
        """So many turns more are done."""


class _NoBar:
    def update(self, n: float) -> object:
        """Nobody looks."""


@contextmanager
def _progress(total: int) -> Iterator[_Bar]:
    """A bar with the time that is left, for a terminal."""
    if not sys.stderr.isatty():
        yield _NoBar()
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield _NoBar()
        return
    with tqdm(total=total, unit="turn", leave=False, dynamic_ncols=True) as bar:
        yield bar


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,4}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 99999")
    return int(text)
