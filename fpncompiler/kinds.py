"""What a block or a fusion of the language is: a torch class, its settings, its cost.

The class lives in a module that is read as text and copied into generated files, never imported.
"""

import keyword
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

Value = int | float | bool | str
Cost = Callable[[int, int, Mapping[str, Value]], tuple[int, int]]
Memory = Callable[[int, int, Mapping[str, Value]], int]

MAX_ARITY = 200
BLOCKS_PACKAGE = "fpncompiler.blocks"  # where those of fpnc itself are

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NAME_RULE = "of lower-case letters, digits and `_`, with a letter first"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What specs and constructors call other things.
_TAKEN_OPTIONS = frozenset(
    "activation arity block channels eps in_channels kind momentum out_channels self width".split()
)


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a kind: a whole number, a number, a flag, or a word of `choices`.

    The default's type says which; `low` and `high` bound numbers.
    """

    default: Value
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockKind:
    """A block: what a spec calls `name`, and a generated file `module`.

    `source` is the dotted name of the Python module that holds the class. It is constructed with
    `(in_channels, out_channels)`, or with `(channels)` where it `keeps_width`; then its options by
    keyword and, if `styled`, `activation` (a callable that gives a module), `eps` and `momentum`.
    `cost` takes both numbers of channels and the options, and gives trainable parameters and MACs
    per cell of the input map. With `levels` -1, height and width double; else they stay. `memory`
    takes the same, and gives how many values it holds at once per cell of the input map, the result
    included and the input not; without it, fpnc estimates.
    """

    name: str
    module: str
    source: str
    options: Mapping[str, Option]
    cost: Cost
    keeps_width: bool = False
    levels: int = 0
    styled: bool = False
    memory: Memory | None = None


@dataclass(frozen=True, slots=True)
class FusionKind:
    """A fusion of maps of one shape.

    It is constructed with those of `arity` and `channels` that `takes` names, then as a block is.
    `cost` takes the arity, the channels and the options, and gives trainable parameters and MACs
    per cell. `arity` bounds the number of inputs. `memory` is as of a block.
    """

    name: str
    module: str
    source: str
    options: Mapping[str, Option]
    cost: Cost
    takes: tuple[str, ...] = ("arity", "channels")
    arity: tuple[int, int] = (1, MAX_ARITY)
    styled: bool = False
    memory: Memory | None = None


def defaults_of(kind: BlockKind | FusionKind) -> dict[str, Value]:
    """The options of a kind as a spec has them that gives none."""
    return {name: option.default for name, option in kind.options.items()}


def fault_of(kind: BlockKind | FusionKind) -> str:
    """What is wrong with a kind, whatever its fields hold; empty if nothing is."""
    return next(_faults(kind), "")


def cost_fault(cost: object) -> str:
    """What is wrong with that which a cost function gives; empty if nothing is."""
    if isinstance(cost, tuple) and len(cost) == 2 and all(_is_whole(n) and n >= 0 for n in cost):
        return ""
    return f"`cost` gives parameters and MACs, two whole numbers, not {reprlib.repr(cost)}"


def memory_fault(values: object) -> str:
    """What is wrong with that which a memory function gives; empty if nothing is."""
    if _is_whole(values) and isinstance(values, int) and values >= 0:
        return ""
    return f"`memory` gives values per cell, a whole number, not {reprlib.repr(values)}"


def _faults(kind: BlockKind | FusionKind) -> Iterator[str]:
    """Each check may rely on those before it, for the first fault is the last that is looked at."""
    if not isinstance(kind.name, str) or not _NAME.fullmatch(kind.name):
        yield f"`name` is {_NAME_RULE}, not {reprlib.repr(kind.name)}"
    if not _is_identifier(kind.module):
        yield f"`module` is the name of a Python class, not {reprlib.repr(kind.module)}"
    if not isinstance(kind.source, str) or not _is_dotted(kind.source):
        yield f"`source` is the dotted name of a module in a package, not {kind.source!r}"
    if not isinstance(kind.options, Mapping):
        yield f"`options` maps names to Options; it is {reprlib.repr(kind.options)}"
    for name, option in kind.options.items():
        yield from _option_faults(name, option)
    if not callable(kind.cost):
        yield "`cost` is a function"
    if kind.memory is not None and not callable(kind.memory):
        yield "`memory` is a function, or None"
    if not isinstance(kind.styled, bool):
        yield f"`styled` is a bool, not {reprlib.repr(kind.styled)}"
    yield from _block_faults(kind) if isinstance(kind, BlockKind) else _fusion_faults(kind)


def _block_faults(kind: BlockKind) -> Iterator[str]:
    if not isinstance(kind.keeps_width, bool):
        yield f"`keeps_width` is a bool, not {reprlib.repr(kind.keeps_width)}"
    if not _is_whole(kind.levels) or kind.levels not in (0, -1):
        yield f"`levels` is 0, or -1 for a block that doubles the map, not {kind.levels!r}"


def _fusion_faults(kind: FusionKind) -> Iterator[str]:
    allowed: tuple[tuple[str, ...], ...] = (
        (),
        ("arity",),
        ("channels",),
        ("arity", "channels"),
        ("channels", "arity"),
    )
    if kind.takes not in allowed:
        rule = '`takes` is a tuple of "arity" and "channels", of one of them, or empty'
        yield f"{rule}, not {reprlib.repr(kind.takes)}"
    arity = kind.arity
    pair = isinstance(arity, tuple) and len(arity) == 2 and all(map(_is_whole, arity))
    if not pair or not 1 <= arity[0] <= arity[1] <= MAX_ARITY:
        rule = f"`arity` is the least and the most inputs, within 1..{MAX_ARITY}"
        yield f"{rule}, not {reprlib.repr(arity)}"


def _option_faults(name: str, option: Option) -> Iterator[str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or keyword.iskeyword(name):
        yield f"the name of an option is {_NAME_RULE}, not {reprlib.repr(name)}"
    if name in _TAKEN_OPTIONS:
        yield f"no option can be called `{name}`, which means something else in specs"
    if not isinstance(option, Option):
        yield f"the option `{name}` is an Option, not {reprlib.repr(option)}"
    match option.default:
        case bool():
            pass
        case str():
            yield from _word_faults(name, option)
        case int() | float():
            yield from _number_faults(name, option)
        case _:
            rule = "a whole number, a number, a flag or a word"
            yield f"the default of `{name}` is {rule}, not {reprlib.repr(option.default)}"


def _word_faults(name: str, option: Option) -> Iterator[str]:
    choices = option.choices
    words = isinstance(choices, tuple) and all(isinstance(word, str) for word in choices)
    if not words or not all(map(_NAME.fullmatch, choices)):
        yield f"each of the `choices` of `{name}` is {_NAME_RULE}: {reprlib.repr(choices)}"
    if option.default not in choices:
        yield f"the default of `{name}` is none of its `choices`: {reprlib.repr(option.default)}"


def _number_faults(name: str, option: Option) -> Iterator[str]:
    numbers = (option.default, option.low, option.high)
    if not all(_is_whole(n) or (isinstance(n, float) and isfinite(n)) for n in numbers):
        yield f"the bounds of `{name}` are numbers: {reprlib.repr(numbers)}"
    elif not option.low <= float(option.default) <= option.high:
        rule = f"{option.low} to {option.high}"
        yield f"the default of `{name}`, {option.default}, is not within its bounds, {rule}"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_identifier(text: object) -> bool:
    if not isinstance(text, str) or not _IDENTIFIER.fullmatch(text):
        return False
    return not keyword.iskeyword(text)


def _is_dotted(text: str) -> bool:
    parts = text.split(".")
    return len(parts) > 1 and all(map(_is_identifier, parts))
