"""Measure timm's backbones and write the compiler's table of them, `data/backbones.json`.

    python -m fpncompiler.detection.measure_backbones               # the convolutional families
    python -m fpncompiler.detection.measure_backbones --all         # then every other timm model
    python -m fpncompiler.detection.measure_backbones 'resnet5*'    # these, merged into the table

Models are built on the meta device: no weights, no arithmetic. A model enters the table when
its maps are NCHW, their strides powers of two, and real forward passes at three sizes agree with
what timm's `feature_info` says. Its MACs enter when they split exactly over levels.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

TABLE = Path(__file__).resolve().parents[1] / "data" / "backbones.json"
TABLE_LIMIT = 600_000  # bytes
SAVE_EVERY = 20  # models

# Measured first, and kept whatever the size of the table.
FAMILIES = (
    "efficientnet*",
    "tf_efficientnet*",
    "mobilenet*",
    "tf_mobilenet*",
    "mixnet*",
    "tf_mixnet*",
    "resnet*",
    "resnext*",
    "cspresnet*",
    "cspresnext*",
    "cspdarknet*",
    "darknet*",
    "regnet*",
    "convnext*",
    "hrnet*",
    "ghostnet*",
    "mnasnet*",
    "fbnet*",
    "rexnet*",
    "vgg*",
    "densenet*",
    "dla*",
    "res2net*",
    "ese_vovnet*",
)

SHALLOWEST_DEEPEST = 3  # a detector reads from level 3


class Size(NamedTuple):
    """An image's size in pixels."""

    height: int
    width: int


EVEN_SIZES = (Size(256, 256), Size(384, 320))
# Between them, the two sides are odd before every one of the first five halvings.
ODD_SIZE = Size(200, 233)


class NotABackboneError(Exception):
    """Why a timm model has no place in the table."""


class Product(NamedTuple):
    """One convolution or matrix product: its MACs, and the shape of the positions it fills.

    `positions` is (height, width) for a 2D convolution, (rows,) for a linear layer, and () for
    a product whose positions do not say how it grows, such as attention's.
    """

    macs: int
    positions: tuple[int, ...]


class ProductRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every product that `FlopCounterMode` counts, in the order of execution."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products: list[Product] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if count := flop_registry.get(func._overloadpacket):
            macs = count(*args, **kwargs, out_val=out) // 2
            self.products.append(Product(macs, _positions(func, out)))
        return out


def _positions(func: Any, out: Tensor) -> tuple[int, ...]:
    match func._overloadpacket:
        case torch.ops.aten.convolution:
            return tuple(out.shape[2:])
        case torch.ops.aten.mm | torch.ops.aten.addmm:
            return tuple(out.shape[:1])
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Macs:
    """MACs by level and cell, and those that no image size changes."""

    per_cell: Mapping[int, int]
    per_image: int

    def at(self, size: Size) -> int:
        """Return the MACs of one image."""
        per_level = (
            macs * cells.height * cells.width
            for level, macs in self.per_cell.items()
            for cells in [cells_at(level, size)]
        )
        return self.per_image + sum(per_level)


@dataclass(frozen=True, slots=True)
class Run:
    """One forward pass of a single image."""

    maps: tuple[Size, ...]
    products: tuple[Product, ...]
    macs: int  # FlopCounterMode's total, halved


@dataclass(frozen=True, slots=True)
class Row:
    """A model's entry in the table; `fpncompiler.backbones.Backbone` says what it means."""

    channels: Mapping[int, int]
    taps: Mapping[int, int]
    parameters: Mapping[int, int]
    macs: Mapping[int, tuple[Mapping[int, int], int]] | None
    rounding: str


