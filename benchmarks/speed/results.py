"""What a run finds, and the JSON file that keeps it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fpncompiler.timing import Quartiles


@dataclass(frozen=True)
class Setting:
    """What a process is set to, which it cannot change later, and the images that it takes."""

    phi: int
    threads: int
    allocator: str
    batch: int = 1
    side: int = 0  # pixels; 0 stands for the phi's own
    quick: bool = False

    def sized(self, batch: int | None = None) -> "Setting":
        """The same with the side written out, and perhaps another batch."""
        own = {0: 512, 1: 640, 2: 768, 3: 896, 4: 1024, 5: 1280, 6: 1280, 7: 1536}[self.phi]
        return replace(self, side=self.side or own, batch=batch or self.batch)

    def describe(self) -> str:
        """One line for the head of a table."""
        images = f"{self.batch} image{'s' if self.batch > 1 else ''} of {self.side} px"
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"D{self.phi}, {images}, {threads}, malloc {self.allocator}"


@dataclass(frozen=True)
class Row:
    """One variant: its time, the baseline's time over its own, and figures of the section.

    `side` is `effdet`, `ours` or `other`. A row without a time says why in its note.
    """

    name: str
    side: str
    seconds: Quartiles | None = None
    ratio: Quartiles | None = None
    figures: Mapping[str, float | str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Variants that ran in turns; ratios are the `baseline` row's time over the row's."""

    title: str
    setting: Setting | None
    rows: Sequence[Row]
    baseline: str = ""
    rounds: int = 0
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Finding:
    """The tables of one section in one process, and when they were made.

    `load` is how many other processes wanted a core on average, in the minute before.
    """

    section: str
    measured: str
    took: float
    load: float
    tables: Sequence[Table]
    failure: str = ""


@dataclass
class Results:
    """All findings, by section and setting, and the machine that they come from."""

    machine: dict[str, str]
    findings: dict[str, Finding] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write them whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=1) + "\n")
        os.replace(part, path)


def load_results(path: Path) -> Results:
    """What `Results.save` wrote."""
    data = json.loads(path.read_text())
    found = {key: finding_from(value) for key, value in data["findings"].items()}
    return Results(data["machine"], found)


def finding_from(data: Mapping[str, Any]) -> Finding:
    """A finding from what `asdict` made of it."""
    return Finding(**{**data, "tables": [_table(table) for table in data["tables"]]})


def _table(data: Mapping[str, Any]) -> Table:
    setting = Setting(**data["setting"]) if data["setting"] else None
    return Table(**{**data, "setting": setting, "rows": [_row(row) for row in data["rows"]]})


def _row(data: Mapping[str, Any]) -> Row:
    spans = {k: Quartiles(**data[k]) if data[k] else None for k in ("seconds", "ratio")}
    return Row(**{**data, **spans})
