"""What a compilation went through: the graph that each pass left, and the time that each took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from fpncompiler.ir.graph import Graph
from fpncompiler.ir.network import Network
from fpncompiler.ir.verify import verify


@dataclass(slots=True)
class Spent:
    """How often something ran, and how many seconds it took without what it called."""

    runs: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Trace:
    """Runs passes, verifies what each leaves, and remembers both.

    Attributes:
        left: the name of a pass and what it left, in the order in which passes ran.
        spent: the name of a pass or another part of a compilation -> its time, in that order.
    """

    left: list[tuple[str, Graph | Network]] = field(default_factory=list)
    spent: dict[str, Spent] = field(default_factory=dict)
    _inner: list[float] = field(default_factory=list)  # seconds within what is running

    def run(
        self,
        name: str,
        rewrite: Callable[[Graph], Graph],
        graph: Graph,
        *,
        resampled: bool = False,
        adapted: bool = False,
    ) -> Graph:
        """The graph after a pass; `resampled` and `adapted` say what must hold of it.

        Raises:
            VerifyError: the pass left something that is no graph.
        """
        with self.timed(name):
            graph = rewrite(graph)
        return self.note(name, graph, resampled=resampled, adapted=adapted)

    def note(
        self, name: str, graph: Graph, *, resampled: bool = False, adapted: bool = False
    ) -> Graph:
        """A graph that was made by other means, verified too."""
        with self.timed("verify"):
            verify(graph, name, resampled=resampled, adapted=adapted)
        self.keep(name, graph)
        return graph

    def keep(self, name: str, item: Graph | Network) -> None:
        """Remember what a pass left."""
        self.left.append((name, item))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count the time of a block, without that of blocks within it that are timed too."""
        spent = self.spent.setdefault(name, Spent())
        self._inner.append(0.0)
        start = perf_counter()
        try:
            yield
        finally:
            whole = perf_counter() - start
            spent.runs += 1
            spent.seconds += whole - self._inner.pop()
            if self._inner:
                self._inner[-1] += whole
