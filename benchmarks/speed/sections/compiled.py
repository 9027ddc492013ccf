"""torch.compile, ONNX Runtime and OpenVINO, on effdet's detector and on ours."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.speed.contest import Variant, contest
from benchmarks.speed.engines import exported, onnx_runtime, openvino
from benchmarks.speed.pairs import (
    Pair,
    channels_last,
    fused,
    inference,
    laid_out,
    pair_for,
    source_digest,
)
from benchmarks.speed.results import Setting, Table
from fpncompiler.timing import Budget

# OpenVINO rounds more than PyTorch does, in either model.
PRECISIONS = {"ONNX Runtime": "f32", "OpenVINO": "engine", "OpenVINO, bf16": "bf16"}


def run(setting: Setting, budget: Budget) -> list[Table]:
    """One table, against effdet eager."""
    pair = pair_for(setting)
    ours = fused(pair.ours)
    last = laid_out(pair.images)
    peer_last = channels_last(pair.peer)
    variants = [
        Variant("effdet", "effdet", inference(pair.peer, pair.images)),
        Variant("effdet, channels_last", "effdet", inference(peer_last, last), measures_noise=True),
    ]
    variants += [] if setting.quick else _compiled(pair, peer_last, ours, setting)
    variants += _engines(pair, ours, setting)
    return [contest("Compiled", setting.sized(), variants, budget)]


def _compiled(pair: Pair, peer_last: nn.Module, ours: nn.Module, setting: Setting) -> list[Variant]:
    """D0 in every mode; others only in the fastest, for compiling takes minutes."""
    last = laid_out(pair.images)
    entries = [
        ("effdet, compile", "effdet", pair.peer, pair.images, False),
        ("effdet, compile, channels_last", "effdet", peer_last, last, False),
        ("effdet, compile, freezing, channels_last", "effdet", peer_last, last, True),
        ("fpnc, compile", "ours", ours, last, False),
        ("fpnc, compile, freezing", "ours", ours, last, True),
    ]
    if setting.phi:
        entries = [entry for entry in entries if entry[4]]
    return [
        _started(name, side, lambda m=m, x=x, f=f: _compile(m, x, f))
        for name, side, m, x, f in entries
    ]


def _compile(model: nn.Module, images: Tensor, freezing: bool) -> Callable[[], object]:
    """Compiled for this size, of which the first call is part."""
    call = inference(torch.compile(model, options={"freezing": freezing}), images)
    call()
    return call


def _engines(pair: Pair, ours: nn.Module, setting: Setting) -> list[Variant]:
    phi, images, threads = setting.phi, pair.images, setting.threads
    files = {
        "effdet": lambda: exported(pair.peer, images, f"effdet_d{phi}", "effdet"),
        "fpnc": lambda: exported(ours, images, f"fpnc_d{phi}", source_digest(pair)),
    }
    variants = []
    for name, file in files.items():
        side = "effdet" if name == "effdet" else "ours"
        try:
            path = file()
        except Exception as error:  # an exporter's fault is a finding, not the end of the table
            variants.append(Variant(f"{name}, export", side, None, note=_first_line(error)))
            continue
        calls = {
            "ONNX Runtime": lambda p=path: onnx_runtime(p, images, threads),
            "OpenVINO": lambda p=path: openvino(p, images, threads, "f32"),
            "OpenVINO, bf16": lambda p=path: openvino(p, images, threads, "bf16"),
        }
        for engine, start in calls.items():
            precision = PRECISIONS[engine]
            noise = precision != "f32" and name == "effdet"
            variants.append(_started(f"{name}, {engine}", side, start, precision, noise))
    return variants


def _started(
    name: str,
    side: str,
    start: Callable[[], Callable[[], object]],
    precision: str = "f32",
    noise: bool = False,
) -> Variant:
    """A variant of which making the callable is timed; one that cannot be made says why."""
    begin = time.perf_counter()
    try:
        call = start()
    except Exception as error:
        return Variant(name, side, None, note=_first_line(error))
    took = {"start s": round(time.perf_counter() - begin, 1)}
    return Variant(name, side, call, precision, noise, figures=took)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"failed: {type(error).__name__}: {lines[0][:120] if lines else ''}"
