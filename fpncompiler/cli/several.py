"""Several specs at several settings: all that have no faults, and word of the others."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.report import Report

if TYPE_CHECKING:
    from fpncompiler.diagnostics import Diagnostic
    from fpncompiler.options import Options
    from fpncompiler.pipeline import Checked


@dataclass(frozen=True, slots=True)
class Named:
    """A checked spec, and the name that tells its topology from all others."""

    name: str
    spec: str
    checked: "Checked"


@dataclass(frozen=True, slots=True)
class Several:
    """What could be compared, spec by spec, and the specs that have faults at any setting."""

    good: tuple[Named, ...]
    failed: tuple[str, ...]


def check_several(words: Sequence[str], settings: "Sequence[Options]", report: Report) -> Several:
    """Check each spec at each setting; faults and warnings are told once."""
    from fpncompiler.diagnostics import SpecError, printable
    from fpncompiler.pipeline import check_spec
    from fpncompiler.spec.loading import SpecNotFoundError

    good: list[Named] = []
    failed: dict[str, None] = {}
    told: set[tuple[object, ...]] = set()
    for path in _paths(words, report):
        spec = printable(path.as_posix())
        for options in settings:
            try:
                checked = check_spec(path, options)
            except SpecError as error:
                failed[spec] = None
                report.findings(_new(error.diagnostics, told), error.texts)
            except SpecNotFoundError as error:
                failed[spec] = None
                report.trouble(str(error), error.code)
                break
            else:
                report.findings(_new(checked.diagnostics, told), checked.texts)
                good.append(Named(checked.topology.name, spec, checked))
    if failed:
        report.aside(f"with faults, and left out where they are: {', '.join(failed)}")
    return Several(tuple(_told_apart(good)), tuple(failed))


def _paths(words: Sequence[str], report: Report) -> Iterator[Path]:
    """The files that are meant, each once."""
    from fpncompiler.spec.finding import found_specs
    from fpncompiler.spec.loading import SpecNotFoundError

    seen: set[str] = set()
    for word in words:
        try:
            paths = found_specs(word)
        except SpecNotFoundError as error:
            report.trouble(str(error), error.code)
            continue
        for path in paths:
            file = _file(path)
            if file not in seen:
                seen.add(file)
                yield path


def _file(path: Path) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # what no file can be called is told when it is read
        return str(path)


def _new(diagnostics: "Sequence[Diagnostic]", told: set[tuple[object, ...]]) -> "list[Diagnostic]":
    """Those that no other spec and no other setting has brought up."""
    found = []
    for each in diagnostics:
        key = (each.code, each.span, each.span or each.message)
        if key not in told:
            told.add(key)
            found.append(each)
    return found


def _told_apart(good: Sequence[Named]) -> Iterator[Named]:
    """Topologies of one name in several files go by their files."""
    files: dict[str, set[str]] = {}
    for each in good:
        files.setdefault(each.name, set()).add(each.spec)
    for each in good:
        yield each if len(files[each.name]) == 1 else replace(each, name=each.spec)
