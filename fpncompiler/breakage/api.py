"""Whether code that uses the old file works with the new one: names, constants, calls, maps."""

import ast
from collections.abc import Iterator, Mapping

from fpncompiler.breakage.findings import Change
from fpncompiler.breakage.numerics import constants
from fpncompiler.reading.extents import widths
from fpncompiler.reading.file import NETWORK, GeneratedFile
from fpncompiler.reading.interface import Parameter, Signature, methods
from fpncompiler.reading.program import Program

Changes = Iterator[tuple[str, Change]]


def api(old: GeneratedFile, new: GeneratedFile) -> Changes:
    """What of the detector, the feature network and the constants is not as it was."""
    yield from _classes(old, new)
    yield from _constants(old, new)
    yield from _maps(old, new)


def _classes(old: GeneratedFile, new: GeneratedFile) -> Changes:
    """The detector's class and that of the network; blocks and layers are the file's own."""
    if old.detector != new.detector:
        yield "B821", Change(old.detector, "a class", f"gone; the class is {new.detector}")
    for name in (old.detector, NETWORK):
        before, after = old.definitions[name], new.definitions.get(name)
        if not isinstance(before, ast.ClassDef) or not isinstance(after, ast.ClassDef):
            continue
        methods_after = methods(after)
        for method, signature in methods(before).items():
            key = name if method == "__init__" else f"{name}.{method}"
            if method not in methods_after:
                yield "B821", Change(key, "a method", "gone")
            elif not is_compatible(signature, methods_after[method]):
                yield "B824", Change(key, _shown(signature), _shown(methods_after[method]))


def is_compatible(before: Signature, after: Signature) -> bool:
    """Whether every call that was right still is, and means the same."""
    if before.returns != after.returns:
        return False
    kept = {parameter.name: parameter for parameter in after.parameters}
    names = [p.name for p in before.parameters if p.kind == "positional"]
    others = [p.name for p in after.parameters if p.kind == "positional"]
    if others[: len(names)] != names:
        return False
    if any(_breaks(parameter, kept.get(parameter.name)) for parameter in before.parameters):
        return False
    known = {parameter.name for parameter in before.parameters}
    added = (p for p in after.parameters if p.name not in known and p.kind != "rest")
    return all(parameter.default is not None for parameter in added)


def _breaks(before: Parameter, after: Parameter | None) -> bool:
    return (
        after is None
        or before.annotation != after.annotation
        or (before.default is not None and before.default != after.default)
        or (before.kind != "keyword" and after.kind != before.kind)
    )


def _shown(signature: Signature) -> str:
    words = []
    for parameter in signature.parameters:
        default = f"={parameter.default}" if parameter.default is not None else ""
        words.append(f"{'*' * (parameter.kind == 'rest')}{parameter.name}{default}")
    return f"({', '.join(words)})"


def _constants(old: GeneratedFile, new: GeneratedFile) -> Changes:
    """All but those that change numbers alone."""
    numbers = {change.key for _, change in constants(old, new)}
    for name, before in sorted(old.constants.items()):
        if name not in new.constants:
            yield "B822", Change(name, str(before), "gone")
        elif name not in numbers and before != new.constants[name]:
            yield "B822", Change(name, str(before), str(new.constants[name]))


def _maps(old: GeneratedFile, new: GeneratedFile) -> Changes:
    """What the model takes and gives, where its forward pass is understood."""
    if old.program is None or new.program is None:
        return
    before, after = _given(old, old.program), _given(new, new.program)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield "B823", Change(name, before.get(name, "none"), after.get(name, "none"))
    checks = [sorted(map(str, program.checks)) for program in (old.program, new.program)]
    if checks[0] != checks[1]:
        yield "B823", Change("sizes of images", *map(", ".join, checks))


def _given(file: GeneratedFile, program: Program) -> Mapping[str, str]:
    """Head -> levels and channels of its maps."""
    levels = file.constants.get("LEVELS", file.constants.get("LEVEL", ""))
    width = widths(file)
    found = {}
    for position, index in enumerate(program.outputs):
        operation = program.operations[index]
        name = operation.name.rpartition(".")[2] if operation.kind == "module" else str(position)
        maps = len([each for each in operation.inputs if isinstance(each, int)])
        found[f"output {position}, {name}"] = (
            f"{maps} maps of {width[index] or 'unknown'} channels, levels {levels}"
        )
    return found
