"""How much a spec may ask for, counted while it is read and before anything is built of it.

A few lines can stand for very much: levels x layers x fusions within fusions, branches of branches.
What counts are parts: nodes, the values that are read for each of them, their steps, and the maps
that they read, twice, for each may need an adapter and a resampling.
"""

from dataclasses import dataclass

from fpncompiler.diagnostics import Sink, Span
from fpncompiler.ir.ops import Convolution, Step
from fpncompiler.spec.tree import Mapping, Node, Scalar, Sequence

MAX_PARTS = 135_000
PARTS_OF_SETTINGS = 5  # of a node's own, for which all others are read again
PARTS_OF_A_MAPPING = 3  # of a list: it is a fusion or an edge, with settings of its own
PARTS_OF_A_TOPOLOGY = 100  # so that branches of branches are few
TOO_MANY = (
    f"a network has {MAX_PARTS} at most: its nodes, their settings and steps, "
    "and twice the maps that they read, at all levels and layers"
)


@dataclass(slots=True)
class Budget:
    """What the topologies of one network have asked for so far, all together."""

    parts: int = 0

    def spend(self, parts: int, span: Span, sink: Sink) -> None:
        """Count parts that are about to be made.

        Raises:
            SpecError: F505, there are too many.
        """
        self.parts += parts
        if self.parts > MAX_PARTS:
            sink.fatal(
                "F505", f"the spec asks for more than {MAX_PARTS} parts", span, help=TOO_MANY
            )


def parts_of(step: Step) -> int:
    """A step is one, but the smallest image for convolutions without padding has to be searched."""
    return 10 if isinstance(step, Convolution) and step.valid else 1


def size_of(node: Node) -> int:
    """How many values stand in a part of a spec; a long formula, a fusion in a list are several."""
    match node:
        case Scalar():
            return 1 + len(node.text) // 16
        case Mapping():
            return 1 + sum(size_of(entry.value) for entry in node.entries.values())
        case Sequence():
            mappings = sum(isinstance(item, Mapping) for item in node.items)
            return 1 + PARTS_OF_A_MAPPING * mappings + sum(size_of(item) for item in node.items)
