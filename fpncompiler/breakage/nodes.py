"""The nodes of a layer in terms of each other: how a node's inputs arrive, fuse, and go on.

p6_td = self.p6_td(p6_in, upsample_nearest(p7_in, p6_in))

inputs   p6_in, upsample_nearest(p7_in)     each on its way from a map that has a name
fusion   FastNormalizedFusion
steps    p6_td
"""

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise

from fpncompiler.breakage.numbering import Numbered
from fpncompiler.reading.extents import SIZED_LIKE
from fpncompiler.reading.file import GeneratedFile
from fpncompiler.reading.program import Operation, Section

_PLAIN_FUSIONS = {"maximum": "maximum", "mean": "mean", "torch.cat": "concatenation"}
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Way:
    """How a map comes to a node: from `source`, a name of the layer, by some functions."""

    source: str
    functions: tuple[str, ...]
    key: Hashable
    text: str


@dataclass(frozen=True, slots=True)
class NodeForm:
    """A node; `fusion` is empty where it reads one map, and `plain` if it has no module."""

    inputs: tuple[Way, ...]
    fusion: str
    plain: bool
    steps: tuple[str, ...]
    text: str


def node_forms(file: GeneratedFile, numbered: Numbered) -> dict[str, dict[str, NodeForm]]:
    """Path of a layer -> name of a node -> the node, of all that a forward pass computes."""
    assert file.program is not None
    found = {}
    for section in file.program.sections:
        layer = _Layer(file, numbered, section)
        computed = (name for name in section.names if name not in section.given)
        names = (name for name in computed if "_to_" not in name)  # others are resampled maps
        found[section.path] = {name: layer.form(section.names[name]) for name in names}
    return found


def given_by(file: GeneratedFile) -> dict[str, dict[str, str]]:
    """What each layer reads, and the heads read, by the names of the layer before.

    Layer or head -> the name of a map there -> its name in the layer before.
    """
    assert file.program is not None
    layers = [s for s in file.program.sections if s.path.startswith("network.")]
    found: dict[str, dict[str, str]] = {}
    for before, after in pairwise(layers):
        names = _names(before)
        read = (name for name in after.given if not name.startswith("_"))
        found[after.path] = {name: names.get(after.names[name], "") for name in read}
    if layers:
        names = _names(layers[-1])
        for output in file.program.outputs:
            operation = file.program.operations[output]
            if operation.kind == "module":
                maps = _in_front_of_adapters(file, operation)
                found[operation.name] = {str(n): names.get(i, "") for n, i in enumerate(maps)}
    return found


def _in_front_of_adapters(file: GeneratedFile, operation: Operation) -> list[int]:
    """The maps that a head reads, those in front of its adapters."""
    assert file.program is not None
    found = []
    for index in operation.inputs:
        inner = file.program.operations[index]
        adapted = inner.kind == "module" and inner.name.startswith("head_adapters.")
        found.append(inner.inputs[0] if adapted else index)
    return found


def _names(section: Section) -> dict[int, str]:
    """Operation -> the name of its map; of several names the first."""
    found: dict[int, str] = {}
    for name, index in section.names.items():
        if "_to_" not in name:
            found.setdefault(index, name)
    return found


class _Layer:
    """One layer's maps by their names."""

    def __init__(self, file: GeneratedFile, numbered: Numbered, section: Section) -> None:
        assert file.program is not None
        self.file = file
        self.operations = file.program.operations
        self.numbered = numbered
        self.path = section.path
        self.names = _names(section)

    def form(self, index: int) -> NodeForm:
        """The node that gives a map."""
        text = self._text(index, is_root=True)
        steps: list[str] = []
        operation = self.operations[index]
        while operation.kind in ("module", "call") and len(inputs := self._sources(operation)) == 1:
            steps.append(self._name_of(operation))
            index = inputs[0]
            if index in self.names:
                return NodeForm((self._way(index),), "", True, tuple(steps), text)
            operation = self.operations[index]
        if operation.kind == "given":
            return NodeForm((), "", True, tuple(steps), text)
        fusion, plain = self._fusion(operation)
        if operation.kind == "module":
            steps.append(self._name_of(operation))
        return NodeForm(
            tuple(self._way(each) for each in self._terms(index)), fusion, plain, tuple(steps), text
        )

    def _terms(self, index: int) -> list[int]:
        """What is fused: all terms of a sum that is made from left to right."""
        operation = self.operations[index]
        if operation.kind != "add":
            return self._sources(operation)
        left, right = operation.inputs
        is_chain = self.operations[left].kind == "add" and left not in self.names
        return [*(self._terms(left) if is_chain else [left]), right]

    def _fusion(self, operation: Operation) -> tuple[str, bool]:
        if operation.kind == "add":
            return "sum", True
        if operation.kind == "call":
            return _PLAIN_FUSIONS.get(operation.name, operation.name), True
        module = self.file.modules[operation.name]
        return module.children.get("fuse", module).kind, False

    def _sources(self, operation: Operation) -> list[int]:
        """The maps that go into an operation; not those that it takes a size from."""
        if operation.kind == "call" and operation.name in SIZED_LIKE:
            return [operation.inputs[0]]
        return [*operation.inputs]

    def _name_of(self, operation: Operation) -> str:
        """A module by its name in the layer, a function with its numbers."""
        if operation.kind == "module":
            return operation.name.removeprefix(f"{self.path}.")
        numbers = [str(v) for _, v in operation.arguments if isinstance(v, int | float | str)]
        return f"{operation.name}({', '.join(numbers)})" if numbers else operation.name

    def _way(self, index: int) -> Way:
        functions: list[str] = []
        at = index
        while at not in self.names:
            operation = self.operations[at]
            sources = self._sources(operation)
            functions.append(self._name_of(operation))
            if not sources:
                break
            at = sources[0]
        source = self.names.get(at, self.operations[at].name)
        return Way(source, tuple(functions), self._key(index), self._text(index))

    def _key(self, index: int) -> Hashable:
        """What tells a way from others: its text, with sizes in place of maps that give them."""
        if index in self.names:
            return self.names[index]
        operation = self.operations[index]
        if operation.kind == "call" and operation.name in SIZED_LIKE:
            source, like = operation.inputs
            size = self.numbered.sizes[like]
            is_level = isinstance(size, tuple) and size[0] == "level"
            return operation.name, self._key(source), size if is_level else self._key(like)
        parts = tuple(self._key(each) for each in operation.inputs)
        return operation.kind, self._name_of(operation), parts

    def _text(self, index: int, *, is_root: bool = False, depth: int = 0) -> str:
        if index in self.names and not is_root:
            return self.names[index]
        operation = self.operations[index]
        if operation.kind == "given":
            return f"c{operation.name}"
        if depth > 20:
            return "..."
        inner = [self._text(each, depth=depth + 1) for each in self._sources(operation)]
        if operation.kind == "add":
            return " + ".join(inner)
        name, _, numbers = self._name_of(operation).partition("(")
        more = [numbers.removesuffix(")")] if numbers else []
        text = f"{name}({', '.join([*inner, *more])})"
        return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}..."
