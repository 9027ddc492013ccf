"""The settings of a training run, each with its bounds, and where its value comes from."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from fpncompiler.diagnostics import UserError, suggest


class RecipeError(UserError):
    """A setting that does not exist, or has no such value; `help` says what there is."""


def _number(default: float, what: str, least: float, most: float) -> Any:
    return field(default=default, metadata={"what": what, "least": least, "most": most})


def _word(default: str, what: str, *words: str) -> Any:
    return field(default=default, metadata={"what": what, "words": words})


def _flag(default: bool, what: str) -> Any:
    return field(default=default, metadata={"what": what})


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. Without more words a value suits data sets of hundreds of images.

    `PAPER` has what the paper trains COCO with; its augmentation and 300 epochs are for that.
    """

    epochs: int = _number(24, "times through the images", 1, 100_000)
    batch_size: int = _number(8, "images a step, of all processes together", 1, 65_536)
    image_size: int = _number(0, "pixels a side; 0: the model's own", 0, 8192)
    seed: int = _number(0, "of weights, order and augmentation", 0, 2**31 - 1)

    optimizer: str = _word("adamw", "timm's name of it, such as adamw, sgd or lion")
    learning_rate: float = _number(2e-3, "the highest, after the warm-up", 0, 1000)
    final_learning_rate: float = _number(0.0, "the last, as a part of the highest", 0, 1)
    weight_decay: float = _number(0.05, "of weights with two dimensions or more", 0, 10)
    momentum: float = _number(0.9, "of optimizers that have one", 0, 1)
    warmup_epochs: float = _number(1.0, "in which the rate grows in a line", 0, 10_000)
    backbone_rate: float = _number(1.0, "the backbone's learning rate, relative", 0, 10)
    clip_norm: float = _number(10.0, "largest norm of all gradients; 0: no limit", 0, 1e9)
    ema_decay: float = _number(0.9998, "of averaged weights; 0: no average", 0, 0.999999)
    accumulate: int = _number(1, "parts that a step is computed in, to save memory", 1, 4096)
    mixed_precision: str = _word("no", "type of the forward pass", "no", "bf16", "fp16")
    freeze_norms: str = _word(
        "none", "batch norms that keep their statistics", "none", "backbone", "all"
    )

    scale_min: float = _number(0.5, "smallest scale of an image in its frame", 0.01, 10)
    scale_max: float = _number(1.5, "largest", 0.01, 10)
    horizontal_flip: float = _number(0.5, "probability", 0, 1)
    vertical_flip: float = _number(0.0, "probability", 0, 1)
    quarter_turn: float = _number(0.0, "probability of a rotation by 90 degrees", 0, 1)
    colour: float = _number(0.0, "probability of changed colours", 0, 1)
    least_visible: float = _number(0.25, "part of a box that must be left of it", 0, 1)

    focal_alpha: float = _number(0.25, "weight of the right class", 0, 1)
    focal_gamma: float = _number(1.5, "exponent for classes that are easy", 0, 10)
    label_smoothing: float = _number(0.0, "of the classes", 0, 0.5)
    huber_delta: float = _number(0.1, "where the box loss becomes linear", 1e-6, 100)
    box_weight: float = _number(50.0, "of the box loss", 0, 1e6)
    match_threshold: float = _number(0.5, "least IoU of an anchor and its box", 0, 1)
    ignore_crowds: bool = _flag(False, "count no anchor in a crowd as background")

    backbone_weights: str = _word("auto", "auto, timm, package, none or a file")
    workers: int = _number(1, "processes that read images; 0: none", 0, 256)
    evaluate_every: int = _number(1, "epochs; 0: after the last one alone", 0, 100_000)
    checkpoint_steps: int = _number(0, "steps; 0: after each epoch alone", 0, 10**9)
    nms: str = _word("hard", "suppression in evaluations", "hard", "soft")

    def __post_init__(self) -> None:
        if self.scale_min > self.scale_max:
            raise RecipeError(f"scale_min={self.scale_min:g} is above scale_max={self.scale_max:g}")
        if self.batch_size % self.accumulate:
            raise RecipeError(
                f"batch_size={self.batch_size} is no multiple of accumulate={self.accumulate}"
            )


