"""Models outside of PyTorch: ONNX files that are kept, and the engines that run them."""

import hashlib
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.speed.pairs import cached


def exported(model: nn.Module, images: Tensor, name: str, made_of: str) -> Path:
    """The ONNX file of a detector for images of one size, exported unless the same was before.

    `made_of` says what the model's code is; its weights are the same for one version of everything.
    """
    versions = [f"{p} {version(p)}" for p in ("torch", "timm", "effdet", "onnxscript")]
    digest = hashlib.sha256(" ".join([made_of, str(images.shape), *versions]).encode())
    path = cached("onnx", f"{name}_{digest.hexdigest()[:12]}.onnx")
    if path.exists():
        return path
    part = path.with_suffix(f".{os.getpid()}.onnx")
    with torch.no_grad():
        torch.onnx.export(
            Flat(model).eval(),
            (images,),
            part,
            dynamo=True,
            external_data=False,
            input_names=["images"],
            verbose=False,
        )
    part.rename(path)
    return path


class Flat(nn.Module):
    """A detector whose class and box maps are one list."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> list[Tensor]:
        """Maps of classes, then of boxes."""
        class_maps, box_maps = self.model(images)
        return [*class_maps, *box_maps]


def onnx_runtime(path: Path, images: Tensor, threads: int) -> Callable[[], list[Tensor]]:
    """A call of ONNX Runtime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: images.numpy()}
    return lambda: [torch.from_numpy(found) for found in session.run(None, given)]


def openvino(
    path: Path, images: Tensor, threads: int, precision: str
) -> Callable[[], list[Tensor]]:
    """A call of OpenVINO on the CPU; `precision` is `f32` or `bf16`, a hint."""
    import openvino as ov

    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = ov.Core().compile_model(path, "CPU", settings).create_infer_request()
    given = images.numpy()

    def call() -> list[Tensor]:
        found = request.infer([given], share_inputs=True, share_outputs=True)
        return [torch.from_numpy(found[i]) for i in range(len(found))]

    return call
