"""One tree over another: how `extends` and variants build on a base."""

from fpncompiler.ir.ops import PLAIN_FUSIONS
from fpncompiler.spec.style import fusion_keys, fusion_words
from fpncompiler.spec.tree import Entry, Mapping, Scalar

STEP_SETTINGS = ("down", "op", "up")
OF_NAMES = ("let", "nodes", "prologue", "variants")  # mappings whose keys the spec invents


def merge(base: Mapping, over: Mapping, *, of_names: bool = False) -> Mapping:
    """`over` on top of `base`: mappings merge key by key, anything else is replaced.

    Replaced whole are a value that scales (`formula`, `published`), the inputs of a node, and a
    step of another sort. Of a fusion of another kind stays what the new kind has too.

    Args:
        of_names: the keys are names, of which none is a setting.
    """
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        setting = "" if of_names else key
        below = entries.get(key)
        if below and setting != "inputs" and _merges(below) and _merges(entry):
            own = _as_mapping(entry)
            fitting = _that_fits(setting, _as_mapping(below), own)
            merged = merge(fitting, own, of_names=setting in OF_NAMES)
            entries[key] = Entry(entry.key, merged)
        else:
            entries[key] = entry
    return Mapping(entries, over.span)


def without(tree: Mapping, *keys: str) -> Mapping:
    """The tree without some keys."""
    return Mapping({k: e for k, e in tree.entries.items() if k not in keys}, tree.span)


def _that_fits(setting: str, below: Mapping, own: Mapping) -> Mapping:
    """What of the mapping below means something under one that may be of another sort."""
    kind = own.get("kind")
    if setting == "fusion" and isinstance(kind, Scalar) and kind.text in fusion_words():
        keys = () if kind.text in PLAIN_FUSIONS else fusion_keys(kind.text)
        kept = {k: e for k, e in below.entries.items() if k in ("kind", *keys)}
        return Mapping(kept, below.span)
    sort = _sort_of_step(own)
    if setting in STEP_SETTINGS and sort and sort != (_sort_of_step(below) or "conv"):
        return Mapping({}, below.span)
    return below


def _sort_of_step(step: Mapping) -> str:
    """What a step is by its first word: a pool, a convolution, a block of some name."""
    block = step.get("block")
    if isinstance(block, Scalar):
        return f"block {block.text}"
    return next((word for word in ("pool", "up", "down", "conv") if word in step.entries), "")


def _merges(entry: Entry) -> bool:
    value = entry.value
    return isinstance(value, Mapping) and not set(value.entries) <= {"formula", "published"}


def _as_mapping(entry: Entry) -> Mapping:
    assert isinstance(entry.value, Mapping)
    return entry.value
