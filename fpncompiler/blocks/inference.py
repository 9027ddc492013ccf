import copy

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fpncompiler.blocks.convolution import SeparableConv2d
from fpncompiler.blocks.fusion import FixedFusion, WeightedFusion
from fpncompiler.blocks.heads import SharedHead


class FoldableNorms:
    """Watches a forward pass for batch norms that read what a convolution made just before.

    `pairs` maps each such norm to its convolution. Norms and convolutions that run twice are left
    out, for they have no single partner.
    """

    def __init__(self) -> None:
        self.made: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # which keeps the tensors' ids unique
        self.pairs: dict[nn.BatchNorm2d, nn.Conv2d] = {}
        self.runs: dict[nn.Module, int] = {}

    def after_conv(self, conv: nn.Conv2d, inputs: tuple[Tensor], output: Tensor) -> None:
        """A hook that runs after a convolution."""
        self.runs[conv] = self.runs.get(conv, 0) + 1
        self.made[id(output)] = (conv, output)

    def before_norm(self, norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        """A hook that runs before a batch norm."""
        self.runs[norm] = self.runs.get(norm, 0) + 1
        if id(inputs[0]) in self.made:
            self.pairs[norm] = self.made[id(inputs[0])][0]

    def watch(self, model: nn.Module, images: Tensor) -> None:
        """Run a model once, with the hooks on its convolutions and batch norms."""
        handles = []
        for part in model.modules():
            if isinstance(part, nn.Conv2d):
                handles.append(part.register_forward_hook(self.after_conv))
            elif isinstance(part, nn.BatchNorm2d):
                handles.append(part.register_forward_pre_hook(self.before_norm))
        model(images)
        for handle in handles:
            handle.remove()


def fold_norms(model: nn.Module, images: Tensor) -> None:
    """Fold batch norms of a model in eval mode into the convolutions before them, in place.

    `images` are what the model takes. What stays of a norm is its activation, where timm has one.
    """
    found = FoldableNorms()
    found.watch(model, images)
    names = {part: name for name, part in model.named_modules()}
    for norm in found.pairs:
        conv = found.pairs[norm]
        if found.runs[norm] == found.runs[conv] == 1:
            model.set_submodule(names[conv], fuse_conv_bn_eval(conv, norm))
            rest = norm.act if isinstance(norm, BatchNormAct2d) else nn.Identity()
            assert isinstance(rest, nn.Module)
            model.set_submodule(names[norm], rest)


class HalvingConv2d(nn.Conv2d):
    """A convolution of stride 2 with TensorFlow's SAME padding, which copies no padded map.

    On sides that are even, SAME pads one cell more behind than in front. A kernel with a row and a
    column of zeros in front does the same with equal padding; on odd sides they are cut off.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        """`conv` is timm's, of stride 2, with an odd kernel."""
        super().__init__(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size[0] + 1,
            stride=2,
            padding=conv.kernel_size[0] // 2,
            groups=conv.groups,
            bias=conv.bias is not None,
        )
        self.weight = nn.Parameter(F.pad(conv.weight.detach(), [1, 0, 1, 0]))
        self.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, ceil(H / 2), ceil(W / 2)]."""
        kernel = self.weight[:, :, x.shape[-2] % 2 :, x.shape[-1] % 2 :]
        return F.conv2d(x, kernel, self.bias, self.stride, self.padding, groups=self.groups)


def replace_same_padding(model: nn.Module) -> None:
    """Put a HalvingConv2d in the place of each of timm's convolutions that pads at run time."""
    for name, part in [*model.named_modules()]:
        if isinstance(part, Conv2dSame) and part.stride == (2, 2):
            kernel = part.kernel_size
            if kernel[0] == kernel[1] and kernel[0] % 2 and part.dilation == (1, 1):
                model.set_submodule(name, HalvingConv2d(part))


class LevelHead(nn.Module):
    """A SharedHead for inference: no batch norms, but convolutions of its own for each level.

    `convs[repeat][level]` have the batch norm of that repeat and level folded in.
    """

    def __init__(self, convs: list[list[nn.Module]], act: nn.Module, predict: nn.Module) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.ModuleList(levels) for levels in convs)
        self.act = act
        self.predict = predict

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """[B, channels, H_l, W_l] of each level, finest first -> [B, outputs, H_l, W_l] of each."""
        return [self.forward_level(x, level) for level, x in enumerate(features)]

    def forward_level(self, x: Tensor, level: int) -> Tensor:
        """[B, channels, H, W] -> [B, outputs, H, W]; `level` counts from 0, the finest."""
        for convs in self.convs:
            assert isinstance(convs, nn.ModuleList)
            x = self.act(convs[level](x))
        y: Tensor = self.predict(x)
        return y


def fold_norm(conv: nn.Module, norm: nn.BatchNorm2d) -> nn.Module:
    """A copy of a convolution, separable or not, with a batch norm in eval mode folded in."""
    if isinstance(conv, nn.Conv2d):
        return fuse_conv_bn_eval(conv, norm)
    assert isinstance(conv, SeparableConv2d)
    folded = copy.deepcopy(conv)
    folded.set_submodule("pointwise", fuse_conv_bn_eval(conv.pointwise, norm))
    return folded