# Tan et al., section 5.1, and google/automl's `hparams_config.py`: SGD, 0.16 at a batch of 128.
PAPER: Mapping[str, Any] = {
    "epochs": 300,
    "batch_size": 128,
    "optimizer": "sgd",
    "learning_rate": 0.16,
    "weight_decay": 4e-5,
    "scale_min": 0.1,
    "scale_max": 2.0,
}
# For images that have no side up, from above or through a microscope, and some more time.
TURNED: Mapping[str, Any] = {
    "epochs": 60,
    "scale_min": 0.6,
    "scale_max": 1.4,
    "vertical_flip": 0.5,
    "quarter_turn": 0.5,
    "colour": 0.5,
}
RECIPES: Mapping[str, Mapping[str, Any]] = {"small": {}, "turned": TURNED, "paper": PAPER}


def recipe_of(name: str, settings: Sequence[str] = (), **given: Any) -> Recipe:
    """A named recipe with some settings changed.

    Args:
        name: one of `RECIPES`.
        settings: texts `key=value`, the later winning.
        given: values that an option of the command has given, None for none; they win.

    Raises:
        RecipeError: no such recipe, key or value.
    """
    if name not in RECIPES:
        raise RecipeError(f"there is no recipe `{name}`", f"recipes: {', '.join(RECIPES)}")
    values: dict[str, Any] = dict(RECIPES[name])
    for text in settings:
        key, value = _setting(text)
        values[key] = value
    values |= {key: value for key, value in given.items() if value is not None}
    for key, value in values.items():
        _check(key, value)
    return Recipe(**values)


def recipe_from(values: Mapping[str, Any]) -> Recipe:
    """The recipe that `dataclasses.asdict` has written.

    Raises:
        RecipeError: something that is no setting, or out of its bounds.
    """
    for key, value in values.items():
        _check(key, value)
    return Recipe(**values)


def table() -> list[tuple[str, str, str]]:
    """Key, default and meaning of every setting."""
    return [
        (each.name, _shown(each.default), str(each.metadata["what"])) for each in fields(Recipe)
    ]


def _setting(text: str) -> tuple[str, Any]:
    key, sign, value = (part.strip() for part in text.partition("="))
    if not sign:
        raise RecipeError(f"`{text}` is no setting", "write key=value, such as epochs=24")
    return key, _parsed(_field(key), value)


def _field(key: str) -> "dataclasses.Field[Any]":
    known = {each.name: each for each in fields(Recipe)}
    if key not in known:
        help = suggest(key, known) or f"settings: {', '.join(known)}"
        raise RecipeError(f"there is no setting `{key}`", help)
    return known[key]


def _parsed(known: "dataclasses.Field[Any]", text: str) -> Any:
    kind: type[Any] = type(known.default)
    if kind is bool:
        if text in ("true", "false"):
            return text == "true"
        raise RecipeError(f"{known.name}={text}: write true or false")
    if kind is str:
        return text
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise RecipeError(f"{known.name}={text}: this is no {wanted[2:]}", _range(known)) from None


def _check(key: str, value: Any) -> None:
    known = _field(key)
    words = known.metadata.get("words")
    if words and value not in words:
        raise RecipeError(f"{key}={value}: no such choice", f"choices: {', '.join(words)}")
    if "least" not in known.metadata:
        if not isinstance(value, type(known.default)):
            raise RecipeError(f"{key}={value}: this is no {type(known.default).__name__}")
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(known.default, int) and not isinstance(value, int)):
        raise RecipeError(f"{key}={value}: this is no number of its kind", _range(known))
    if not known.metadata["least"] <= value <= known.metadata["most"]:
        raise RecipeError(f"{key}={value} is out of bounds", _range(known))


def _range(known: "dataclasses.Field[Any]") -> str:
    low, high = known.metadata["least"], known.metadata["most"]
    return f"{known.name} is {known.metadata['what']}: from {low:g} to {high:g}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
