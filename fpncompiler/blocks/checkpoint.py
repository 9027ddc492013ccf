import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Recomputation:
    """A layer's two runs under checkpointing: forward, and again when gradients are computed.

    The second run leaves buffers as they are, or batch norms would count each batch twice.
    """

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.has_run = False

    def run(self, *inputs: list[Tensor]) -> list[Tensor]:
        """What the layer gives."""
        if not self.has_run:
            self.has_run = True
            maps: list[Tensor] = self.layer(*inputs)
            return maps
        before = [buffer.clone() for buffer in self.layer.buffers()]
        try:  # for PyTorch ends the second run by an exception, once it has what it needs
            again: list[Tensor] = self.layer(*inputs)
        finally:
            for buffer, value in zip(self.layer.buffers(), before, strict=True):
                buffer.data.copy_(value)
        return again


def run_layer(layer: nn.Module, recompute: bool, *inputs: list[Tensor]) -> list[Tensor]:
    """The maps of a layer; to `recompute` is to keep its inputs alone until the backward pass."""
    if not (recompute and torch.is_grad_enabled()):
        maps: list[Tensor] = layer(*inputs)
        return maps
    kept: list[Tensor] = checkpoint(Recomputation(layer).run, *inputs, use_reentrant=False)
    return kept
