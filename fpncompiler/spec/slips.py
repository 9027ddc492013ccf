"""What a value that cannot be read was meant to be: levels, names, formulas, indices of nodes.

    [3, 4, 5] -> 3..5    MyFPN -> my_fpn    1.35 ^ phi -> 1.35 ** phi    td(3-5) -> td(3..5)

All of it is for suggestions: an empty result or None where nothing is likely.
"""

import re
from collections.abc import Container
from dataclasses import dataclass

from fpncompiler.spec.names import MAX_NAME, name_fault
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence

MAX_TEXT = 200  # of what is looked at, in characters
MAX_ITEMS = 13  # levels that a list may name

_LEVEL = r"[pPcC]?([0-9]{1,2})"
_ONE = re.compile(rf"\s*{_LEVEL}\s*")
_CERTAIN = re.compile(rf"\s*{_LEVEL}\s*(?:-|\.{{2,}}|\u2013)\s*{_LEVEL}\s*")
_LIKELY = re.compile(rf"\s*{_LEVEL}\s*(?::|~|to|,|\.)\s*{_LEVEL}\s*")


@dataclass(frozen=True, slots=True)
class Meant:
    """A range of levels that was meant; `certain` if nothing else can have been."""

    low: int
    high: int
    certain: bool

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


def meant_range(node: Node) -> Meant | None:
    """`[3, 4, 5]`, `3-5`, `p3..p5`, `5..3` and the like as a range."""
    match node:
        case Scalar():
            return _range_in(node.text)
        case Sequence():
            return _range_of([item.text for item in _scalars(node.items)], len(node.items))
        case Mapping():
            texts = [e.value.text for e in _first(node) if isinstance(e.value, Scalar)]
            found = _range_of(texts, len(node.entries)) if len(node.entries) == 2 else None
            return Meant(found.low, found.high, certain=False) if found else None


def _first(node: Mapping) -> list[Entry]:
    return [*node.entries.values()] if len(node.entries) <= MAX_ITEMS else []


def _scalars(items: tuple[Node, ...]) -> list[Scalar]:
    return [item for item in items[:MAX_ITEMS] if isinstance(item, Scalar)]


def _range_in(text: str) -> Meant | None:
    if len(text) > MAX_TEXT:
        return None
    if found := _CERTAIN.fullmatch(text):
        low, high = int(found[1]), int(found[2])
        return _ordered(low, high, certain=low <= high)
    if found := _LIKELY.fullmatch(text):
        return _ordered(int(found[1]), int(found[2]), certain=False)
    if found := _ONE.fullmatch(text):
        return _ordered(int(found[1]), int(found[1]), certain=False)
    parts = text.split(",")
    return _range_of(parts, len(parts)) if len(parts) > 1 else None


def _range_of(texts: list[str], count: int) -> Meant | None:
    """The range that has these levels, or these ends."""
    if len(texts) != count or not 1 <= count <= MAX_ITEMS:
        return None
    if count == 1:
        only = _range_in(texts[0])
        return only if only and only.low != only.high else None
    numbers = [int(found[1]) for text in texts if (found := _ONE.fullmatch(text[:MAX_TEXT]))]
    if len(numbers) != count:
        return None
    low, high = min(numbers), max(numbers)
    is_whole = numbers == [*range(low, high + 1)]
    if not is_whole and sorted(numbers) != [*range(low, high + 1)] and count != 2:
        return None
    return _ordered(low, high, certain=is_whole)


def _ordered(low: int, high: int, *, certain: bool) -> Meant:
    return Meant(min(low, high), max(low, high), certain)


def meant_name(text: str, longest: int = MAX_NAME) -> str:
    """`MyFPN`, `my-fpn` or `My FPN` as the name `my_fpn`."""
    if len(text) > MAX_TEXT:
        return ""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    name = re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")
    return "" if name == text or name_fault(name, longest) else name


