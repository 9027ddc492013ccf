"""The graph of one layer, the only owner of networkx.

A multigraph, since two edges may join the same nodes; an edge's key is its input slot, and the
order of the slots is meaning (weights, checkpoints). Node ids are paper names such as `p6_td`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from fpncompiler.diagnostics import Span
from fpncompiler.ir.ops import Input, Op, Step


@dataclass(frozen=True, slots=True)
class Edge:
    """One input of a node: where it comes from, and what happens on the way, in order."""

    source: str
    via: tuple[Step, ...] = ()
    span: Span | None = None


@dataclass(slots=True)
class _Node:
    op: Op
    span: Span | None
    inputs: tuple[Edge, ...] = ()


class Graph:
    """Nodes with ops, ordered inputs, and the node that produces each output level.

    Passes never change a graph that they are given: they change a `copy()`. A node has its op, its
    span and its inputs; the edges of networkx mirror the inputs. Most passes change no edge, so
    copies share them until one does.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.outputs: dict[int, str] = {}
        self._graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        self._is_shared = False
        self._nodes: dict[str, _Node] = {}
        self._order: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return self._graph.number_of_nodes()

    def __contains__(self, node: object) -> bool:
        return node in self._graph

    def copy(self) -> "Graph":
        """An independent copy; ops and edges are immutable and shared."""
        other = Graph(self.name)
        other.outputs = dict(self.outputs)
        other._graph = self._graph
        other._is_shared = self._is_shared = True
        other._nodes = {
            node: _Node(found.op, found.span, found.inputs) for node, found in self._nodes.items()
        }
        other._order = self._order
        return other

    def _owned(self) -> "nx.MultiDiGraph[str]":
        """The nodes and edges of this graph alone, which are to change."""
        if self._is_shared:
            self._graph = self._graph.copy()
            self._is_shared = False
        self._order = None
        return self._graph

    def add_node(self, node: str, op: Op, span: Span | None = None) -> None:
        """Add a node without inputs; its id must be new."""
        if node in self._graph:
            raise ValueError(f"node {node} is there already")
        self._owned().add_node(node)
        self._nodes[node] = _Node(op, span)

    def remove_node(self, node: str) -> None:
        """Remove a node that nothing reads."""
        if readers := self.readers(node):
            raise ValueError(f"node {node} is still read by {', '.join(readers)}")
        self._owned().remove_node(node)
        del self._nodes[node]

    def op(self, node: str) -> Op:
        """What the node computes."""
        return self._nodes[node].op

    def set_op(self, node: str, op: Op) -> None:
        """Replace what the node computes."""
        found = self._nodes[node]
        if op.level != found.op.level:
            self._order = None
        found.op = op

    def span(self, node: str) -> Span | None:
        """Where the node stands in the spec."""
        return self._nodes[node].span

    def inputs(self, node: str) -> tuple[Edge, ...]:
        """The node's inputs, by slot."""
        return self._nodes[node].inputs

    def set_inputs(self, node: str, edges: tuple[Edge, ...]) -> None:
        """Replace all inputs of a node; slots are numbered from 0."""
        for edge in edges:
            if edge.source not in self._graph:
                raise ValueError(f"{node} reads {edge.source}, which is not a node")
        before = self.inputs(node)
        self._nodes[node].inputs = edges
        if [edge.source for edge in before] == [edge.source for edge in edges]:
            return
        graph = self._owned()
        for slot, edge in enumerate(before):
            graph.remove_edge(edge.source, node, key=slot)
        for slot, edge in enumerate(edges):
            graph.add_edge(edge.source, node, key=slot)

    def readers(self, node: str) -> tuple[str, ...]:
        """The nodes that read this one, each once, sorted."""
        return tuple(sorted(set(self._graph.successors(node))))

    def nodes(self) -> tuple[str, ...]:
        """All node ids, inputs included, sorted by level and name."""
        return tuple(sorted(self._graph, key=self._rank))

    def order(self) -> tuple[str, ...]:
        """All node ids so that inputs come before readers; ties by level and name.

        Raises:
            ValueError: if the graph has a cycle.
        """
        if self._order is None:
            try:
                order = nx.lexicographical_topological_sort(self._graph, key=self._rank)
                self._order = tuple(order)
            except nx.NetworkXUnfeasible:
                raise ValueError(f"graph {self.name} has a cycle") from None
        return self._order

    def cycle(self) -> tuple[tuple[str, str, int], ...]:
        """The edges (source, target, slot) of a cycle, or nothing."""
        if self._order is not None or nx.is_directed_acyclic_graph(self._graph):
            return ()
        return tuple(nx.find_cycle(self._graph))

    def live(self) -> set[str]:
        """The nodes that some output depends on."""
        live = set(self.outputs.values())
        frontier = sorted(live)
        while frontier:
            new = {edge.source for node in frontier for edge in self.inputs(node)} - live
            live |= new
            frontier = sorted(new)
        return live

    def computed(self) -> Iterator[str]:
        """The nodes that compute something, in order."""
        return (node for node in self.order() if not isinstance(self.op(node), Input))

    def edge_count(self) -> int:
        """The number of edges."""
        return int(self._graph.number_of_edges())

    def _rank(self, node: str) -> tuple[int, str]:
        return self.op(node).level, node
