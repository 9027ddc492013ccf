"""Pairs of specs that differ by one mutation, drawn from a seed."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from fpncompiler import compile_spec
from fpncompiler.diagnostics import SpecError
from fpncompiler.pipeline import Compiled
from tests.helpers import ROOT

BASES = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
# Specs whose nodes are plain lists of references.
WITH_NODES = ("fpn", "panet", "repeated_fpn", "fully_connected", "fpn_lin2017", "pafpn_mmdet")
RENAMED = {"td": "mid", "out": "last", "lateral": "side", "first": "one", "second": "two"}
FUSIONS = (
    "sum",
    "max",
    "mean",
    "concat",
    "weighted",
    "softmax",
    "fast_normalized",
    {"kind": "fast_normalized", "eps": 0.05},
    {"kind": "softmax", "granularity": "channel"},
    "spatial_softmax",
)
OPS = (
    {"conv": "separable", "kernel": 3, "order": ["act", "conv", "norm"]},
    {"conv": "separable", "kernel": 3, "order": ["conv", "norm", "act"]},
    {"conv": "separable", "kernel": 5, "order": ["act", "conv", "norm"]},
    {"conv": "full", "kernel": 3, "order": ["conv", "norm", "act"]},
    {"conv": "full", "kernel": 3, "order": ["act", "conv", "norm"]},
    {"conv": "full", "kernel": 3, "order": ["conv", "act"]},
    {"conv": "depthwise", "kernel": 3, "order": ["act", "conv", "norm"]},
    "conv1x1",
    "none",
)
ACTIVATIONS = ("silu", "relu", "relu6", "leaky_relu", "hard_swish", "mish", "gelu", "sigmoid")
ROWS = (
    {"heads": {"depth": 2}},
    {"heads": {"classes": 7}},
    {"heads": {"prior": 0.1}},
    {"heads": {"activation": "relu"}},
    {"heads": {"separable": False}},
    {"heads": {"width": 32}},
    {"anchors": {"octaves": 2}},
    {"anchors": {"scale": 3}},
    {"anchors": {"aspect_ratios": [[1.0, 1.0], [1.4, 0.7], [0.6, 1.4]]}},
    {"image": {"mean": [0.5, 0.5, 0.5]}},
    {"image": {"std": [0.5, 0.5, 0.5]}},
    {"backbone": {"drop_path_rate": 0.1}},
    {"backbone": {"name": "resnet18"}},
    {"resolution": 640},
)


@dataclass(frozen=True)
class Side:
    """One of two versions: a spec's text, the model's rows beside it, options."""

    text: str
    row: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)

    def compile(self, folder: Path) -> Compiled:
        (folder / "models").mkdir(parents=True, exist_ok=True)
        (folder / "mine.yaml").write_text(self.text)
        model = {
            "fpnc": 1,
            "model": "lab",
            "extends": "efficientdet",
            "title": "Lab",
            "phi": "0..7",
        }
        (folder / "models/lab.yaml").write_text(yaml.safe_dump(model | self.row))
        return compile_spec(folder / "mine.yaml", **({"phi": 0} | self.options))


@dataclass(frozen=True)
class SpecPair:
    """Two versions, and what was drawn."""

    kind: str
    base: str
    old: Side
    new: Side


def child(base: str, **settings: object) -> str:
    """A spec that extends another by some settings."""
    head = {"fpnc": 1, "name": "mine", "extends": base}
    return yaml.safe_dump({**head, **settings}, sort_keys=False)


def of_setting(key: str, values: tuple) -> Callable[[random.Random], SpecPair]:
    """Two values of a setting, one of them perhaps the spec's own."""

    def draw(rng: random.Random) -> SpecPair:
        base = rng.choice(BASES)
        chosen = [{key: each} for each in rng.sample(values, 2)]
        if rng.random() < 0.5:
            chosen[0] = {}
        old, new = (Side(child(base, **each)) for each in chosen)
        return SpecPair(key, base, old, new)

    return draw


def of_passes(rng: random.Random) -> SpecPair:
    base = rng.choice(("panet", "fpn", "repeated_fpn", "fully_connected"))
    both = ["prune_single_input", "add_same_level_skip"]
    lists = [[], both[:1], both[1:], both]
    old, new = (Side(child(base, passes=each)) for each in rng.sample(lists, 2))
    return SpecPair("passes", base, old, new)


def of_options(rng: random.Random) -> SpecPair:
    base = rng.choice(BASES)
    options = (
        {"phi": 1},
        {"num_classes": 5},
        {"inference": True},
        {"pretrained_backbone": True},
        {"backbone": "resnet18"},
        {"levels": (3, 6)},
        {"levels": (3, 5)},
    )
    return SpecPair("options", base, Side(child(base)), Side(child(base), {}, rng.choice(options)))


