"""Inputs written as a calculation: sums of references, and references within calls.

    in(l) + td(l+1)  ->  [in(l), td(l+1)]        conv1x1(td(l+1))  ->  {from: td(l+1), via: conv1x1}
    up(td(l+1))      ->  td(l+1)                 sum(in(l), td(l+1))  ->  {sum: [in(l), td(l+1)]}

All of it is for suggestions; nothing is read from such a text.
"""

import re
from collections.abc import Container
from dataclasses import dataclass

MAX_TEXT = 200
MAX_PARTS = 12

_REFERENCE = re.compile(r"[A-Za-z_]\w*(?:\s*\([^()]*\))?", re.ASCII)
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\((.*)\)", re.ASCII)
_RESAMPLING = frozenset(
    """
    down downsample interp interpolate pool resample resample_to resize scale up upsample
    upsample2x upscale
    """.split()
)


@dataclass(frozen=True, slots=True)
class Calculation:
    """What a text was meant to be, as a spec writes it; `why` says what is to be known of it."""

    new: str
    why: str = ""


def meant_inputs(
    text: str, steps: Container[str], fusions: Container[str], *, listed: bool
) -> Calculation | None:
    """A calculation as inputs of a spec; None if it is no such thing.

    Args:
        steps: the words that can stand in `via`.
        listed: it is an item of a list, so that several inputs need no brackets.
    """
    if len(text) > MAX_TEXT or "(" not in text:
        return None
    parts = _split(text.strip())
    if not 1 <= len(parts) <= MAX_PARTS:
        return None
    if len(parts) > 1:
        if not all(_REFERENCE.fullmatch(part) for part in parts):
            return None
        joined = ", ".join(parts)
        return Calculation(joined if listed else f"[{joined}]")
    found = _CALL.fullmatch(parts[0])
    if not found:
        return None
    return _call(found[1], _split(found[2].strip()), steps, fusions)


def _call(
    name: str, arguments: list[str], steps: Container[str], fusions: Container[str]
) -> Calculation | None:
    if not 1 <= len(arguments) <= MAX_PARTS:
        return None
    if not all(_REFERENCE.fullmatch(one) for one in arguments) or "(" not in arguments[0]:
        return None
    if name.lower() in fusions:
        return Calculation(f"{{{name.lower()}: [{', '.join(arguments)}]}}")
    if len(arguments) > 1:
        return None
    if name.lower() in _RESAMPLING:
        return Calculation(arguments[0], "maps of other levels are resampled by themselves: ")
    if name.lower() in steps:
        return Calculation(f"{{from: {arguments[0]}, via: {name.lower()}}}")
    return None


def _split(text: str) -> list[str]:
    """The parts between `+` and `,` outside all parentheses."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and letter in "+,":
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]
