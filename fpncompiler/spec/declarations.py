"""What a key under `nodes` declares: `td(l)`, `td(4)`, `td(..5)`, `f(l, k)`, `f(l, k even)`, `gp`.

The more special declaration of a node wins over the more general: `td(4)` over `td(3..5)` over
`td(l)`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_DECLARATION = re.compile(r"([A-Za-z_]\w*)\s*(?:\(\s*([^(),]*?)\s*(?:,\s*([^(),]*?)\s*)?\))?")
_NUMBER = re.compile(r"[0-9]{1,2}")
_RANGE = re.compile(r"([0-9]{1,2})?\s*\.\.\s*([0-9]{1,2})?")
_PARITY = re.compile(r"k\s+(even|odd)")

MAX_LENGTH = 200
GENERAL, RANGE, SINGLE = range(3)  # how special an index is


@dataclass(frozen=True, slots=True)
class Index:
    """Which levels, or which layers, a declaration is for; None is an open end."""

    special: int
    low: int | None = None
    high: int | None = None
    parity: int | None = None

    def among(self, choices: Iterable[int]) -> tuple[int, ...]:
        """Those of the choices that it means."""
        return tuple(
            n
            for n in choices
            if (self.low is None or n >= self.low)
            and (self.high is None or n <= self.high)
            and (self.parity is None or n % 2 == self.parity)
        )

    def beyond(self, low: int, high: int) -> int | None:
        """The first number that it names outside a range; an open end may begin behind it."""
        named = [self.low, self.high] if self.high is not None else [min(self.low or low, high)]
        return next((n for n in named if n is not None and not low <= n <= high), None)

    @property
    def ends(self) -> tuple[int, ...]:
        """The numbers that it names."""
        return tuple(sorted({n for n in (self.low, self.high) if n is not None}))


@dataclass(frozen=True, slots=True)
class Declaration:
    """A name with its indices; `level` is None for a node by name."""

    name: str
    level: Index | None
    layer: Index | None

    @property
    def special(self) -> tuple[int, int]:
        """How special it is in its level and in its layer."""
        return (
            self.level.special if self.level else SINGLE,
            self.layer.special if self.layer else GENERAL,
        )


def parse_declaration(text: str) -> Declaration | str:
    """A declaration, or the index of it that cannot be read (the whole text if none can)."""
    found = _DECLARATION.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if not found:
        return text
    name, level_text, layer_text = found.groups()
    if level_text is None:
        return Declaration(name, None, None)
    level = _index(level_text, "l")
    layer = _index(layer_text, "k") if layer_text is not None else None
    if level is None:
        return level_text
    if layer_text is not None and layer is None:
        return layer_text
    return Declaration(name, level, layer)


def wins(left: Declaration, right: Declaration) -> bool | None:
    """Whether the left one is more special; None where neither is."""
    pairs = list(zip(left.special, right.special, strict=True))
    if all(a >= b for a, b in pairs) and left.special != right.special:
        return True
    if all(a <= b for a, b in pairs) and left.special != right.special:
        return False
    return None


def _index(text: str, variable: str) -> Index | None:
    if text == variable:
        return Index(GENERAL)
    if _NUMBER.fullmatch(text):
        return Index(SINGLE, int(text), int(text))
    if variable == "k" and (parity := _PARITY.fullmatch(text)):
        return Index(RANGE, parity=("even", "odd").index(parity.group(1)))
    found = _RANGE.fullmatch(text)
    if not found or text == "..":
        return None
    low, high = (int(end) if end else None for end in found.groups())
    if low is not None and high is not None and low > high:
        return None
    return Index(RANGE, low, high)
