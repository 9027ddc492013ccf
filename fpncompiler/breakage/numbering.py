"""Numbers for the maps of programs: maps that are computed alike have one number.

Two files that are numbered by one `Numbers` compute the same where the numbers of their outputs are
equal. Weights count as equal where the paths of their modules are, after `renamed`.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

from fpncompiler.reading.behaviour import Behaviours
from fpncompiler.reading.extents import DIVIDING, SIZED_LIKE, division
from fpncompiler.reading.file import GeneratedFile
from fpncompiler.reading.program import Frozen, Operation
from fpncompiler.reading.values import Map

Mode = Literal["exact", "rounded"]
Key = Hashable


class Numbers:
    """One numbering; `rounded` takes sums in whatever order they are made."""

    def __init__(self, mode: Mode = "exact") -> None:
        self.mode = mode
        self._known: dict[Key, int] = {}

    def of(self, file: GeneratedFile, renamed: Mapping[str, str] | None = None) -> "Numbered":
        """The number of each map of a file's program, and what stands for its size."""
        assert file.program is not None
        run = _Run(self, file, renamed or {})
        for operation in file.program.operations:
            run.add(operation)
        return Numbered(tuple(run.numbers), tuple(run.sizes), file.program.outputs)

    def number(self, key: Key) -> int:
        """The number of a key."""
        return self._known.setdefault(key, len(self._known))


@dataclass(frozen=True, slots=True)
class Numbered:
    """The numbers of a program's maps; maps of equal `sizes` have one height and width."""

    numbers: tuple[int, ...]
    sizes: tuple[Key, ...]
    outputs: tuple[int, ...]

    @property
    def result(self) -> tuple[int, ...]:
        """The numbers of the outputs."""
        return tuple(self.numbers[index] for index in self.outputs)


class _Run:
    """One file as it is numbered."""

    def __init__(self, table: Numbers, file: GeneratedFile, renamed: Mapping[str, str]) -> None:
        self.table = table
        self.file = file
        self.behaviours = Behaviours(file.definitions)
        self.renamed = renamed
        self.numbers: list[int] = []
        self.sizes: list[Key] = []
        self.terms: list[tuple[int, ...]] = []  # of sums, where their order does not count

    def add(self, operation: Operation) -> None:
        self.terms.append(())
        number = self.table.number(self._key(operation))
        self.numbers.append(number)
        self.sizes.append(self._size(operation, number))

    def _key(self, operation: Operation) -> Key:
        match operation.kind:
            case "given":
                return "given", operation.name
            case "add":
                return self._sum(operation)
            case "module":
                return "module", self._weights(operation.name), self._arguments(operation)
            case "call":
                return "call", operation.name, self._arguments(operation)

    def _sum(self, operation: Operation) -> Key:
        left, right = operation.inputs
        if self.table.mode != "rounded":
            return "add", tuple(sorted((self.numbers[left], self.numbers[right])))
        terms = self._terms(left) + self._terms(right)
        self.terms[-1] = tuple(sorted(terms))
        return "add", self.terms[-1]

    def _terms(self, index: int) -> tuple[int, ...]:
        return self.terms[index] or (self.numbers[index],)

    def _weights(self, path: str) -> Key:
        """What tells a module from others."""
        signature = self.behaviours.signature(self.file.modules[path])
        return self.renamed.get(path, path), signature

    def _arguments(self, operation: Operation) -> Key:
        name = operation.name
        items = operation.arguments
        if operation.kind == "call" and name in SIZED_LIKE and len(items) == 2:
            (_, source), (_, like) = items
            assert isinstance(like, Map)
            return self._frozen(source), self.sizes[like.index]
        values = tuple(self._frozen(value) for _, value in items)
        # means of more than two maps depend on their order by rounding
        is_exact = self.table.mode == "exact" and len(operation.inputs) > 2
        unordered = name == "maximum" or (name == "mean" and not is_exact)
        if operation.kind == "call" and unordered:
            return tuple(sorted(self.numbers[index] for index in operation.inputs))
        return values

    def _frozen(self, value: Frozen) -> Key:
        if isinstance(value, Map):
            return "map", self.numbers[value.index]
        if isinstance(value, tuple):
            return tuple(self._frozen(item) for item in value)
        return type(value).__name__, value  # for 1, 1.0 and True are equal

    def _size(self, operation: Operation, number: int) -> Key:
        """What stands for the size of a map: its level, or else the map itself."""
        inputs = operation.inputs
        match operation.kind:
            case "given":
                return "level", int(operation.name)
            case "add":
                return self.sizes[inputs[0]]
            case "module":
                divided = division(self.file.modules[operation.name])
            case "call" if operation.name in SIZED_LIKE and len(inputs) == 2:
                return self.sizes[inputs[1]]
            case "call" if operation.name in DIVIDING:
                stride = dict(operation.arguments).get("stride")
                divided = stride if isinstance(stride, int) else None
            case "call" if operation.name in ("torch.cat", "maximum", "mean"):
                divided = 1
            case _:
                divided = None
        return _divided(self.sizes[inputs[0]], divided) or ("map", number)


def _divided(size: Key, by: int | None) -> Key:
    """The size of a map of some level after division by a power of 2, which is that of a level."""
    if by is None or by & (by - 1) or by < 1:
        return None
    if by == 1:
        return size
    match size:
        case ("level", int() as level):
            return "level", level + by.bit_length() - 1
        case _:
            return None
