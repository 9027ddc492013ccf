"""What the new file computes otherwise than the old one, with the same weights.

Whether it does is decided by numbering both programs: equal numbers are proof that the outputs are
equal. Where they are not, nodes and modules of the same name are compared to say what changed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fpncompiler.breakage.findings import Change
from fpncompiler.breakage.nodes import NodeForm, given_by, node_forms
from fpncompiler.breakage.numbering import Numbers
from fpncompiler.reading.behaviour import Behaviour, Behaviours
from fpncompiler.reading.definitions import reachable
from fpncompiler.reading.extents import DIVIDING, SIZED_LIKE
from fpncompiler.reading.file import NETWORK, GeneratedFile
from fpncompiler.reading.program import Frozen
from fpncompiler.reading.torch_modules import ACTIVATIONS
from fpncompiler.reading.values import Instance

_RESAMPLING = DIVIDING | SIZED_LIKE | {"upsample_bilinear_by", "upsample_nearest_by"}
_FUSION_SETTINGS = frozenset({"by", "pool"})
_STRUCTURE = frozenset(
    "ceil_mode count_include_pad dilation groups kernel_size order padding padding_mode"
    " stride".split()
)
_NUMBERS = {
    "IMAGE_MEAN": "B837",
    "IMAGE_STD": "B837",
    "ANCHOR_SCALES": "B838",
    "ANCHOR_OCTAVES": "B838",
    "ANCHOR_ASPECTS": "B838",
}

Changes = Iterator[tuple[str, Change]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files with equal weights; the modules of the old one by the names in the new one."""

    old: GeneratedFile
    new: GeneratedFile
    renamed: Mapping[str, str]


def numerics(pair: Pair) -> Changes:
    """What is computed otherwise with equal weights."""
    yield from _forward(pair)
    yield from _code(pair)


def _forward(pair: Pair) -> Changes:
    """The forward pass."""
    old, new = pair.old, pair.new
    if old.program is None or new.program is None:
        for file, which in ((old, "old"), (new, "new")):
            if file.unclear:
                yield "B839", Change(f"{file.detector}.forward", f"the {which} file", file.unclear)
        return
    exact = Numbers()
    if exact.of(old, pair.renamed).result == exact.of(new).result:
        return
    rounded = Numbers("rounded")
    only = rounded.of(old, pair.renamed).result == rounded.of(new).result
    found = [*_nodes(pair)] if only else [*_modules(pair), *_nodes(pair), *_wiring(pair)]
    yield from found or [("B836", Change(f"{new.detector}.forward"))]


def _modules(pair: Pair) -> Changes:
    """Modules of the same name that compute otherwise."""
    of_old, of_new = Behaviours(pair.old.definitions), Behaviours(pair.new.definitions)
    for path, before, after in _common(pair):
        yield from _module(path, of_old.of(before), of_new.of(after), after)


def _common(pair: Pair) -> Iterator[tuple[str, Instance, Instance]]:
    """The modules that both files have, each once, apart from the backbone."""
    for path, before in pair.old.modules.items():
        after = pair.new.modules.get(_renamed(path, pair.renamed))
        if after is not None and path.partition(".")[0] != "backbone" and path:
            yield _renamed(path, pair.renamed), before, after


def _renamed(path: str, renamed: Mapping[str, str]) -> str:
    """The path that a module has in the new file."""
    start = path
    while start:
        if start in renamed:
            return renamed[start] + path[len(start) :]
        start = start.rpartition(".")[0]
    return path


def _module(path: str, before: Behaviour, after: Behaviour, module: Instance) -> Changes:
    if before.kind != after.kind:
        if not _is_layer(path):
            yield _code_of_kinds(before.kind, after.kind), Change(path, before.kind, after.kind)
        return
    left, right = dict(before.settings), dict(after.settings)
    for name in sorted({*left, *right}):
        if left.get(name) != right.get(name):
            change = Change(f"{path}.{name}", str(left.get(name)), str(right.get(name)))
            yield _code_of_setting(name), change


def _is_layer(path: str) -> bool:
    return path == "network" or (path.startswith("network.layers.") and path.count(".") == 2)


def _code_of_kinds(before: str, after: str) -> str:
    if before in ACTIVATIONS and after in ACTIVATIONS:
        return "B833"
    return "B831" if before.endswith("Fusion") and after.endswith("Fusion") else "B836"


def _code_of_setting(name: str) -> str:
    if name in _FUSION_SETTINGS:
        return "B831"
    return "B836" if name in _STRUCTURE else "B834"


def _nodes(pair: Pair) -> Changes:
    """Nodes of the same name that read, fuse or go on otherwise."""
    numbers = Numbers()
    olds = node_forms(pair.old, numbers.of(pair.old, pair.renamed))
    news = node_forms(pair.new, numbers.of(pair.new))
    for path, nodes in olds.items():
        for name, before in nodes.items():
            after = news.get(path, {}).get(name)
            if after is not None and (code := _code_of_nodes(before, after)):
                yield code, Change(f"{path}.{name}", before.text, after.text)