def of_rows(rng: random.Random) -> SpecPair:
    base = rng.choice(("bifpn", "fpn", "panet", "nas_fpn", "yolov8_pan", "fpn_retinanet"))
    old, new = (Side(child(base, model="lab"), row) for row in ({}, rng.choice(ROWS)))
    return SpecPair("row", base, old, new)


def of_names(rng: random.Random) -> SpecPair:
    """Families renamed, and perhaps a setting changed beside."""
    base = rng.choice(("panet", "fpn", "repeated_fpn", "fpn_lin2017", "pafpn_mmdet", "asff"))
    text = (ROOT / f"specs/{base}.yaml").read_text()
    old, new = rng.choice(sorted(RENAMED.items()))
    after = re.sub(rf"\b{old}\b(?=[(\n])", new, text)
    if rng.random() < 0.3:
        extra = f"activation: {rng.choice(ACTIVATIONS)}\n"
        after += "" if "\nactivation:" in after else extra
    return SpecPair("names", base, Side(text), Side(after))


def of_inputs(rng: random.Random) -> SpecPair:
    """Inputs of one family turned round, added, or left out."""
    base = rng.choice(WITH_NODES)
    tree = yaml.safe_load((ROOT / f"specs/{base}.yaml").read_text())
    families = {name: value for name, value in tree["nodes"].items() if isinstance(value, list)}
    families |= {
        name: value["inputs"]
        for name, value in tree["nodes"].items()
        if isinstance(value, dict) and isinstance(value["inputs"], list)
    }
    fusion = rng.choice(("sum", "sum", "concat", "fast_normalized", "mean", "max"))
    if not families:
        families = {"out(l)": ["in(l)", "in(l+1)", "in(l-1)"]}
    name = rng.choice(sorted(families))
    inputs = list(families[name])
    before = list(inputs)
    match rng.choice(("reverse", "reverse", "drop", "add", "replace")):
        case "reverse":
            inputs.reverse()
        case "drop" if len(inputs) > 2:
            inputs.pop()
        case "replace":
            inputs[-1] = "backbone(l)" if "3" in str(tree.get("inputs", "")) else "in(3)"
        case _:
            inputs.append(rng.choice(("in(l)", "in(l+1)", "in(l-1)")))
    sides = (
        Side(child(base, fusion=fusion, nodes={name: {"inputs": each}}))
        for each in (before, inputs)
    )
    return SpecPair("inputs", base, *sides)


def of_nodes(rng: random.Random) -> SpecPair:
    """A family of nodes added behind the outputs, or a level's node made an exception."""
    base = rng.choice(("panet", "bifpn", "fpn"))
    last = {"panet": "out", "bifpn": "out", "fpn": "td"}[base]
    if rng.random() < 0.5:
        added = {"nodes": {"late(l)": {"inputs": [f"{last}(l)", "in(l)"]}}, "outputs": "late"}
    else:
        inputs = [f"{last}(5)", "in(4)", "in(5)"] if base == "fpn" else ["td(4)", "in(4)"]
        added = {"nodes": {f"{last}(4)": {"inputs": inputs, "fusion": "sum"}}}
    return SpecPair("nodes", base, Side(child(base)), Side(child(base, **added)))


def of_text(rng: random.Random) -> SpecPair:
    """Another title, which changes no function."""
    base = rng.choice(BASES)
    return SpecPair("text", base, Side(child(base, title="One")), Side(child(base, title="Two")))


KINDS = (
    of_setting("fusion", FUSIONS),
    of_setting("op", OPS),
    of_setting("activation", ACTIVATIONS),
    of_setting("width", (16, 24, 64)),
    of_setting("depth", (1, 2, 3)),
    of_setting("up", ("nearest", "bilinear")),
    of_setting("down", ("max_pool", "avg_pool", "bilinear")),
    of_setting("padding", ("same", "symmetric", "none")),
    of_setting("norm", ({"eps": 0.05}, {"eps": 0.001}, {"momentum": 0.3}, {"momentum": 0.02})),
    of_setting("adapters", ({"norm": True}, {"norm": False}, {"sharing": "per_source"})),
    of_setting("redundant_bias", (True, False)),
    of_setting("levels", ("3..5", "3..6", "2..6")),
    of_passes,
    of_options,
    of_rows,
    of_names,
    of_inputs,
    of_nodes,
    of_text,
    of_inputs,
    of_names,
    of_rows,
)


def drawn(seed: int, folder: Path) -> tuple[SpecPair, Compiled, Compiled]:
    """A pair of which both sides compile; draws that the compiler refuses are drawn again."""
    kind = KINDS[seed % len(KINDS)]
    for attempt in range(50):
        pair = kind(random.Random(f"{seed} {attempt}"))
        if pair.old == pair.new:
            continue
        try:
            return pair, pair.old.compile(folder), pair.new.compile(folder)
        except (SpecError, ValueError):
            continue
    raise AssertionError(f"no pair for {seed}")
