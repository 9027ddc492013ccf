"""Generated files to artefacts for other runtimes: load, weigh, fuse, trace, write, compare.

The order of it is `export_file`. Formats are in `export_formats`, what follows a detector's maps in
`export_postprocess`, padding in `export_padding`, the comparison in `export_parity`, faults of
exporters in `export_faults`.
"""

import copy
import importlib.util
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from fpncompiler.detection.demo import set_norms
from fpncompiler.detection.export_faults import ExportError, conversion_fault, tracing_fault
from fpncompiler.detection.export_formats import Format, artefact_of, write_artefact
from fpncompiler.detection.export_padding import fix_same_padding
from fpncompiler.detection.export_parity import compare
from fpncompiler.detection.export_postprocess import DETECTIONS, Detections, Segmentation

CLASSES = ("EfficientDet", "SegmentationModel")
LARGEST_BATCH = 1024
MOST_CELLS = 64  # of the coarsest level along a side, where sizes are open


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be exported, and how; `size` is (height, width) in pixels.

    `weights` is the state dict in the file `weights_name`, random values where it is None.
    """

    file: Path
    output: Path
    format: Format
    weights: Mapping[str, Tensor] | None = None
    weights_name: str = ""
    classes: int | None = None
    size: tuple[int, int] | None = None
    dynamic: Literal["none", "batch", "size", "both"] = "both"
    postprocess: bool = False
    score_threshold: float = 0.0
    iou_threshold: float = 0.5
    max_detections: int = 100
    max_candidates: int = 5000
    training_form: bool = False
    half: bool = False
    check: bool = True
    tolerance: float = 1e-3
    seed: int = 0

    @property
    def open_batch(self) -> bool:
        """Whether the artefact takes any number of images."""
        return self.dynamic in ("batch", "both")

    @property
    def open_size(self) -> bool:
        """Whether the artefact takes images of many sizes."""
        return self.dynamic in ("size", "both")


def export_file(export: Export, say: Callable[[str], None]) -> bool:
    """Export a generated file; False if the artefact's outputs are not the model's.

    Raises:
        ExportError: it cannot be done; the message says why, and what can.
    """
    module = load_module(export.file)
    height, width = export.size or module.IMAGE_SIZE
    check_size(export, module, (height, width))
    torch.manual_seed(export.seed)
    model = build_model(export, module, say)
    traced = copy.deepcopy(model)  # and the model itself is what the artefact is held against
    if export.open_size:
        fix_same_padding(traced)
    wrapped, names = with_outputs(export, module, traced, (height, width))
    program = trace(export, module, wrapped, (height, width))
    try:
        write_artefact(program, export.format, export.output, names, metadata(module), export.half)
    except (ExportError, OSError):
        raise
    except Exception as error:  # converters raise whatever they meet
        raise conversion_fault(error, program, export) from error
    say(f"wrote {export.output.as_posix()}")
    batch = "any number of images" if export.open_batch else "1 image"
    side = module.SMALLEST_SIDE
    sizes = f"{height}x{width} pixels"
    if export.open_size:
        sizes = f"heights and widths that are multiples of {side}, from {2 * side} up"
    say(f"  input images: {batch}, {sizes} (height x width); float32, normalized")
    say(f"  outputs: {', '.join(names)}")
    if not export.check:
        return True
    run = artefact_of(export.format, export.output)
    samples = [(2 if export.open_batch else 1, height, width)]
    if export.dynamic != "none":
        other = (2 * side, 3 * side) if export.open_size else (height, width)
        samples.append((1, *other))
    samples += samples if export.dynamic == "none" else []
    return compare(wrapped, model, run, samples, names, export.tolerance, say)


def load_module(path: Path) -> ModuleType:
    """A generated file as a module.

    Raises:
        ExportError: it does not run, or has no model.
    """
    name = f"fpnc_export_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError, NameError) as error:
        raise ExportError(f"{path.as_posix()} does not run: {error}") from error
    if not any(hasattr(module, each) for each in CLASSES):
        raise ExportError(
            f"{path.as_posix()} has neither {CLASSES[0]} nor {CLASSES[1]}",
            "give a file that `fpnc compile` wrote",
        )
    return module


def check_size(export: Export, module: ModuleType, size: tuple[int, int]) -> None:
    """Whether a size of images fits.

    Raises:
        ExportError: it does not.
    """
    side = module.SMALLEST_SIDE
    if min(size) < side:
        raise ExportError(
            f"--size {size[0]}x{size[1]}: sides have {side} pixels or more",
            "give a larger size",
        )
    if export.open_size and (size[0] % side or size[1] % side):
        raise ExportError(
            f"{size[0]}x{size[1]}: files for any size take sides that are multiples of {side}",
            "give such a size by `--size`, or one size for all images by `--dynamic batch`",
        )


def build_model(export: Export, module: ModuleType, say: Callable[[str], None]) -> nn.Module:
    """The model in eval mode with its weights, fused unless told otherwise.

    Random weights get norms that fit noise: without them no image would move the outputs, and no
    comparison would find a fault.
    """
    kind = next(getattr(module, each) for each in CLASSES if hasattr(module, each))
    classes = {} if export.classes is None else {"num_classes": export.classes}
    model: nn.Module = kind(pretrained_backbone=False, **classes).eval()
    size = export.size or module.IMAGE_SIZE
    images = torch.randn(2, 3, *size)
    if export.weights is not None:
        load_weights(model, export.weights, export.weights_name)
    else:
        try:
            set_norms(model, images)
        except ValueError as error:  # a size that the backbone does not divide
            raise ExportError(str(error), "give a size by `--size`") from error
        except Exception as error:  # the file may hold anything
            raise tracing_fault(error, model, export, "does not run") from error
        say(f"  weights: random (seed {export.seed}), norms set on noise; real ones by --weights")
    if not export.training_form and hasattr(model, "fuse_for_inference"):
        try:
            model = model.fuse_for_inference()  # type: ignore[operator]
        except RuntimeError as error:
            raise ExportError(str(error), "give `--training-form`", is_finding=True) from error
    return model.requires_grad_(False)


def load_weights(model: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Load a state dict, which a file of this name holds, into a model.

    Raises:
        ExportError: it does not fit.
    """
    own = model.state_dict()
    missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    shapes = [
        f"{key} is {[*state[key].shape]}, not {[*own[key].shape]}"
        for key in sorted(own.keys() & state.keys())
        if state[key].shape != own[key].shape
    ]
    found = {"missing": missing, "unexpected": unexpected, "other shape": shapes}
    faults = [f"{len(keys)} {word} ({_some(keys)})" for word, keys in found.items() if keys]
    if faults:
        raise ExportError(
            f"{name} does not fit this model: {'; '.join(faults)}",
            "give the number of classes by `--classes`; effdet's checkpoints are translated by "
            "`fpnc weights import`",
        )
    model.load_state_dict(state)


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "")


