"""One tree over another: how `extends` and variants build on a base."""

from fpncompiler.spec.tree import Entry, Mapping


def merge(base: Mapping, over: Mapping) -> Mapping:
    """`over` on top of `base`: mappings merge key by key, anything else is replaced.

    A value that scales (`formula`, `published`) is one value, and is replaced whole.
    """
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        if below and _merges(below) and _merges(entry):
            merged = merge(_as_mapping(below), _as_mapping(entry))
            entries[key] = Entry(entry.key, merged)
        else:
            entries[key] = entry
    return Mapping(entries, over.span)


def without(tree: Mapping, *keys: str) -> Mapping:
    """The tree without some keys."""
    return Mapping({k: e for k, e in tree.entries.items() if k not in keys}, tree.span)


def _merges(entry: Entry) -> bool:
    value = entry.value
    return isinstance(value, Mapping) and not set(value.entries) <= {"formula", "published"}


def _as_mapping(entry: Entry) -> Mapping:
    assert isinstance(entry.value, Mapping)
    return entry.value
