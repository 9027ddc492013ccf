"""Whether a state dict of the old model loads in the new one, and by which names it would."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from fpncompiler.breakage.findings import Change
from fpncompiler.reading.behaviour import Behaviours, Signature
from fpncompiler.reading.file import GeneratedFile
from fpncompiler.reading.program import Frozen, Operation, frozen
from fpncompiler.reading.values import (
    Instance,
    Map,
    NotUnderstoodError,
    Shape,
    Value,
    opaque_modules,
    state_shapes,
)

Changes = Iterator[tuple[str, Change]]
BACKBONE = "backbone"
# What timm is given that changes no weight.
_NO_WEIGHT = frozenset({"pretrained", "drop_path_rate"})


def weights(old: GeneratedFile, new: GeneratedFile) -> Changes:
    """Keys that are gone, that are new, that have other shapes; and what cannot be told."""
    before, after = state_shapes(old.model), state_shapes(new.model)
    for key in sorted(before.keys() - after.keys()):
        yield "B811", Change(key, before=shape_text(before[key]))
    for key in sorted(after.keys() - before.keys()):
        yield "B812", Change(key, after=shape_text(after[key]))
    for key in sorted(before.keys() & after.keys()):
        if before[key] != after[key]:
            yield "B813", Change(key, shape_text(before[key]), shape_text(after[key]))
    yield from _opaque(old, new)


def shape_text(shape: Shape) -> str:
    """A shape as PyTorch writes it, `[64, 64, 1, 1]`."""
    return str([*shape])


def _opaque(old: GeneratedFile, new: GeneratedFile) -> Changes:
    """Parts whose keys are not known: equal where they are made alike."""
    before, after = opaque_modules(old.model), opaque_modules(new.model)
    for path in sorted(before.keys() | after.keys()):
        texts = [_made(files[path]) if path in files else "" for files in (before, after)]
        code = "B814" if path == BACKBONE else "B815"
        same_code = path == BACKBONE or _code(old, before, path) == _code(new, after, path)
        if texts[0] != texts[1] or not same_code:
            yield code, Change(path, *texts)


def _code(file: GeneratedFile, parts: dict[str, Instance], path: str) -> str:
    text = file.texts.get(parts[path].kind) if path in parts else None
    return text.whole if text else ""


def _made(module: Instance) -> str:
    """What a module is made of, as a call."""
    words = [f"{name}={_shown(v)}" for name, v in module.given.items() if name not in _NO_WEIGHT]
    return f"{module.kind}({', '.join(words)})"


def _shown(value: Value) -> str:
    try:
        return str(frozen(value))
    except NotUnderstoodError:
        return "..."


def renamed_modules(old: GeneratedFile, new: GeneratedFile) -> dict[str, str]:
    """Old path -> new path of every part with weights, where names alone have changed.

    Both forward passes are followed back from the outputs, in step: each operation must be the
    other's but for the path of its module, and each path must have one counterpart. Where that
    fails, or weights are left over, there is no such map, and it is empty.
    """
    if old.program is None or new.program is None:
        return {}
    if any(code in ("B814", "B815") for code, _ in _opaque(old, new)):
        return {}
    match = _Match(old, new)
    pairs = [*zip(old.program.outputs, new.program.outputs, strict=False)]
    if len(old.program.outputs) != len(new.program.outputs) or not match.all(pairs):
        return {}
    found = match.paths | {path: path for path in opaque_modules(old.model)}
    covered = _renamed_keys(state_shapes(old.model), found)
    return dict(sorted(found.items())) if covered == state_shapes(new.model) else {}


def _renamed_keys(shapes: dict[str, Shape], paths: dict[str, str]) -> dict[str, Shape]:
    found = {}
    for key, shape in shapes.items():
        path = key
        while path and path not in paths:
            path = path.rpartition(".")[0]
        if path:
            found[paths[path] + key[len(path) :]] = shape
    return found


@dataclass(slots=True)
class _Match:
    """Operations of two programs that are taken for each other's."""

    old: GeneratedFile
    new: GeneratedFile
    paths: dict[str, str] = field(default_factory=dict)
    _back: dict[str, str] = field(default_factory=dict)
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _signatures: tuple[Behaviours, Behaviours] = field(init=False)

    def __post_init__(self) -> None:
        self._signatures = (Behaviours(self.old.definitions), Behaviours(self.new.definitions))

    def all(self, pairs: list[tuple[int, int]]) -> bool:
        """Whether all operations are, and all those behind them."""
        assert self.old.program is not None
        assert self.new.program is not None
        olds, news = self.old.program.operations, self.new.program.operations
        waiting = [*pairs]
        while waiting:
            pair = waiting.pop()
            if pair in self._seen:
                continue
            self._seen.add(pair)
            left, right = olds[pair[0]], news[pair[1]]
            if not self._is_same(left, right):
                return False
            waiting += zip(left.inputs, right.inputs, strict=True)
        return True

    def _is_same(self, left: Operation, right: Operation) -> bool:
        settings = [[_without_maps(a) for a in each.arguments] for each in (left, right)]
        if left.kind != right.kind or settings[0] != settings[1]:
            return False
        if left.kind == "module":
            return self._is_same_module(left.name, right.name)
        return left.name == right.name

    def _is_same_module(self, left: str, right: str) -> bool:
        if left in self.paths or right in self._back:
            return self.paths.get(left) == right and self._back.get(right) == left
        self.paths[left], self._back[right] = right, left
        return self._signature(0, left) == self._signature(1, right)

    def _signature(self, which: int, path: str) -> Signature:
        file = (self.old, self.new)[which]
        return self._signatures[which].signature(file.modules[path])


def _without_maps(argument: tuple[str, Frozen]) -> Frozen:
    """An argument with the places of its maps, whichever they are."""

    def without(value: Frozen) -> Frozen:
        if isinstance(value, Map):
            return "map"
        return tuple(without(item) for item in value) if isinstance(value, tuple) else value

    return argument[0], without(argument[1])
