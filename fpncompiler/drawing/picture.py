"""What a drawing shows, before any of it has a place: boxes on levels, arrows between them.

A picture is made of graphs, and told as SVG, Mermaid or DOT.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Role = Literal["input", "unary", "fuse", "nested", "adapter", "output"]
Flow = Literal["same", "finer", "coarser"]
State = Literal["kept", "added", "removed"]
Mark = Literal["adapter", "step"]

PROLOGUE = -1  # the frame of what the layers are given

# What a fusion is marked with; fusions of plug-ins have `OTHER`.
SYMBOLS = {
    "sum": "+",
    "weighted": "w",
    "softmax": "s",
    "fast_normalized": "n",
    "concat": "c",
    "max": "m",
    "mean": "a",
    "gate": "g",
    "spatial_softmax": "x",
}
OTHER = "f"


@dataclass(frozen=True, slots=True)
class Box:
    """A map of the pyramid, and what makes it.

    Boxes of one `family` share a column where they can. `frame` is the layer that a box belongs
    to, counted from 0, `branch` the one of several parallel ones. `fusion` is its kind, with what
    a weight covers; `about` says everything.
    """

    id: str
    label: str
    level: int
    role: Role
    family: str
    frame: int = 0
    branch: str = ""
    fusion: str = ""
    about: str = ""
    state: State = "kept"

    @property
    def symbol(self) -> str:
        """The letter of its fusion; none for what fuses nothing."""
        return symbol_of(self.fusion) if self.fusion else ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """An input of a box; `flow` is where its map goes, to a finer level, a coarser or its own."""

    source: str
    target: str
    flow: Flow
    marks: tuple[Mark, ...] = ()
    about: str = ""
    state: State = "kept"


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and arrows, sources before targets; `frames` are the captions of its layers."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    frames: tuple[str, ...] = ()

    @property
    def levels(self) -> range:
        """The levels from the finest to the coarsest, those without a box too."""
        found = [box.level for box in self.boxes]
        return range(min(found), max(found) + 1)


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture among others: what stands above it, and what below that.

    `plan` is a picture with the boxes and arrows of several panels, which are to have the same
    places in all of them.
    """

    caption: str
    note: str
    picture: Picture
    plan: Picture


def symbol_of(fusion: str) -> str:
    """The letter of a fusion, such as `fast_normalized/channel`."""
    return SYMBOLS.get(fusion.partition("/")[0], OTHER)


def flow_between(source: Box, target: Box) -> Flow:
    """Which way the resolution changes from one box to another."""
    if source.level == target.level:
        return "same"
    return "finer" if target.level < source.level else "coarser"


def fusions_of(pictures: Iterable[Picture]) -> list[str]:
    """The fusions that occur, each once, sorted."""
    return sorted({box.fusion for each in pictures for box in each.boxes if box.fusion})
