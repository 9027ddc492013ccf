"""torch's own modules: their arguments, and the weights that they hold."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from fpncompiler.reading.values import Instance, NotUnderstoodError, Shape, Tensor, Value

Given = Mapping[str, Value]

CONTAINERS = ("nn.Sequential", "nn.ModuleList")
ACTIVATIONS = {
    "nn.ELU": "alpha=1.0, inplace=False",
    "nn.GELU": "approximate='none'",
    "nn.Hardsigmoid": "inplace=False",
    "nn.Hardswish": "inplace=False",
    "nn.Identity": "",
    "nn.LeakyReLU": "negative_slope=0.01, inplace=False",
    "nn.Mish": "inplace=False",
    "nn.ReLU": "inplace=False",
    "nn.ReLU6": "inplace=False",
    "nn.SiLU": "inplace=False",
    "nn.Sigmoid": "",
    "nn.Tanh": "",
}
_CONVOLUTION = "in_channels, out_channels, kernel_size, stride=1, padding=0"
_POOL = "kernel_size, stride=None, padding=0"
_SIGNATURES = {
    **ACTIVATIONS,
    "nn.AvgPool2d": f"{_POOL}, ceil_mode=False, count_include_pad=True, divisor_override=None",
    "nn.BatchNorm2d": "num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True",
    "nn.Conv2d": f"{_CONVOLUTION}, dilation=1, groups=1, bias=True, padding_mode='zeros'",
    "nn.ConvTranspose2d": f"{_CONVOLUTION}, output_padding=0, groups=1, bias=True, dilation=1",
    "nn.Dropout": "p=0.5, inplace=False",
    "nn.GroupNorm": "num_groups, num_channels, eps=1e-5, affine=True",
    "nn.Linear": "in_features, out_features, bias=True",
    "nn.MaxPool2d": f"{_POOL}, dilation=1, return_indices=False, ceil_mode=False",
    "nn.PixelShuffle": "upscale_factor",
}
# Arguments that change no output of a trained model, and those that its weights' shapes tell.
_UNIMPORTANT = frozenset(
    "affine bias in_channels in_features inplace num_channels num_features out_channels "
    "out_features track_running_stats".split()
)
# Arguments that matter as long as a model is trained.
_OF_TRAINING = {"nn.BatchNorm2d": ("momentum",), "nn.Dropout": ("p",)}


@dataclass(frozen=True, slots=True)
class TorchModule:
    """A module of torch's: its parameters, and its weights by its arguments."""

    arguments: ast.arguments
    weights: Callable[[Given], dict[str, Tensor]]


@cache
def torch_module(name: str) -> TorchModule | None:
    """What is known of `nn.Conv2d` and the like; None of those that are not known."""
    if name not in _SIGNATURES:
        return None
    function = ast.parse(f"def f({_SIGNATURES[name]}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return TorchModule(function.args, _WEIGHTS.get(name, _none))


def fill(instance: Instance, name: str, given: Given) -> None:
    """Let a module be one of torch's, with its weights."""
    module = torch_module(name)
    assert module is not None
    instance.torch_kind = name
    instance.settings.update(given)
    instance.weights.update(module.weights(given))


def is_important(kind: str, argument: str) -> bool:
    """Whether an argument of a module of torch's changes what it computes with given weights."""
    is_shape = argument == "kernel_size" and kind in _WEIGHTS
    return not (is_shape or argument in _UNIMPORTANT or is_of_training(kind, argument))


def is_of_training(kind: str, argument: str) -> bool:
    """Whether an argument of a module of torch's matters only as long as it is trained."""
    return argument in _OF_TRAINING.get(kind, ())


def _none(given: Given) -> dict[str, Tensor]:
    return {}


def _convolution(given: Given) -> dict[str, Tensor]:
    inner, outer, groups = (_count(given[k]) for k in ("in_channels", "out_channels", "groups"))
    if inner % groups or outer % groups:
        raise NotUnderstoodError(
            f"a convolution of {groups} groups from {inner} to {outer} channels"
        )
    shape = (outer, inner // groups, *_pair(given["kernel_size"]))
    return _weight_and_bias(shape, outer, given)


def _transposed(given: Given) -> dict[str, Tensor]:
    inner, outer, groups = (_count(given[k]) for k in ("in_channels", "out_channels", "groups"))
    shape = (inner, outer // groups, *_pair(given["kernel_size"]))
    return _weight_and_bias(shape, outer, given)


def _linear(given: Given) -> dict[str, Tensor]:
    outer = _count(given["out_features"])
    return _weight_and_bias((outer, _count(given["in_features"])), outer, given)


def _group_norm(given: Given) -> dict[str, Tensor]:
    count = _count(given["num_channels"])
    return _parameters({"weight": (count,), "bias": (count,)}) if given["affine"] else {}


def _batch_norm(given: Given) -> dict[str, Tensor]:
    count = _count(given["num_features"])
    found = _parameters({"weight": (count,), "bias": (count,)}) if given["affine"] else {}
    if given["track_running_stats"]:
        found |= {"running_mean": Tensor((count,)), "running_var": Tensor((count,))}
        found["num_batches_tracked"] = Tensor(())
    return found


def _weight_and_bias(shape: Shape, width: int, given: Given) -> dict[str, Tensor]:
    return _parameters({"weight": shape} | ({"bias": (width,)} if given["bias"] else {}))


def _parameters(shapes: dict[str, Shape]) -> dict[str, Tensor]:
    return {name: Tensor(shape, is_parameter=True) for name, shape in shapes.items()}


def _pair(value: Value) -> tuple[int, int]:
    if isinstance(value, tuple) and len(value) == 2:
        return _count(value[0]), _count(value[1])
    return _count(value), _count(value)


def _count(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise NotUnderstoodError("a module of torch whose sizes are no numbers from 1 up")
    return value


_WEIGHTS: dict[str, Callable[[Given], dict[str, Tensor]]] = {
    "nn.BatchNorm2d": _batch_norm,
    "nn.Conv2d": _convolution,
    "nn.ConvTranspose2d": _transposed,
    "nn.GroupNorm": _group_norm,
    "nn.Linear": _linear,
}
