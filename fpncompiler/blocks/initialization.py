import math

from torch import nn

from fpncompiler.blocks.heads import SharedHead


def prior_bias(probability: float) -> float:
    """The bias at which a sigmoid predicts `probability`, in (0, 1) (RetinaNet, section 4.1)."""
    return -math.log((1 - probability) / probability)


def reset_norm(norm: nn.BatchNorm2d) -> None:
    """Let a batch norm start as the identity on normalized maps."""
    nn.init.ones_(norm.weight)
    nn.init.zeros_(norm.bias)


def init_network(module: nn.Module) -> None:
    """Draw every convolution from Glorot's uniform distribution, with biases 0, as effdet does.

    Fusion weights keep the ones that they are built with.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            kernel = math.prod(part.kernel_size)
            fan_in = part.in_channels // part.groups * kernel
            fan_out = part.out_channels * kernel // part.groups
            limit = math.sqrt(3 / max(1, (fan_in + fan_out) / 2))
            nn.init.uniform_(part.weight, -limit, limit)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            reset_norm(part)


def init_head(head: SharedHead, prediction_bias: float = 0.0) -> None:
    """Draw a head's convolutions from normal distributions, as effdet does.

    The parts of separable convolutions have variance 1 / fan_in, full ones a standard deviation of
    0.01. Biases are 0, except those of `head.predict`.
    """
    for part in head.modules():
        if isinstance(part, nn.Conv2d):
            fan_in = part.in_channels // part.groups * math.prod(part.kernel_size)
            separable = part.groups > 1 or part.kernel_size == (1, 1)
            nn.init.normal_(part.weight, std=math.sqrt(1 / fan_in) if separable else 0.01)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            reset_norm(part)
    for part in head.predict.modules():
        if isinstance(part, nn.Conv2d) and part.bias is not None:
            nn.init.constant_(part.bias, prediction_bias)
