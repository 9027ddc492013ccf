"""What declarations say, typed: one `NodeSpec` for each level and layer index."""

from dataclasses import dataclass

from fpncompiler.diagnostics import Span
from fpncompiler.spec.inputs import NodeInput
from fpncompiler.spec.style import Style


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A declaration at one level and layer index; `layer` is None where there is none.

    `width` is what its inputs are brought to, None if they keep theirs.
    """

    family: str
    level: int
    layer: int | None
    by_name: bool
    inputs: tuple[NodeInput, ...]
    style: Style
    width: int | None
    keep: bool
    share: str
    span: Span

    @property
    def fuses(self) -> bool:
        """Whether it declares two inputs or more, so that it may be pruned and may fuse."""
        return len(self.inputs) > 1 or any(item.may_be_several for item in self.inputs)


@dataclass(frozen=True, slots=True)
class Family:
    """What is known of a name: the indices at which it has nodes, and whether as ranges."""

    name: str
    levels: tuple[int, ...]
    ranged: bool
    indexed: bool


@dataclass(frozen=True, slots=True)
class Nodes:
    """The declarations of a layer, or of the prologue.

    `broken` names the declarations that could not be read: who refers to them is not to blame.
    """

    specs: tuple[NodeSpec, ...]
    families: dict[str, Family]
    broken: frozenset[str]