def _code_of_nodes(before: NodeForm, after: NodeForm) -> str:
    """What differs between two nodes, in one code; nothing if they are equal."""
    is_plain = before.plain and after.plain
    fusions = (before.fusion, after.fusion)
    if all(fusions) and before.fusion != after.fusion and (before.plain or after.plain):
        return "B831"  # others are compared as modules
    keys = [[way.key for way in form.inputs] for form in (before, after)]
    if keys[0] != keys[1]:
        if sorted(map(repr, keys[0])) != sorted(map(repr, keys[1])):
            return _code_of_ways(before, after)
        return "" if is_plain and _is_unordered(before) else "B832"
    steps = [[_bare(step) for step in form.steps] for form in (before, after)]
    return "B836" if steps[0] != steps[1] and before.fusion == after.fusion else ""


def _is_unordered(form: NodeForm) -> bool:
    """Whether the order of inputs means nothing; it means rounding for three that are added."""
    is_short = form.fusion in ("sum", "mean") and len(form.inputs) < 3
    return is_short or form.fusion == "maximum"


def _code_of_ways(before: NodeForm, after: NodeForm) -> str:
    """Why inputs differ: other maps, or the same on another way."""
    if [way.source for way in before.inputs] != [way.source for way in after.inputs]:
        return "B832"
    functions = [
        {_bare(function) for way in form.inputs for function in way.functions}
        for form in (before, after)
    ]
    return "B835" if functions[0] ^ functions[1] <= _RESAMPLING else "B836"


def _bare(function: str) -> str:
    return function.partition("(")[0]


def _wiring(pair: Pair) -> Changes:
    """Layers and heads that read other maps of the layer before."""
    olds, news = given_by(pair.old), given_by(pair.new)
    for path in olds:
        for name in olds[path]:
            before, after = olds[path][name], news.get(path, {}).get(name)
            if after is not None and before != after:
                yield "B832", Change(f"{path}.{name}", before, after)


def constants(old: GeneratedFile, new: GeneratedFile) -> Changes:
    """What is done in front of the network, and behind it; anchors of levels that both have."""
    for name, code in _NUMBERS.items():
        before, after = _number(old, name, new), _number(new, name, old)
        if None not in (before, after) and before != after:
            yield code, Change(name, str(old.constants[name]), str(new.constants[name]))


def _number(file: GeneratedFile, name: str, other: GeneratedFile) -> Frozen:
    value, levels = file.constants.get(name), file.constants.get("LEVELS")
    others = other.constants.get("LEVELS")
    if name != "ANCHOR_SCALES" or not all(isinstance(v, tuple) for v in (value, levels, others)):
        return value
    assert isinstance(value, tuple)
    assert isinstance(levels, tuple)
    assert isinstance(others, tuple)
    pairs = zip(levels, value, strict=False)
    return tuple(scale for level, scale in pairs if level in others)


def _code(pair: Pair) -> Changes:
    """Definitions that the models use and that are not followed, where their code differs."""
    used = _used(pair.old) & _used(pair.new)
    for name in sorted(used):
        if pair.old.texts[name].digest != pair.new.texts[name].digest:
            yield "B839", Change(name, "this code", "other code")


def _used(file: GeneratedFile) -> set[str]:
    """The blocks and functions that a model uses; of its own methods those beside `forward`."""
    kinds = {module.kind for module in file.modules.values() if module.node is not None}
    kinds -= {NETWORK}
    followed = {module.kind for path, module in file.modules.items() if _is_layer(path)}
    calls = {op.name for op in file.program.operations} if file.program else set[str]()
    uses = file.texts[file.detector].uses
    return reachable({*(kinds - followed), *calls, *uses}, file.texts) - followed - {NETWORK}


def training(pair: Pair) -> Changes:
    """What differs while the model is trained."""
    of_old, of_new = Behaviours(pair.old.definitions), Behaviours(pair.new.definitions)
    for path, before, after in _common(pair):
        left, right = of_old.of(before), of_new.of(after)
        yield from _unequal(path, dict(left.training), dict(right.training))
        yield from _unequal(path, dict(left.starts), dict(right.starts))
    if pair.old.begun != pair.new.begun:
        yield "B842", Change("weights to begin with", _calls(pair.old), _calls(pair.new))
    rates = [_drop_path_rate(file) for file in (pair.old, pair.new)]
    if rates[0] != rates[1]:
        yield "B842", Change("backbone.drop_path_rate", *map(str, rates))


def _calls(file: GeneratedFile) -> str:
    return ", ".join(f"{name}({', '.join(arguments)})" for name, *arguments in file.begun)


def _unequal(path: str, left: Mapping[str, Frozen], right: Mapping[str, Frozen]) -> Changes:
    for name in sorted(left.keys() & right.keys()):
        if left[name] != right[name]:
            yield "B842", Change(f"{path}.{name}", str(left[name]), str(right[name]))


def _drop_path_rate(file: GeneratedFile) -> Frozen:
    backbone = file.modules.get("backbone")
    rate = backbone.settings.get("drop_path_rate") if backbone else None
    return rate if isinstance(rate, int | float) else None
