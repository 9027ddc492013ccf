"""One tree over another: how `extends` and variants build on a base."""

from fpncompiler.spec.style import fusion_keys, fusion_words
from fpncompiler.spec.tree import Entry, Mapping, Scalar

STEP_SETTINGS = ("down", "op", "up")


def merge(base: Mapping, over: Mapping) -> Mapping:
    """`over` on top of `base`: mappings merge key by key, anything else is replaced.

    Replaced whole are a value that scales (`formula`, `published`), the inputs of a node, and a
    step of another sort. Of a fusion of another kind stays what the new kind has too.
    """
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        if below and key != "inputs" and _merges(below) and _merges(entry):
            own = _as_mapping(entry)
            merged = merge(_that_fits(key, _as_mapping(below), own), own)
            entries[key] = Entry(entry.key, merged)
        else:
            entries[key] = entry
    return Mapping(entries, over.span)


def without(tree: Mapping, *keys: str) -> Mapping:
    """The tree without some keys."""
    return Mapping({k: e for k, e in tree.entries.items() if k not in keys}, tree.span)


def _that_fits(key: str, below: Mapping, own: Mapping) -> Mapping:
    """What of the mapping below means something under one that may be of another sort."""
    kind = own.get("kind")
    if key == "fusion" and isinstance(kind, Scalar) and kind.text in fusion_words():
        known = {"kind", *fusion_keys(kind.text)}
        return Mapping({k: e for k, e in below.entries.items() if k in known}, below.span)
    sort = _sort_of_step(own)
    if key in STEP_SETTINGS and sort and sort != (_sort_of_step(below) or "conv"):
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
