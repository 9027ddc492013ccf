"""From maps to boxes: scores, the best of them, decoding and non-maximum suppression."""

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from effdet import DetBenchPredict
from torch import Tensor, nn
from torchvision.ops import box_iou

from benchmarks.speed.contest import Variant, contest
from benchmarks.speed.pairs import Pair, channels_last, fused, inference, laid_out, pair_for
from benchmarks.speed.results import Row, Setting, Table
from fpncompiler.timing import Budget

OBJECTS, ANCHORS_OF_OBJECT = 20, 10
UNSATURATED = 0.3
Maps = tuple[list[Tensor], list[Tensor]]


class Ready(nn.Module):
    """A network that returns maps which were made before."""

    def __init__(self, maps: Maps, config: object) -> None:
        super().__init__()
        self.maps = maps
        self.config = config

    def forward(self, images: Tensor) -> Maps:
        """The maps, whatever the images."""
        return list(self.maps[0]), list(self.maps[1])


def run(setting: Setting, budget: Budget) -> list[Table]:
    """Two kinds of scores, and how much of a whole detection each takes."""
    pair = pair_for(setting)
    with torch.no_grad():
        class_maps, box_maps = pair.peer(pair.images)
    # Logits so large that their sigmoid is 1 would be in no order.
    random_maps = ([UNSATURATED * m for m in class_maps], box_maps)
    kinds = {
        "Random scores": random_maps,
        "Trained-like scores": trained_like(pair, random_maps),
    }
    forwards = forward_seconds(pair, setting, budget)
    return [_table(title, pair, maps, forwards, setting, budget) for title, maps in kinds.items()]


def _table(
    title: str,
    pair: Pair,
    maps: Maps,
    forwards: dict[str, float],
    setting: Setting,
    budget: Budget,
) -> Table:
    plain = ([m.contiguous() for m in maps[0]], [m.contiguous() for m in maps[1]])
    last = ([laid_out(m) for m in maps[0]], [laid_out(m) for m in maps[1]])
    variants = [
        Variant("effdet", "effdet", theirs(pair, plain), tracked=True),
        Variant("effdet, channels_last maps", "effdet", theirs(pair, last), tracked=True),
        Variant("fpnc, contiguous maps", "ours", own(pair, plain), tracked=True),
        Variant("fpnc, channels_last maps", "ours", own(pair, last), tracked=True),
    ]
    table = contest(title, setting.sized(), variants, budget)
    return replace(table, rows=[with_share(row, forwards) for row in table.rows])


def with_share(row: Row, forwards: dict[str, float]) -> Row:
    """A row with the part of forward and postprocessing that is postprocessing."""
    if row.seconds is None or row.side not in forwards:
        return row
    share = row.seconds.median / (row.seconds.median + forwards[row.side])
    return replace(row, figures={**row.figures, "share of a detection": f"{share:.0%}"})


def forward_seconds(pair: Pair, setting: Setting, budget: Budget) -> dict[str, float]:
    """How long each side's network takes before: effdet eager, ours in its fastest form."""
    last = laid_out(pair.images)
    variants = [
        Variant("effdet", "effdet", inference(pair.peer, pair.images)),
        Variant("noise", "effdet", inference(channels_last(pair.peer), last), measures_noise=True),
        Variant("fpnc", "ours", inference(fused(pair.ours), last)),
    ]
    table = contest("Forward", setting, variants, Budget(budget.rounds, budget.seconds / 2, 2))
    return {
        row.side: row.seconds.median
        for row in table.rows
        if row.seconds is not None and row.name != "noise"
    }


def theirs(pair: Pair, maps: Maps) -> Callable[[], object]:
    """Effdet's detections as tensors that compare with ours: boxes, scores, labels from 0."""
    bench = DetBenchPredict(pair.peer).eval()
    bench.model = Ready(maps, pair.peer.config)
    side = pair.images.shape[-1]
    about = {"img_scale": torch.ones(1), "img_size": torch.tensor([[side, side]]).float()}
    detect = inference(bench, pair.images, about)

    def call() -> object:
        found = detect()
        assert isinstance(found, Tensor)
        return found[0, :, :4], found[0, :, 4], found[0, :, 5] - 1

    return call


def own(pair: Pair, maps: Maps) -> Callable[[], object]:
    """The generated model's detections, its network replaced."""
    model = copy.copy(pair.ours)
    model.forward = Ready(maps, None).forward
    detect = inference(model.detect, pair.images)

    def call() -> object:
        found = detect()
        assert isinstance(found, list)
        return found[0]["boxes"], found[0]["scores"], found[0]["labels"].float()

    return call


def trained_like(pair: Pair, maps: Maps) -> Maps:
    """Maps of the same sizes with a few objects: high logits near them, low ones elsewhere."""
    classes = pair.ours.num_classes
    anchors = DetBenchPredict(pair.peer).anchors.boxes[:, [1, 0, 3, 2]]  # to x0, y0, x1, y1
    draw = torch.Generator().manual_seed(3)
    logits = torch.randn(len(anchors), classes, generator=draw) - 7
    deltas = 0.2 * torch.randn(len(anchors), 4, generator=draw)
    side = pair.images.shape[-1]
    size = side * (0.05 + 0.45 * torch.rand(OBJECTS, 2, generator=draw))
    corner = torch.rand(OBJECTS, 2, generator=draw) * (side - size)
    objects = torch.cat([corner, corner + size], dim=1)
    nearest = box_iou(objects, anchors).topk(ANCHORS_OF_OBJECT, dim=1).indices
    for box, rows in zip(objects, nearest, strict=True):
        label = torch.randint(classes, (1,), generator=draw).item()
        logits[rows, label] = 1 + 1.5 * torch.randn(len(rows), generator=draw)
        deltas[rows] = encode(box, anchors[rows]) + 0.05 * torch.randn(len(rows), 4, generator=draw)
    return as_maps(logits, maps[0]), as_maps(deltas, maps[1])


def encode(box: Tensor, anchors: Tensor) -> Tensor:
    """Deltas (ty, tx, th, tw) that move anchors [N, 4] (x0, y0, x1, y1) to a box [4]."""
    sides = anchors[:, 2:] - anchors[:, :2]
    move = ((box[:2] + box[2:]) - (anchors[:, :2] + anchors[:, 2:])) / 2 / sides
    grow = ((box[2:] - box[:2]) / sides).log()
    return torch.stack([move[:, 1], move[:, 0], grow[:, 1], grow[:, 0]], dim=1)


def as_maps(flat: Tensor, like: list[Tensor]) -> list[Tensor]:
    """[N, K] in the order of the anchors -> maps [1, A * K, H, W] of the sizes of others."""
    maps, start = [], 0
    for model in like:
        _, channels, height, width = model.shape
        count = height * width * channels // flat.shape[1]
        level = flat[start : start + count].reshape(1, height, width, channels)
        maps.append(level.permute(0, 3, 1, 2))
        start += count
    assert start == len(flat)
    return maps
