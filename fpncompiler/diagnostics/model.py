"""The values: a place, what is wrong there, and the edits that would mend it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of one line in a spec: 1-based line and columns, `end_column` exclusive."""

    file: str
    line: int
    column: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that has a part in the fault, and what is to be seen there."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """In the text at `span`, `old` becomes `new`; an empty `old` inserts in front of it."""

    span: Span
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Fix:
    """What would mend a fault; `safe` if it can only be what the author meant."""

    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One cause, one message; `label` stands under the caret, `help` says what to do."""

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    help: str = ""
    severity: Severity = "error"
    labels: tuple[Label, ...] = ()
    fix: Fix | None = None
