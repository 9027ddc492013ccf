"""Weights under other names: released checkpoints into generated models, and back."""

from collections.abc import Mapping

from torch import Tensor


class KeyMapError(Exception):
    """A checkpoint does not fit: the message names the keys."""


def rename_keys(state: Mapping[str, Tensor], key_map: Mapping[str, str]) -> dict[str, Tensor]:
    """A state dict with every module path replaced as the map says.

    Args:
        state: keys are paths of modules with a parameter's or buffer's name behind them.
        key_map: path -> path; a key belongs to the longest path that it begins with.

    Raises:
        KeyMapError: keys that no path of the map covers, or two that fall on one.
    """
    renamed: dict[str, Tensor] = {}
    uncovered = []
    for key, value in state.items():
        target = renamed_key(key, key_map)
        if target is None:
            uncovered.append(key)
        elif target in renamed:
            raise KeyMapError(f"two weights would be called {target}")
        else:
            renamed[target] = value
    if uncovered:
        shown = ", ".join(uncovered[:5]) + (", ..." if len(uncovered) > 5 else "")
        raise KeyMapError(f"{len(uncovered)} keys are not part of this model: {shown}")
    return renamed


def reversed_map(key_map: Mapping[str, str]) -> dict[str, str]:
    """The map from the other side."""
    return {theirs: ours for ours, theirs in key_map.items()}


def renamed_key(key: str, key_map: Mapping[str, str]) -> str | None:
    """A key by the longest path of the map that it begins with; None if there is none."""
    path = key
    while path:
        if path in key_map:
            return key_map[path] + key[len(path) :]
        path = path.rpartition(".")[0]
    return None
