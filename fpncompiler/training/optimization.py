"""Optimizer, learning rate and averaged weights, as timm has them."""

from collections.abc import Iterator
from typing import Any

import torch
from timm.optim._optim_factory import create_optimizer_v2
from timm.scheduler.cosine_lr import CosineLRScheduler
from timm.utils.model_ema import ModelEmaV3
from torch import nn

from fpncompiler.training.recipe import Recipe, RecipeError


def create_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimizer; weights of one dimension (norms, biases, fusion weights) do not decay.

    Raises:
        RecipeError: timm does not know it.
    """
    try:
        optimizer: torch.optim.Optimizer = create_optimizer_v2(
            parameter_groups(model, recipe),
            opt=recipe.optimizer,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
        )
    except (AssertionError, ValueError, TypeError) as error:
        why = str(error) or "timm cannot make it"
        message = f"optimizer={recipe.optimizer}: {why}"
        raise RecipeError(message, "such as adamw, sgd, nadamw, lion or lamb") from error
    return optimizer


def parameter_groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Parameters by part and by whether they decay, in the order of the model."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = (name.startswith("backbone."), parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": recipe.learning_rate * (recipe.backbone_rate if in_backbone else 1),
            "weight_decay": recipe.weight_decay if decays else 0.0,
        }
        for (in_backbone, decays), parameters in groups.items()
    ]


def create_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, steps_per_epoch: int
) -> CosineLRScheduler:
    """Linear warm-up from 0, then half a cosine to the end; call `step_update` before each step."""
    steps = recipe.epochs * steps_per_epoch
    warmup = min(round(recipe.warmup_epochs * steps_per_epoch), steps // 2)
    return CosineLRScheduler(
        optimizer,
        t_initial=max(2, steps - warmup),
        lr_min=recipe.learning_rate * recipe.final_learning_rate,
        warmup_t=warmup,
        warmup_lr_init=recipe.learning_rate / max(1, warmup),
        warmup_prefix=True,
        t_in_epochs=False,
        cycle_limit=1,
    )


class Average(ModelEmaV3):
    """Weights averaged over steps; the decay grows to its value as (1 + n) / (10 + n) does.

    That is TensorFlow's `ExponentialMovingAverage` with `num_updates`, with which EfficientDet was
    trained, so that a short run is not held by its first weights.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model, decay=decay)

    def get_decay(self, step: int | None = None) -> float:
        """The decay at a step, counted from 0."""
        count = 0 if step is None else step
        return float(min(self.decay, (1 + count) / (10 + count)))


def norms(model: nn.Module) -> Iterator[tuple[str, nn.modules.batchnorm._BatchNorm]]:
    """The batch norms of a model with their paths."""
    for name, part in model.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            yield name, part


def set_training(model: nn.Module, freeze_norms: str) -> None:
    """Training mode, but for the batch norms of a detector that are to keep their statistics."""
    model.train()
    for name, norm in norms(model):
        in_backbone = name.startswith("backbone.")
        if freeze_norms == "all" or (freeze_norms == "backbone" and in_backbone):
            norm.eval()
