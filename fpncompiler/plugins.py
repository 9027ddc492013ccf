"""The kinds of blocks and fusions that specs can name: the built-in ones and those of plug-ins.

A distribution adds its own as entry points of the group `fpnc.plugins`, each of which leads to a
BlockKind or a FusionKind, or to a tuple of them:

    [project.entry-points."fpnc.plugins"]
    shuffle = "fpnc_shuffle:KINDS"

What an entry point leads to must not load torch, for the compiler runs without it.
"""

import reprlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from types import MappingProxyType
from typing import TypeVar

from fpncompiler.builtin_kinds import BLOCKS, FUSIONS
from fpncompiler.ir.ops import ACTIVATIONS, PLAIN_FUSIONS, UP_MODES, WEIGHTED_FUSIONS
from fpncompiler.kinds import (
    BlockKind,
    FusionKind,
    Option,
    Value,
    cost_fault,
    defaults_of,
    fault_of,
    memory_fault,
)

__all__ = [
    "BlockKind",
    "FusionKind",
    "Option",
    "Plugin",
    "PluginError",
    "Value",
    "block_kinds",
    "fusion_kinds",
    "installed_plugins",
    "read_source",
]

GROUP = "fpnc.plugins"
# What the language calls other steps and fusions.
STEP_WORDS = frozenset({*ACTIVATIONS, *UP_MODES, "none", "resample", "conv1x1", "conv3x3"})
FUSION_WORDS = frozenset({*PLAIN_FUSIONS, *WEIGHTED_FUSIONS, "none"})
TRIAL_CHANNELS = 64

Kind = BlockKind | FusionKind
Found = TypeVar("Found")


class PluginError(Exception):
    """An installed plug-in is at fault; the message names its distribution and the way out."""

    def __init__(self, distribution: str, fault: str) -> None:
        super().__init__(
            f"the plug-in `{distribution}` cannot be used: {fault}; "
            f"repair it, or remove it: pip uninstall {distribution}"
        )
        self.distribution = distribution
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Plugin:
    """The kinds that one entry point of a distribution adds."""

    distribution: str
    kinds: tuple[Kind, ...]


def block_kinds() -> Mapping[str, BlockKind]:
    """Every block by its name, sorted.

    Raises:
        PluginError: an installed plug-in is at fault.
    """
    return _kinds()[0]


def fusion_kinds() -> Mapping[str, FusionKind]:
    """Every fusion that is a module by its name, sorted.

    Raises:
        PluginError: an installed plug-in is at fault.
    """
    return _kinds()[1]


@cache
def installed_plugins() -> tuple[Plugin, ...]:
    """What the distributions on Python's path add, sorted by their names.

    Raises:
        PluginError: one of them is at fault.
    """
    points = [(_distribution(point), point) for point in entry_points(group=GROUP)]
    points.sort(key=lambda pair: (pair[0], pair[1].name, pair[1].value))
    return tuple(Plugin(name, _loaded(name, point)) for name, point in points)


def read_source(plugin: Plugin, module: str) -> str:
    """The text of a module of a plug-in; its package is imported, the module is not.

    Raises:
        PluginError: there is no such text.
    """
    package, _, name = module.rpartition(".")

    def read() -> str:
        return files(package).joinpath(f"{name}.py").read_text(encoding="utf-8")

    return _guarded(plugin.distribution, f"the source `{module}` cannot be read", read)


@cache
def _kinds() -> tuple[Mapping[str, BlockKind], Mapping[str, FusionKind]]:
    blocks = {kind.name: kind for kind in BLOCKS}
    fusions = {kind.name: kind for kind in FUSIONS}
    owners = dict.fromkeys(
        [("block", n) for n in blocks] + [("fusion", n) for n in fusions], "fpnc"
    )
    for plugin in installed_plugins():
        for kind in plugin.kinds:
            key = (_noun(kind), kind.name)
            if owner := owners.get(key):
                fault = f"{key[0]} `{kind.name}` is there already, from `{owner}`"
                raise PluginError(plugin.distribution, f"its {fault}")
            owners[key] = plugin.distribution
            if isinstance(kind, BlockKind):
                blocks[kind.name] = kind
            else:
                fusions[kind.name] = kind
    return _sorted(blocks), _sorted(fusions)


def _sorted(kinds: dict[str, Found]) -> Mapping[str, Found]:
    return MappingProxyType(dict(sorted(kinds.items())))


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"


def _loaded(distribution: str, point: EntryPoint) -> tuple[Kind, ...]:
    what = f"its entry point `{point.name} = {point.value}` cannot be loaded"
    found = _guarded(distribution, what, point.load)
    kinds = found if isinstance(found, tuple) else (found,)
    for kind in kinds:
        if not isinstance(kind, BlockKind | FusionKind):
            rule = "a BlockKind, a FusionKind, or a tuple of them"
            fault = f"`{point.value}` is {rule}, not {reprlib.repr(kind)}"
            raise PluginError(distribution, fault)
        _check(distribution, kind)
    return kinds


def _check(distribution: str, kind: Kind) -> None:
    whose = f"its {_noun(kind)} {reprlib.repr(kind.name)}"
    if fault := fault_of(kind):
        raise PluginError(distribution, f"{whose}: {fault}")
    if kind.name in (STEP_WORDS if isinstance(kind, BlockKind) else FUSION_WORDS):
        fault = f"the language has the word `{kind.name}` already"
        raise PluginError(distribution, f"{whose}: {fault}")
    first = kind.arity[0] if isinstance(kind, FusionKind) else TRIAL_CHANNELS

    trials = ((kind.cost, "cost", cost_fault), (kind.memory, "memory", memory_fault))
    for function, field, fault_in in trials:
        if function is None:
            continue

        def trial(function: Callable[..., object] = function) -> object:
            return function(first, TRIAL_CHANNELS, defaults_of(kind))

        what = f"{whose}: `{field}` fails for {TRIAL_CHANNELS} channels"
        if fault := fault_in(_guarded(distribution, what, trial)):
            raise PluginError(distribution, f"{whose}: {fault}")


def _guarded(distribution: str, what: str, call: Callable[[], Found]) -> Found:
    """What a call into a plug-in gives; its faults are the plug-in's, not ours."""
    had_torch = "torch" in sys.modules
    try:
        found = call()
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())
        raise PluginError(distribution, f"{what} ({type(error).__name__}: {reason})") from error
    if "torch" in sys.modules and not had_torch:
        rule = "keep torch to the module that `source` names, which is read and not imported"
        raise PluginError(distribution, f"it loads torch; {rule}")
    return found


def _noun(kind: Kind) -> str:
    return "block" if isinstance(kind, BlockKind) else "fusion"
