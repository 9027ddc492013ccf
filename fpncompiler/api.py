"""fpnc from Python: compile a spec, or have the model's class at once."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from fpncompiler import pipeline
from fpncompiler.codegen.header import digest
from fpncompiler.diagnostics import SpecError
from fpncompiler.spec.finding import found_spec
from fpncompiler.spec.reading import Levels, parse_levels

__all__ = ["SpecError", "class_of", "compile_spec", "draw", "load_model"]

if TYPE_CHECKING:
    from torch import nn

    from fpncompiler.drawing.drawings import Drawing


def compile_spec(
    path_or_text: str | Path,
    phi: int | None = None,
    *,
    variant: str | None = None,
    model: str | None = None,
    backbone: str | None = None,
    num_classes: int | None = None,
    levels: tuple[int, int] | None = None,
    scaling: str = "published",
    pretrained_backbone: bool = False,
    inference: bool = False,
) -> pipeline.Compiled:
    """Compile a topology without importing torch and without writing anything.

    Args:
        path_or_text: a spec's path, the name of one that ships, or YAML text with a line break.
        phi: compound coefficient, 0 if neither it nor `variant` is given.
        variant: a named row of the model in place of phi, such as `d7x` or `lite2`.
        model: the model spec, `efficientdet` if the topology does not say.
        backbone: a timm model in place of the model's.
        num_classes: classes of the class head, in place of the model's.
        levels: the finest and the coarsest level, both included, above what specs say.
        scaling: `published` rows first, or `formula`.
        pretrained_backbone: the generated constructor's default.
        inference: the form with norms folded and fusion weights fixed, which cannot be trained.

    Returns:
        The layer's graph, the network, its cost and the Python source.

    Raises:
        SpecError: the spec has faults; its text lists them with their places.
        SpecNotFoundError: there is no such spec, or it cannot be read.
        ValueError: arguments that contradict each other.
    """
    if scaling not in ("published", "formula"):
        raise ValueError(f"scaling is `published` or `formula`, not {scaling!r}")
    if phi is not None and variant is not None:
        raise ValueError("give phi or variant, not both")
    if levels is not None and parse_levels(f"{levels[0]}..{levels[1]}") is None:
        raise ValueError(f"levels are two levels, the finest first, not {levels}")
    options = pipeline.Options(
        phi=phi,
        variant=variant,
        model=model,
        backbone=backbone,
        classes=num_classes,
        levels=Levels(*levels) if levels else None,
        formula_scaling=scaling == "formula",
        pretrained_backbone=pretrained_backbone,
        inference=inference,
    )
    if isinstance(path_or_text, str) and "\n" not in path_or_text:
        path_or_text = found_spec(path_or_text)
    return pipeline.compile_spec(path_or_text, options)


def load_model(
    path_or_text: str | Path, phi: int | None = None, **options: Any
) -> "Callable[..., nn.Module]":
    """Compile in memory and return the class `EfficientDet`; imports torch and timm.

    For a model that segments, the class is `SegmentationModel`.

    Args:
        path_or_text: as `compile_spec` takes it, like all further options.
        phi: compound coefficient.
        options: the keyword arguments of `compile_spec`.

    Returns:
        The class. Its module is `sys.modules[cls.__module__]`, with FeatureNetwork and the blocks.

    Raises:
        SpecError: as `compile_spec`.
    """
    return class_of(compile_spec(path_or_text, phi, **options))


def draw(
    *compiled: pipeline.Compiled | pipeline.Checked,
    stages: bool = False,
    layers: int = 1,
    adapters: bool = False,
) -> "Drawing":
    """Draw what `compile_spec` returns; a notebook shows the result as a picture.

    Args:
        compiled: one or several, which are drawn side by side.
        stages: one layer as declared and after each rewrite, and the network; of one spec.
        layers: how many layers to draw one by one; those beyond that look alike are drawn once.
        adapters: mark the 1x1 convolutions to another width.

    Returns:
        The drawing. `fpncompiler.drawing.drawings.told(drawing, "svg")` is its text, for a file.

    Raises:
        TooLargeError: it has more nodes and edges than anybody could read.
        ValueError: nothing to draw, or arguments that contradict each other.
    """
    from fpncompiler.drawing import drawings

    if not compiled:
        raise ValueError("there is nothing to draw: give what compile_spec returns")
    if stages and (len(compiled) > 1 or adapters):
        raise ValueError("stages are of one spec, and come before adapters")
    titles = [f"{each.topology.title} ({each.model.variant})" for each in compiled]
    first, title = compiled[0], titles[0]
    if stages:
        drawing = drawings.stages_drawing(first.stages, title, first.network)
    elif len(compiled) == 1:
        drawing = drawings.network_drawing(first.network, title, layers=layers, adapters=adapters)
    else:
        networks = [*zip(titles, (each.network for each in compiled), strict=True)]
        drawing = drawings.networks_drawing(networks, "", layers=layers, adapters=adapters)
    drawings.refuse_large(drawing)
    return drawing


def class_of(compiled: pipeline.Compiled) -> "Callable[..., nn.Module]":
    """The class of a compiled model, made in memory; imports torch and timm."""
    module = module_of(compiled.source, compiled.name)
    model: Callable[..., nn.Module] = getattr(module, compiled.class_name)
    return model


def module_of(source: str, name: str) -> ModuleType:
    """A generated file as a module, made in memory and kept; imports torch and timm.

    Args:
        source: its text, which is run: it must come from `compile_spec` or a file that is trusted.
        name: an identifier, which tracebacks show.
    """
    name = f"fpnc_{name}_{digest(source)}"
    if name not in sys.modules:
        loader = _MemoryLoader(f"{name}.py in memory", source)
        spec = importlib.machinery.ModuleSpec(name, loader, origin=loader.file_name)
        spec.has_location = True  # tracebacks and inspect ask the loader for the source
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            loader.exec_module(module)
        except BaseException:
            del sys.modules[name]  # or the next call would find half a module
            raise
    return sys.modules[name]


class _MemoryLoader(importlib.abc.InspectLoader):
    """Runs a generated source under its own name, so that tracebacks show its lines."""

    def __init__(self, file_name: str, source: str) -> None:
        self.file_name = file_name
        self.source = source

    def get_source(self, fullname: str) -> str:
        return self.source

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.source, self.file_name)