_FORMULA = (
    (r"(?<![A-Za-z_0-9.])0[xX][0-9a-fA-F]{1,7}(?![0-9A-Za-z_])", lambda m: str(int(m[0], 16))),
    (r"(?<=[0-9])_(?=[0-9])", lambda _: ""),
    (r"(?<![\w.])\.(?=[0-9])", lambda _: "0."),
    (r"(?<=[0-9])\.(?![0-9])", lambda _: ""),
    (r"\^", lambda _: "**"),
    (r"\b(?:math|np|numpy|torch)\.(?=[a-z])", lambda _: ""),
    (r"\bint(?=\s*\()", lambda _: "floor"),
    (r"\bceiling(?=\s*\()", lambda _: "ceil"),
    (r"\b(?:[Pp][Hh][Ii])\b|\u03c6|\u03d5", lambda _: "phi"),
    (r"\blevel\b", lambda _: "l"),
    (r"\blayer\b", lambda _: "k"),
    (r"\bpow\s*\(\s*(\w+|[0-9.]+)\s*,\s*(\w+|[0-9.]+)\s*\)", lambda m: f"{m[1]} ** {m[2]}"),
    (r"\b(\w+|[0-9.]+)\s*//\s*(\w+|[0-9.]+)", lambda m: f"floor({m[1]} / {m[2]})"),
)


def meant_formula(text: str) -> str:
    """A formula as Python, a spreadsheet or a paper writes it, in the language's words."""
    if len(text) > MAX_TEXT:
        return ""
    meant = text
    for pattern, written in _FORMULA:
        meant = re.sub(pattern, written, meant)
    return "" if meant == text or len(meant) > MAX_TEXT else meant


_IDS = (
    re.compile(r"[pc](?P<level>[0-9]{1,2})_(?P<family>[a-z]\w*)", re.ASCII),
    re.compile(r"(?P<family>[a-z]\w*?)_?[pc]?(?P<level>[0-9]{1,2})", re.ASCII),
)
_INDEXED = re.compile(r"(\w{1,48})\s*(?:\(([^()]*)\)|\[([^\[\]]*)\])", re.ASCII)


def meant_declaration(text: str) -> str:
    """`td(3-5)`, `td[l]`, `td(>=6)`, `td(3, 4, 5)` as what can be declared."""
    found = _INDEXED.fullmatch(text) if len(text) <= MAX_TEXT else None
    if not found:
        return ""
    name, *inside = found.groups()
    first, comma, layer = (inside[0] or inside[1] or "").strip().partition(",")
    whole = first + comma + layer
    levels = _range_in(whole)
    if levels and levels.low != levels.high:
        return f"{name}({levels})"
    index = _meant_index(first.strip())
    return f"{name}({index}{', ' if comma else ''}{layer.strip()})" if index else ""


def _meant_index(text: str) -> str:
    levels = _range_in(text)
    if levels:
        return str(levels.low) if levels.low == levels.high else str(levels)
    if found := re.fullmatch(r"(?:l\s*)?(<=|>=|<|>)\s*([0-9]{1,2})", text):
        at = int(found[2]) + {"<": -1, ">": 1}.get(found[1], 0)
        return f"..{at}" if "<" in found[1] else f"{at}.."
    if found := re.fullmatch(r"([0-9]{1,2})\s*\+", text):
        return f"{found[1]}.."
    if re.fullmatch(r"[A-Za-z*:]|all|any|level|levels|l\s*[-+]\s*[0-9]{1,2}", text):
        return "l"
    return ""


def split_id(name: str, levels: Container[int]) -> tuple[str, str]:
    """The family of a name without a level, and its declaration: `p6_td`, `td_6` -> `td(6)`."""
    for pattern in _IDS:
        found = pattern.fullmatch(name)
        if found and not name_fault(found["family"]) and int(found["level"]) in levels:
            return found["family"], f"{found['family']}({int(found['level'])})"
    family = name.removesuffix("_l")
    return (name, f"{name}(l)") if name_fault(family) else (family, f"{family}(l)")
