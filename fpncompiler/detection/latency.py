"""How long generated models take, forward and a training step, in turns.

Weights are random: that costs the same time. Models and maps are channels-last.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from fpncompiler.timing import Budget, rounds, warm_measures

Part = Literal["detector", "network"]
SEED = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """What is timed, and on what: images of (height, width) pixels, so many rounds."""

    part: Part
    batch: int
    image_size: tuple[int, int]
    rounds: int


@dataclass(slots=True)
class Times:
    """Seconds by model, one for each complete round; kept as they come, against interruption."""

    forward: dict[str, list[float]] = field(default_factory=dict)
    training_step: dict[str, list[float]] = field(default_factory=dict)


def measure(
    models: Mapping[str, nn.Module], setting: Setting, times: Times, tick: Callable[[], object]
) -> list[str]:
    """Time all models, forwards first, and keep each round in `times` once it is complete.

    Args:
        models: generated detectors or segmentation models, by name.
        tick: is called whenever a model has had its turn, the one that warms it up included.

    Returns:
        What models refuse, such as images that are too small; the others are timed.
    """
    torch.manual_seed(SEED)
    images = torch.randn(setting.batch, 3, *setting.image_size)
    images = images.contiguous(memory_format=torch.channels_last)
    parts = {name: _part(model, images, setting.part) for name, model in models.items()}
    forwards = {name: _forward(part.eval(), given) for name, (part, given) in parts.items()}
    faults = _in_turns(forwards, setting.rounds, times.forward, tick)
    steps = {
        name: _step(part.train(), given)
        for name, (part, given) in parts.items()
        if name in times.forward
    }
    return faults + _in_turns(steps, setting.rounds, times.training_step, tick)


def _part(model: nn.Module, images: Tensor, part: Part) -> tuple[nn.Module, object]:
    """What is timed of a model, and its input."""
    model = model.to(memory_format=torch.channels_last)
    if part == "detector":
        return model, images
    backbone, network = model.get_submodule("backbone"), model.get_submodule("network")
    with torch.no_grad():
        features: Sequence[Tensor] = backbone.eval()(images)
    return copy.deepcopy(network), [feature.detach() for feature in features]


def _forward(module: nn.Module, given: object) -> Callable[[], object]:
    def run() -> object:
        with torch.inference_mode():
            return module(_fresh(given))

    return run


def _step(module: nn.Module, given: object) -> Callable[[], object]:
    """Forward, backward and an update that changes nothing, so that no round differs."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.0)

    def run() -> object:
        optimizer.zero_grad(set_to_none=True)
        loss = sum(
            (tensor.square().mean() for tensor in _tensors(module(_fresh(given)))),
            start=torch.zeros(()),
        )
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss

    return run


def _fresh(given: object) -> object:
    """The input; a list is the module's to change."""
    return [*given] if isinstance(given, list) else given


def _tensors(outputs: object) -> Iterator[Tensor]:
    if isinstance(outputs, Tensor):
        yield outputs
    elif isinstance(outputs, list | tuple):
        for each in outputs:
            yield from _tensors(each)


def _in_turns(
    actions: Mapping[str, Callable[[], object]],
    count: int,
    found: dict[str, list[float]],
    tick: Callable[[], object],
) -> list[str]:
    """Time what runs; returns what does not."""
    running, faults = {}, []
    for name, action in actions.items():
        try:
            action()  # the first call allocates
        except (ValueError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0]
            faults.append(f"{name} cannot be timed: {reason}")
        else:
            running[name] = action
        tick()
    measures = {name: _ticking(each, tick) for name, each in warm_measures(running).items()}
    budget = Budget(rounds=count, seconds=float("inf"), least=1)
    for turn in rounds(measures, budget):
        for name, seconds in turn.items():
            found.setdefault(name, []).append(seconds)
    return faults


def _ticking(measure: Callable[[], float], tick: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        seconds = measure()
        tick()
        return seconds

    return run