def with_outputs(
    export: Export, module: ModuleType, model: nn.Module, size: tuple[int, int]
) -> tuple[nn.Module, list[str]]:
    """What is traced, and the names of its outputs."""
    if hasattr(module, CLASSES[1]):
        return (Segmentation(model), ["labels"]) if export.postprocess else (model, ["logits"])
    if not export.postprocess:
        kinds = ("class_logits", "box_deltas")
        return model, [f"{kind}_p{level}" for kind in kinds for level in module.LEVELS]
    detections = Detections(
        model,
        module,
        iou_threshold=export.iou_threshold,
        image_size=None if export.open_size else size,
        score_threshold=export.score_threshold,
        max_detections=export.max_detections,
        max_candidates=export.max_candidates,
    )
    return detections.eval(), [*DETECTIONS]


def trace(
    export: Export, module: ModuleType, model: nn.Module, size: tuple[int, int]
) -> ExportedProgram:
    """The model as one graph.

    Raises:
        ExportError: something in it cannot be traced.
    """
    side = module.SMALLEST_SIDE
    shape: dict[int, Any] = {}
    if export.open_batch:
        shape[0] = Dim("batch", min=1, max=LARGEST_BATCH)
    if export.open_size:
        shape[2] = side * Dim("rows", min=2, max=MOST_CELLS)
        shape[3] = side * Dim("columns", min=2, max=MOST_CELLS)
        size = (4 * side, 3 * side)  # sides of 1 or of equal length could be taken for a rule
    images = torch.randn(2 if export.open_batch else 1, 3, *size)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is deprecated in torchvision
            return torch.export.export(model, (images,), dynamic_shapes=(shape or None,))
    except Exception as error:  # tracing runs the model: anything may be raised
        raise tracing_fault(error, model, export) from error


def metadata(module: ModuleType) -> dict[str, str]:
    """What a user of the artefact has to know of its images."""
    return {
        "producer": "fpnc",
        "image_mean": ",".join(map(str, module.IMAGE_MEAN)),
        "image_std": ",".join(map(str, module.IMAGE_STD)),
        "smallest_side": str(module.SMALLEST_SIDE),
    }
