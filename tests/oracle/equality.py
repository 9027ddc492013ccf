"""What a generated network does, and what its graphs mean, side by side."""

import sys
from dataclasses import dataclass
from math import prod, sqrt
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.live_memory import live_tensors
from fpncompiler import load_model
from fpncompiler.analysis.cost import network_cost
from fpncompiler.analysis.limits import size_limits
from fpncompiler.analysis.memory import network_memory
from fpncompiler.analysis.sizes import sizes
from fpncompiler.ir.network import Network
from fpncompiler.pipeline import Compiled
from tests.oracle.interpreter import interpret, run
from tests.oracle.operations import State

BATCH = 2


@dataclass
class Outcome:
    """What came out of a network, and what went back into it."""

    outputs: list[Tensor]
    gradients: dict[str, Tensor | None]
    statistics: dict[str, Tensor]


def generated_module(text: str, **options) -> ModuleType:
    """The module that a spec becomes."""
    return sys.modules[load_model(text, **options).__module__]


def image_sizes(network: Network) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first one odd where the network takes any size."""
    limits = size_limits(network, 1)
    step = limits.multiple
    smallest = -(-max(limits.smallest, 40) // step) * step
    if step > 1:
        return (smallest + step, smallest), (smallest, smallest)
    return (smallest + 3, smallest + 22), (smallest + 24, smallest)


def features_of(
    network: Network, size: tuple[int, int], random: torch.Generator | None
) -> list[Tensor]:
    """Maps as a backbone gives them, normally distributed."""
    return [
        torch.randn(BATCH, width, *(-(-side // 2**level) for side in size), generator=random)
        for level, width in sorted(network.taps.items())
    ]


def assert_memory(compiled: Compiled, module: ModuleType) -> None:
    """The peak of a forward pass is the static one, on maps so large that weights do not count."""
    network = compiled.network
    size = tuple(8 * side for side in image_sizes(network)[1])
    with torch.device("meta"), torch.inference_mode():
        modules = module.FeatureNetwork().eval()
        features = [maps[:1] for maps in features_of(network, size, None)]
        peak = live_tensors(lambda: modules(list(features))).peak
    static = network_memory(network, size, compiled.model.resolution).peak
    assert abs(static - peak) <= 0.02 * peak, f"peak {peak}, static {static}"


def draw_weights(module: nn.Module, random: torch.Generator) -> None:
    """Weights that keep maps of about the same size, none of them zero or one."""
    with torch.no_grad():
        for part in module.modules():
            convolves = isinstance(part, nn.Conv2d | nn.ConvTranspose2d)
            for name, parameter in part.named_parameters(recurse=False):
                if convolves and name == "weight":
                    parameter.normal_(generator=random).div_(sqrt(prod(parameter.shape[1:])))
                else:
                    parameter.uniform_(-0.5, 1.5, generator=random)
            for name, buffer in part.named_buffers(recurse=False):
                if name == "running_mean":
                    buffer.normal_(generator=random)
                elif name == "running_var":
                    buffer.uniform_(0.5, 2, generator=random)


def outcome_of_module(
    module: nn.Module, features: list[Tensor], cotangents: torch.Generator
) -> Outcome:
    """Forwards and backwards through generated code."""
    leaves = [feature.clone().requires_grad_() for feature in features]
    module.zero_grad()
    outputs = module(leaves)
    send_back(outputs, cotangents)
    gradients = {name: p.grad for name, p in module.named_parameters()}
    gradients |= {f"input {i}": leaf.grad for i, leaf in enumerate(leaves)}
    return Outcome(outputs, gradients, dict(module.named_buffers()))


def outcome_of_meaning(
    network: Network, module: nn.Module, features: list[Tensor], cotangents: torch.Generator
) -> Outcome:
    """Forwards and backwards through the interpreter, with copies of a module's weights."""
    leaves = [feature.clone().requires_grad_() for feature in features]
    parameters = {
        name: p.detach().clone().requires_grad_() for name, p in module.named_parameters()
    }
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    state = State({**parameters, **buffers}, module.training)
    outputs = interpret(network, state, leaves)
    assert state.read == set(state.tensors), set(state.tensors) - state.read
    send_back(outputs, cotangents)
    gradients = {name: p.grad for name, p in parameters.items()}
    gradients |= {f"input {i}": leaf.grad for i, leaf in enumerate(leaves)}
    return Outcome(outputs, gradients, buffers)


def send_back(outputs: list[Tensor], cotangents: torch.Generator) -> None:
    torch.autograd.backward(
        outputs, [torch.randn(output.shape, generator=cotangents) for output in outputs]
    )


def differences(left: Outcome, right: Outcome) -> list[str]:
    """The names of what is not equal bit for bit, and of what is not finite."""
    pairs = {
        f"output {i}": pair for i, pair in enumerate(zip(left.outputs, right.outputs, strict=True))
    }
    for mine, other in ((left.gradients, right.gradients), (left.statistics, right.statistics)):
        assert mine.keys() == other.keys()
        pairs |= {name: (mine[name], other[name]) for name in mine}
    return [f"{name}: {fault}" for name, pair in pairs.items() if (fault := difference(*pair))]


def difference(left: Tensor | None, right: Tensor | None) -> str:
    if left is None or right is None:
        return "" if left is right else "one of them is None"
    if left.shape != right.shape:
        return f"{tuple(left.shape)} is not {tuple(right.shape)}"
    if not left.isfinite().all():
        return "not finite"
    return "" if torch.equal(left, right) else f"differs by {(left - right).abs().max():g}"


def assert_equal(compiled: Compiled, module: ModuleType) -> None:
    """A generated network does what its graphs say, in training and after it, at two sizes."""
    random = torch.Generator().manual_seed(0)
    network: nn.Module = module.FeatureNetwork()
    draw_weights(network, random)
    for size, training in zip(image_sizes(compiled.network), (True, False), strict=True):
        network.train(training)
        features = features_of(compiled.network, size, random)
        meaning = outcome_of_meaning(
            compiled.network, network, features, torch.Generator().manual_seed(1)
        )
        outcome = outcome_of_module(network, features, torch.Generator().manual_seed(1))
        found = differences(outcome, meaning)
        assert not found, f"{size}, training {training}: {found[:8]}"


def assert_costs(compiled: Compiled, module: ModuleType) -> None:
    """A generated network has the parameters, and at any size the maps and MACs, that were said."""
    network: nn.Module = module.FeatureNetwork().eval()
    assert compiled.cost.network.parameters == sum(p.numel() for p in network.parameters())
    size, _ = image_sizes(compiled.network)
    features = features_of(compiled.network, size, torch.Generator().manual_seed(2))
    state = State({**dict(network.named_parameters()), **dict(network.named_buffers())}, False)
    with torch.no_grad():
        for graph, maps in run(compiled.network, state, features):
            found = {node: tuple(x.shape[2:]) for node, x in maps.items()}
            assert found == sizes(graph, size).nodes
        macs = network_cost(compiled.network, size).macs or 0
        assert macs_counted(network, features) == BATCH * macs


def macs_counted(module: nn.Module, inputs: list[Tensor] | Tensor) -> int:
    """The multiply-accumulates of a forward pass, as PyTorch counts them."""
    with FlopCounterMode(display=False) as counter:
        module(inputs)
    return int(counter.get_total_flops()) // 2