def cells_at(level: int, size: Size) -> Size:
    """Return the size in cells of the map at `level`, rounded up."""
    return Size(-(-size.height // 2**level), -(-size.width // 2**level))


def trainable_parameters(model: nn.Module) -> int:
    """Return how many scalars of `model` take a gradient."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# -- one model -------------------------------------------------------------------------------


def build(name: str, taps: Sequence[int] | None = None) -> nn.Module:
    """Return timm's feature extractor `name` on the meta device, in eval mode."""
    chosen: dict[str, Any] = {} if taps is None else {"out_indices": tuple(taps)}
    with torch.device("meta"):
        model: nn.Module = timm.create_model(name, features_only=True, **chosen)
    return model.eval()


def run(model: nn.Module, size: Size, channels: Sequence[int]) -> Run:
    """Return what one image of `size` gives.

    Raises NotABackboneError where a map is not (1, channels, height, width).
    """
    image = torch.empty(1, 3, *size, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter, ProductRecorder() as recorder:
        maps = model(image)
    if any(m.ndim != 4 for m in maps) or [m.shape[1] for m in maps] != list(channels):
        raise NotABackboneError(f"maps are {[tuple(m.shape) for m in maps]}, not NCHW as claimed")
    return Run(
        maps=tuple(Size(m.shape[2], m.shape[3]) for m in maps),
        products=tuple(recorder.products),
        macs=counter.get_total_flops() // 2,
    )


def read_claims(model: Any) -> tuple[dict[int, int], dict[int, int]]:
    """Return level -> channels and level -> tap as `feature_info` states them.

    Where several maps share a stride the last one, the deepest, stands for it.
    """
    channels, taps = {}, {}
    for tap, info in enumerate(model.feature_info.info):
        level = info["reduction"].bit_length() - 1 if isinstance(info["reduction"], int) else -1
        if 2**level != info["reduction"]:
            raise NotABackboneError(f"stride {info['reduction']} is not a power of two")
        channels[level], taps[level] = info["num_chs"], tap
    if list(channels) != sorted(channels):
        raise NotABackboneError(f"levels {list(channels)} are not in order")
    if sum(level >= SHALLOWEST_DEEPEST for level in channels) < 2:
        raise NotABackboneError(f"levels {list(channels)} are fewer than two from level 3")
    return channels, taps


def split(runs: Sequence[Run], sizes: Sequence[Size]) -> Macs | None:
    """Return the MACs split over levels, or None where the split is not exact at `sizes`."""
    if len({len(r.products) for r in runs}) != 1:
        return None
    per_cell: dict[int, int] = {}
    per_image = 0
    for same_product in zip(*(r.products for r in runs), strict=True):
        if len({p.macs for p in same_product}) == 1:
            per_image += same_product[0].macs
            continue
        level = level_of([p.positions for p in same_product], sizes)
        if level is None:
            return None
        cells = cells_at(level, sizes[0])
        share, rest = divmod(same_product[0].macs, cells.height * cells.width)
        if rest:
            return None
        per_cell[level] = per_cell.get(level, 0) + share
    macs = Macs(dict(sorted(per_cell.items())), per_image)
    exact = all(macs.at(size) == r.macs for size, r in zip(sizes, runs, strict=True))
    return macs if exact else None


def level_of(positions: Sequence[tuple[int, ...]], sizes: Sequence[Size]) -> int | None:
    """Return the level whose maps have these positions at these sizes, if there is one."""
    for level in range(8):
        cells = [cells_at(level, size) for size in sizes]
        if list(positions) in ([tuple(c) for c in cells], [(c.height * c.width,) for c in cells]):
            return level
    return None


def rounds_up(
    model: nn.Module, channels: Mapping[int, int], macs: Macs | None, size: Size = ODD_SIZE
) -> bool:
    """Return whether maps, and MACs where known, keep to the ceil rule at an odd size."""
    try:
        odd = run(model, size, list(channels.values()))
    except (RuntimeError, AssertionError, ValueError):  # the model refuses the size
        return False
    if odd.maps != tuple(cells_at(level, size) for level in channels):
        return False
    return macs is None or macs.at(size) == odd.macs


def measure(name: str) -> Row:
    """Return the table's row for timm model `name`.

    Raises NotABackboneError where its maps break the rules of the table, and whatever timm or
    torch raise for a model that cannot be built or run.
    """
    channels, taps = read_claims(build(name))
    parameters: dict[int, int] = {}
    macs: dict[int, Macs | None] = {}
    for deepest in (level for level in channels if level >= SHALLOWEST_DEEPEST):
        tapped = [level for level in channels if level <= deepest]
        model = build(name, [taps[level] for level in tapped])
        runs = [run_as_claimed(model, size, channels, tapped) for size in EVEN_SIZES]
        parameters[deepest] = trainable_parameters(model)
        macs[deepest] = split(runs, EVEN_SIZES)
    check_shallow_taps_are_free(name, channels, taps, parameters[deepest], runs[0].macs)
    exact = {level: m for level, m in macs.items() if m is not None}
    return Row(
        channels=channels,
        taps=taps,
        parameters=parameters,
        macs={level: (m.per_cell, m.per_image) for level, m in exact.items()}
        if len(exact) == len(macs)
        else None,
        rounding="ceil" if rounds_up(model, channels, macs[deepest]) else "floor",
    )


def run_as_claimed(
    model: nn.Module, size: Size, channels: Mapping[int, int], tapped: Sequence[int]
) -> Run:
    """Return `run` at an even size, where every map must have its level's size exactly."""
    result = run(model, size, [channels[level] for level in tapped])
    if result.maps != tuple(cells_at(level, size) for level in tapped):
        raise NotABackboneError(f"maps of {size} are {result.maps} for levels {tapped}")
    return result


def check_shallow_taps_are_free(
    name: str, channels: Mapping[int, int], taps: Mapping[int, int], parameters: int, macs: int
) -> None:
    """Raise NotABackboneError where tapping from level 3 only changes the cost of the model."""
    tapped = [level for level in channels if level >= SHALLOWEST_DEEPEST]
    model = build(name, [taps[level] for level in tapped])
    if trainable_parameters(model) != parameters:
        raise NotABackboneError("its parameters depend on the shallow levels tapped")
    if run_as_claimed(model, EVEN_SIZES[0], channels, tapped).macs != macs:
        raise NotABackboneError("its MACs depend on the shallow levels tapped")


# -- the table -------------------------------------------------------------------------------


def render_table(rows: Mapping[str, object]) -> str:
    """Return the table's text: one line a model, sorted by name."""
    versions = {"timm": timm.__version__, "torch": torch.__version__.partition("+")[0]}
    lines = (f"{json.dumps(name)}:{_compact(rows[name])}" for name in sorted(rows))
    return f'{{"measured_with":{_compact(versions)},\n"models":{{\n' + ",\n".join(lines) + "\n}}\n"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def read_table() -> dict[str, object]:
    """Return the rows of the table as it stands, empty where there is none."""
    if not TABLE.exists():
        return {}
    models: dict[str, object] = json.loads(TABLE.read_text(encoding="utf-8"))["models"]
    return models


def write_table(rows: Mapping[str, object]) -> None:
    """Replace the table in one step, so that a reader or a cut-off finds it whole."""
    draft = TABLE.with_suffix(".json.tmp")
    draft.write_text(render_table(rows), encoding="utf-8")
    draft.replace(TABLE)


def families() -> list[str]:
    """Return timm's models of `FAMILIES`, in that order."""
    return list(dict.fromkeys(name for f in FAMILIES for name in timm.list_models(f)))


def chosen_names(patterns: Sequence[str], everything: bool) -> list[str]:
    """Return the models asked for, the families first."""
    if patterns:
        return list(dict.fromkeys(name for p in patterns for name in timm.list_models(p) or [p]))
    rest = timm.list_models() if everything else []
    return list(dict.fromkeys([*families(), *rest]))


def attempts(names: Iterable[str]) -> Iterator[tuple[str, Row | str]]:
    """Yield each model with its row, or with the reason why it has none."""
    for name in names:
        try:
            yield name, measure(name)
        except Exception as error:  # any model of timm may fail in its own way
            reason = (str(error).strip() or "no message").splitlines()[0]
            yield name, f"{type(error).__name__}: {reason}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the models asked for and merge them into the table."""
    parser = argparse.ArgumentParser(description="Measure timm's backbones.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="timm names or patterns")
    parser.add_argument("--all", action="store_true", help="every timm model")
    options = parser.parse_args(arguments)
    rows, kept = read_table(), set(families())
    for done, (name, result) in enumerate(attempts(chosen_names(options.names, options.all)), 1):
        rows.pop(name, None)
        if isinstance(result, str):
            print(f"skipped {name}: {result}", flush=True)
        elif name not in kept and len(render_table({**rows, name: asdict(result)})) > TABLE_LIMIT:
            print(f"skipped {name}: the table is full", flush=True)
        else:
            rows[name] = asdict(result)
        if done % SAVE_EVERY == 0:
            write_table(rows)
    write_table(rows)
    print(f"{len(rows)} models, {TABLE.stat().st_size} bytes in {TABLE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
