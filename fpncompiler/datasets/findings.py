"""What is wrong with a data set, by stable codes; and the error where none can be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fpncompiler.datasets.model import DataSet
from fpncompiler.diagnostics import UserError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

# code -> its severity, and what it stands for; an error leaves a box or an image out
KINDS: Mapping[str, tuple[Severity, str]] = {
    "D901": ("warning", "a box is partly outside its image"),
    "D902": ("error", "a box is wholly outside its image"),
    "D903": ("error", "a box has no area"),
    "D904": ("error", "a class that is not known"),
    "D905": ("warning", "the same box twice"),
    "D911": ("error", "an image is missing"),
    "D912": ("error", "an image cannot be read"),
    "D913": ("error", "an image has another size than its annotation says"),
    "D914": ("note", "an annotation does not say the size of its image"),
    "D921": ("error", "an id of an image or a category is given twice"),
    "D922": ("warning", "an id of an annotation is given twice"),
    "D923": ("error", "an image is listed twice in a split"),
    "D924": ("error", "an image is in two splits"),
    "D925": ("warning", "two files of a split have the same bytes"),
    "D926": ("error", "an annotation of an image that is not known"),
    "D931": ("error", "a value of the wrong type, or no finite number"),
    "D932": ("error", "an annotation file or line that cannot be understood"),
    "D933": ("error", "an annotation file is missing"),
    "D941": ("note", "an image without labels"),
    "D942": ("note", "a class that no box has"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in a data set; `file` and `line` say where, 0 where there is no line."""

    code: str
    message: str
    file: str
    line: int = 0

    @property
    def severity(self) -> Severity:
        """An error leaves something out, a warning changes or suspects it, a note does neither."""
        return KINDS[self.code][0]

    @property
    def title(self) -> str:
        """What the code stands for."""
        return KINDS[self.code][1]


@dataclass(slots=True)
class Findings:
    """Collects what is found while a data set is read."""

    found: list[Finding] = field(default_factory=list)

    def add(self, code: str, message: str, file: Path, line: int = 0) -> None:
        """Record a finding, and go on."""
        self.found.append(Finding(code, message, file.as_posix(), line))


class DataError(UserError):
    """Nothing of a data set can be used; `findings` is what was seen of it."""

    def __init__(self, message: str, help: str = "", findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message, help)
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Opened:
    """A split that has at least one image, what was found on the way, and the layout's name."""

    dataset: DataSet
    findings: tuple[Finding, ...]
    layout: str
