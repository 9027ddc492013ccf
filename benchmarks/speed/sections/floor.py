"""The convolutions of a detector alone: what no rewriting of the graph can go below."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.speed.live_memory import decomposed
from benchmarks.speed.pairs import (
    fused,
    half,
    inference,
    laid_out,
    pair_for,
)
from benchmarks.speed.results import Row, Setting, Table
from fpncompiler.timing import (
    Budget,
    calls_needed,
    in_turns,
    quartiles,
    ratios,
    repeated,
    seconds_of,
)

CALLS = 3  # of a convolution in a round, of which the median counts


@dataclass(frozen=True)
class Call:
    """An operation by the shapes that it gets and its other arguments; equal ones cost the same."""

    operation: Any
    shapes: tuple[tuple[int, ...] | None, ...]
    rest: tuple[Any, ...]


class Recorder(TorchDispatchMode):
    """Counts convolutions and SiLUs of a forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[Call] = Counter()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation and note it."""
        parts = decomposed(self, func, args, kwargs or {})
        if parts is not NotImplemented:
            return parts
        if func is torch.ops.aten.convolution.default:
            shapes = tuple(tuple(x.shape) if x is not None else None for x in args[:3])
            rest = tuple(tuple(x) if isinstance(x, list) else x for x in args[3:])
            self.calls[Call(func, shapes, rest)] += 1
        elif func in (torch.ops.aten.silu.default, torch.ops.aten.silu_.default):
            self.calls[Call(torch.ops.aten.silu_.default, (tuple(args[0].shape),), ())] += 1
        return func(*args, **(kwargs or {}))


def run(setting: Setting, budget: Budget) -> list[Table]:
    """A table in float, and one in bfloat16."""
    pair = pair_for(setting)
    form = fused(pair.ours)
    images = laid_out(pair.images)
    tables = [_table("float32", form, images, setting, budget)]
    if not setting.quick:
        less = replace(budget, seconds=budget.seconds / 2)
        cut = laid_out(images.bfloat16())
        tables.append(_table("bfloat16", half(form), cut, setting, less))
    return tables


def _table(kind: str, model: nn.Module, images: Tensor, setting: Setting, budget: Budget) -> Table:
    forward = inference(model, images)
    with Recorder() as recorder:
        forward()
    convolution = torch.ops.aten.convolution.default
    parts = {
        "convolutions": {c: n for c, n in recorder.calls.items() if c.operation is convolution},
        "SiLU": {c: n for c, n in recorder.calls.items() if c.operation is not convolution},
    }
    calls = calls_needed(seconds_of(forward))
    measures = {
        "fpnc, fused": repeated(forward, calls),
        **{name: summed(found, images.dtype) for name, found in parts.items()},
    }
    times = in_turns(measures, budget)
    whole = times["fpnc, fused"]
    both = [sum(pair) for pair in zip(times["convolutions"], times["SiLU"], strict=True)]
    shown = {**times, "convolutions and SiLU": both}
    counts = {name: sum(found.values()) for name, found in parts.items()}
    rows = [
        Row(
            name,
            "ours" if name == "fpnc, fused" else "other",
            quartiles(found),
            ratios(whole, found),
            {"calls": counts[name]} if name in counts else {},
        )
        for name, found in shown.items()
    ]
    notes = ["Ratios: how many times the row's time the detector takes."]
    title = f"The convolutions of our detector, {kind}"
    return Table(title, setting.sized(), rows, "fpnc, fused", len(whole), notes)


def summed(calls: Mapping[Call, int], dtype: torch.dtype) -> Callable[[], float]:
    """A measure: the sum over calls of the median time of each, in the better of its layouts."""
    runs = [(best_layout(call, dtype), count) for call, count in calls.items()]
    return lambda: sum(count * median(seconds_of(act) for _ in range(CALLS)) for act, count in runs)


def best_layout(call: Call, dtype: torch.dtype) -> Callable[[], object]:
    """The faster of the call in channels_last and contiguous, tried a few times."""
    formats = (torch.channels_last, torch.contiguous_format)
    ready = [prepared(call, dtype, layout) for layout in formats]
    times = [median(seconds_of(act) for _ in range(CALLS + 1)) for act in ready]
    return ready[times.index(min(times))]


def prepared(call: Call, dtype: torch.dtype, layout: torch.memory_format) -> Callable[[], object]:
    """The call on random tensors that are there before."""
    tensors = [
        None
        if shape is None
        else torch.randn(shape, dtype=dtype).contiguous(memory_format=layout)
        if len(shape) == 4
        else torch.randn(shape, dtype=dtype)
        for shape in call.shapes
    ]
    return inference(call.operation, *tensors, *(as_list(x) for x in call.rest))


def as_list(argument: object) -> object:
    """Strides and paddings as the operation takes them."""
    return [*argument] if isinstance(argument, tuple) else argument
