"""Training steps of the detector, and of the feature network alone, with their memory."""

import copy
from collections.abc import Callable

import torch
from effdet.loss import DetectionLoss
from torch import Tensor, nn

from benchmarks.speed.contest import Variant, contest
from benchmarks.speed.pairs import Pair, batch_of, channels_last, features_of, laid_out, pair_for
from benchmarks.speed.results import Setting, Table
from fpncompiler.detection.weights import rename_keys
from fpncompiler.timing import Budget
from tests.references.effdet_peer import our_keys

BATCH, QUICK_BATCH = 4, 1
RATE = 1e-9  # so that weights stay what they are, whichever variant steps more often
SMALLEST = 1e-3


def run(setting: Setting, budget: Budget) -> list[Table]:
    """A whole step, and the network's forward and backward pass."""
    pair = pair_for(setting)
    return [
        _step_table(pair, setting, budget),
        _network_table(pair, setting, Budget(budget.rounds, budget.seconds / 2, budget.least)),
    ]


def _step_table(pair: Pair, setting: Setting, budget: Budget) -> Table:
    images = batch_of(pair, QUICK_BATCH if setting.quick else BATCH)
    last = laid_out(images)
    loss = detection_loss(pair, len(images))
    keys = our_keys(pair.peer, pair.generated)
    rows: list[tuple[str, nn.Module, Tensor, bool]] = [
        ("effdet", copy.deepcopy(pair.peer), images, False),
        ("effdet, channels_last", channels_last(pair.peer), last, False),
        ("fpnc, contiguous", copy.deepcopy(pair.ours), images, False),
        ("fpnc, channels_last", channels_last(pair.ours), last, False),
        ("fpnc, channels_last, checkpoints in the network", channels_last(pair.ours), last, True),
    ]
    variants = []
    for name, model, given, checkpoint in rows:
        ours = name.startswith("fpnc")
        if checkpoint:
            model.network.checkpoint = True
        step = training_step(model, given, loss, {} if ours else keys)
        variants.append(
            Variant(
                name,
                "ours" if ours else "effdet",
                step,
                measures_noise=name == "effdet, channels_last",
                tracked=True,
            )
        )
    notes = [
        "`difference` is that of the gradients of all weights, as a share of a weight's largest; "
        "live MB include gradients."
    ]
    return contest("Training step", setting.sized(len(images)), variants, budget, notes)


def training_step(
    model: nn.Module, images: Tensor, loss: Callable[..., Tensor], renamed: dict[str, str]
) -> Callable[[], object]:
    """A call that does one step and gives the gradients, in the order of our weights' names."""
    model.train().requires_grad_(True)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)

    def step() -> object:
        torch.manual_seed(4)  # the backbone drops paths
        optimizer.zero_grad(set_to_none=True)
        loss(*model(images)).backward()
        optimizer.step()
        return gradients(model, renamed)

    return step


def gradients(model: nn.Module, renamed: dict[str, str]) -> list[Tensor]:
    """All gradients in the order of our names, each with a value of SMALLEST of the largest of all.

    For a convolution's bias before a batch norm has gradient 0, and all that it shows is rounding.
    """
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    if renamed:
        found = rename_keys(found, renamed)
    overall = max(grad.abs().max().item() for grad in found.values())
    return [with_least(found[name], SMALLEST * overall) for name in sorted(found)]


def with_least(grad: Tensor, least: float) -> Tensor:
    """[n + 1]: the gradient and one more value, so that the largest is no smaller than that."""
    return torch.cat([grad.flatten(), grad.new_tensor([least])])


def detection_loss(pair: Pair, batch: int) -> Callable[..., Tensor]:
    """Effdet's loss with fixed targets: one anchor in two hundred is an object."""
    criterion = DetectionLoss(pair.peer.config)
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        _, box_maps = pair.peer(pair.images)
    classes, boxes = [], []
    for box_map in box_maps:
        _, channels, height, width = box_map.shape
        shape = (batch, height, width, channels // 4)
        positive = torch.rand(shape, generator=draw) < 0.005
        label = torch.randint(pair.ours.num_classes, shape, generator=draw)
        classes.append(torch.where(positive, label, -1))
        target = torch.randn(batch, height, width, channels, generator=draw)
        boxes.append(target * positive.repeat_interleave(4, dim=-1))
    count = torch.stack([(c >= 0).sum() for c in classes]).sum().float().expand(batch) / batch

    def loss(class_outputs: list[Tensor], box_outputs: list[Tensor]) -> Tensor:
        total: Tensor = criterion(class_outputs, box_outputs, classes, boxes, count)[0]
        return total

    return loss


def _network_table(pair: Pair, setting: Setting, budget: Budget) -> Table:
    features = features_of(pair)
    last = [laid_out(feature) for feature in features]
    keys = our_keys(pair.peer, pair.generated)
    of_network = {
        theirs.removeprefix("fpn."): ours.removeprefix("network.")
        for theirs, ours in keys.items()
        if theirs.startswith("fpn.")
    }
    rows: list[tuple[str, nn.Module, list[Tensor], bool]] = [
        ("effdet", copy.deepcopy(pair.peer.fpn), features, False),
        ("effdet, channels_last", channels_last(pair.peer.fpn), last, False),
        ("fpnc, channels_last", channels_last(pair.ours.network), last, False),
        ("fpnc, channels_last, checkpoints", channels_last(pair.ours.network), last, True),
    ]
    variants = []
    for name, network, given, checkpoint in rows:
        ours = name.startswith("fpnc")
        if checkpoint:
            network.checkpoint = True
        call = forward_backward(network, given, {} if ours else of_network)
        variants.append(
            Variant(
                name,
                "ours" if ours else "effdet",
                call,
                measures_noise=name == "effdet, channels_last",
                tracked=True,
            )
        )
    return contest("Feature network, forward and backward", setting.sized(), variants, budget)


def forward_backward(
    network: nn.Module, features: list[Tensor], renamed: dict[str, str]
) -> Callable[[], object]:
    """A call that gives the gradients of the weights; features need theirs too."""
    network.train().requires_grad_(True)
    given = [feature.clone().requires_grad_(True) for feature in features]

    def call() -> object:
        for tensor in (*network.parameters(), *given):
            tensor.grad = None
        sum(m.square().mean() for m in network(list(given))).backward()
        return gradients(network, renamed)

    return call