def unshare_levels(head: SharedHead) -> LevelHead:
    """A head in eval mode with its batch norms folded into copies of its convolutions."""
    convs = []
    for conv, norms in zip(head.convs, head.norms, strict=True):
        assert isinstance(norms, nn.ModuleList)
        convs.append([fold_norm(conv, norm) for norm in norms if isinstance(norm, nn.BatchNorm2d)])
    return LevelHead(convs, head.act, head.predict)


def fuse(model: nn.Module, side: int) -> None:
    """Turn a detector into its inference form, in place.

    Batch norms are folded into convolutions, the backbone's too, fusion weights are fixed, and
    weights are channels-last. To find out what follows what, the model runs on an image of noise,
    `side` x `side` pixels. Raises RuntimeError where the result is another model: that of a
    backbone which reads the inside of its convolutions in ways not foreseen here.
    """
    model.train(False).requires_grad_(False)
    weight = next(model.parameters())
    images = torch.rand(1, 3, side, side, device=weight.device, dtype=weight.dtype)
    before = flatten_outputs(model(images))
    for name, part in [*model.named_modules()]:
        if isinstance(part, SharedHead):
            model.set_submodule(name, unshare_levels(part))
        elif isinstance(part, WeightedFusion) and part.weight.shape[2:].numel() == 1:
            model.set_submodule(name, FixedFusion(part))
    fold_norms(model, images)
    replace_same_padding(model)
    model.requires_grad_(False).to(memory_format=torch.channels_last)
    rounding = 1e-3 if weight.dtype in (torch.float32, torch.float64) else 0.1
    for one, other in zip(before, flatten_outputs(model(images)), strict=True):
        if (one - other).abs().max() > rounding * one.abs().max():
            raise RuntimeError("this backbone cannot be folded: take another, or leave it as it is")


def flatten_outputs(outputs: Tensor | tuple[list[Tensor], list[Tensor]]) -> list[Tensor]:
    """All maps that a detector or a segmentation model gives."""
    if isinstance(outputs, Tensor):
        return [outputs]
    return [*outputs[0], *outputs[1]]


def fold_backbone(backbone: nn.Module, side: int) -> nn.Module:
    """Fold the batch norms of a backbone, in place; it runs on `side` x `side` pixels of noise."""
    backbone.train(False).requires_grad_(False)
    fold_norms(backbone, torch.rand(1, 3, side, side))
    replace_same_padding(backbone)
    return backbone.requires_grad_(False)


def load_folded(
    model: nn.Module,
    state: dict[str, Tensor],
    backbone: nn.Module,
    side: int,
    eps: tuple[tuple[str, float], ...],
) -> None:
    """Load a training form's state dict into an inference form.

    `backbone` is that of the training form, which is loaded and then folded; `eps` are those of the
    other batch norms, by the beginnings of their names. Raises RuntimeError where keys are missing
    or left over.
    """
    prefix = "backbone."
    backbone.load_state_dict(
        {key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}
    )
    weights = fold_backbone(backbone, side).state_dict(prefix=prefix)
    own = model.state_dict()
    rest = {key: state[key] for key in state if not key.startswith(prefix)}
    for name, part in model.named_modules():
        if isinstance(part, FixedFusion) and f"{name}.weight" in rest:
            part.take(rest.pop(f"{name}.weight"))
            weights[f"{name}.weights"] = part.weights
    model.load_state_dict({**weights, **fold_state(rest, own, eps)})


def fold_state(
    state: dict[str, Tensor], own: dict[str, Tensor], eps: tuple[tuple[str, float], ...]
) -> dict[str, Tensor]:
    """A state dict with the batch norms folded that are not among the keys of `own`.

    `x.norm` follows `x.conv`, and `norms.1.4`, of the second repeat and the fifth level,
    `convs.1`, which gets a copy for each level.
    """
    folded = dict(state)
    last = ".running_var"
    for norm in [k.removesuffix(last) for k in state if k.endswith(last) and k not in own]:
        place = conv = norm.replace("norm", "conv")
        if f"{conv}.weight" not in state and f"{conv}.pointwise.weight" not in state:
            conv = conv.rpartition(".")[0]
        kernel = "pointwise." if f"{conv}.pointwise.weight" in state else ""
        small = max((start for start, _ in eps if norm.startswith(start)), key=len)
        deviation = (state[f"{norm}.running_var"] + dict(eps)[small]).sqrt()
        scale = state[f"{norm}.weight"] / deviation
        shift = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
        parts = {key.removeprefix(conv): state[key] for key in state if key.startswith(f"{conv}.")}
        bias = parts.get(f".{kernel}bias", torch.zeros_like(shift))
        parts[f".{kernel}weight"] = parts[f".{kernel}weight"] * scale.view(-1, 1, 1, 1)
        parts[f".{kernel}bias"] = bias * scale + shift
        if f"{place}.{kernel}weight" not in own:  # nothing is left there but the convolution
            place = place.removesuffix(".conv")
        for key in [key for key in state if key.startswith((f"{norm}.", f"{conv}."))]:
            folded.pop(key, None)
        for key in parts:
            folded[place + key] = parts[key]
    return folded
