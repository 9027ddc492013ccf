"""The formats: how each is written from a traced graph, and run again."""

import re
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.export import ExportedProgram

Format = Literal["onnx", "torch-export", "openvino"]
Artefact = Callable[[Tensor], list[Tensor]]  # images [B, 3, H, W] -> its outputs in order


def write_artefact(
    program: ExportedProgram,
    format: Format,
    path: Path,
    outputs: Sequence[str],
    metadata: Mapping[str, str],
    half: bool,
) -> None:
    """Write a graph in a format; OpenVINO's weights lie beside it, and are `half` if so told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if format == "torch-export":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights that share memory, which matters on GPUs
            torch.export.save(program, path)
        return
    if format == "onnx":
        _write_onnx(program, path, outputs, metadata)
        return
    import openvino  # type: ignore[import-untyped]

    with tempfile.TemporaryDirectory() as folder:
        onnx_path = Path(folder) / "model.onnx"
        _write_onnx(program, onnx_path, outputs, metadata)
        model = openvino.convert_model(onnx_path)
        for key, value in metadata.items():
            model.set_rt_info(value, ["fpnc", key])
        openvino.save_model(model, path, compress_to_fp16=half)


def _write_onnx(
    program: ExportedProgram, path: Path, outputs: Sequence[str], metadata: Mapping[str, str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is deprecated inside the exporter
        written = torch.onnx.export(
            program, (), input_names=["images"], output_names=[*outputs], dynamo=True, verbose=False
        )
    assert written is not None
    written.model.metadata_props.update(metadata)
    _name_sizes(written.model)
    written.save(path)


def _name_sizes(model: Any) -> None:
    """Call the open sizes of inputs and outputs by names that mean something."""
    shape = model.graph.inputs[0].shape
    symbols = [re.search(r"\bs\d+\b", str(shape[axis])) for axis in (0, 2, 3)]
    names = {
        found[0]: name
        for found, name in zip(symbols, ("batch", "rows", "columns"), strict=True)
        if found
    }
    for value in (*model.graph.inputs, *model.graph.outputs):
        if value.shape is None:
            continue
        for axis, size in enumerate(value.shape):
            text = re.sub(r"\bs\d+\b", lambda found: names.get(found[0], found[0]), str(size))
            if not isinstance(size, int):
                value.shape[axis] = "detections" if re.fullmatch(r"u\d+", text) else text


def artefact_of(format: Format, path: Path) -> Artefact:
    """A written file in its own runtime, on the CPU in float32."""
    if format == "torch-export":
        module = torch.export.load(path).module()
        return lambda images: listed(module(images))
    if format == "onnx":
        import onnxruntime  # type: ignore[import-untyped]

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return lambda images: [
            torch.from_numpy(output) for output in session.run(None, {"images": images.numpy()})
        ]
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: [
        torch.from_numpy(output.copy()) for output in compiled(images.numpy()).values()
    ]


def listed(outputs: Any) -> list[Tensor]:
    """All tensors of nested lists, in order."""
    if isinstance(outputs, Tensor):
        return [outputs]
    return [tensor for part in outputs for tensor in listed(part)]
