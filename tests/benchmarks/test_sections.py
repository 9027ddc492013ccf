"""Sections work on what they are given; how long it takes is nobody's concern here."""

import torch
from torch import nn

from benchmarks.speed.ablation import accumulated, added, padded_pool, stacked
from benchmarks.speed.plan import SECTIONS
from benchmarks.speed.results import Setting
from benchmarks.speed.sections.floor import Recorder, prepared
from benchmarks.speed.sections.postprocess import as_maps, encode
from benchmarks.speed.sections.training import gradients
from benchmarks.speed.worker import measure
from fpncompiler.blocks.anchors import decode_boxes
from fpncompiler.blocks.detections import flatten_map
from fpncompiler.blocks.resample import max_pool_same


def test_every_section_has_its_module():
    from importlib import import_module

    for section in SECTIONS:
        assert callable(import_module(f"benchmarks.speed.sections.{section.name}").run)


def test_failure_of_a_section_is_its_finding(monkeypatch, capsys):
    from benchmarks.speed.sections import network

    def fail(setting, budget):
        raise ValueError("broken\nin two lines")

    monkeypatch.setattr(network, "run", fail)
    finding = measure("network", Setting(0, 1, "default"), 1, 1.0)
    assert (finding.failure, finding.tables) == ("ValueError: broken", [])


def test_recorder_counts_convolutions_of_one_shape_together():
    conv = nn.Conv2d(8, 8, 3, padding=1)
    model = nn.Sequential(conv, nn.SiLU(), conv, nn.SiLU(inplace=True), nn.Conv2d(8, 4, 1))
    with Recorder() as recorder, torch.inference_mode():
        model(torch.zeros(1, 8, 16, 16))
    assert sorted(recorder.calls.values()) == [1, 2, 2]
    convolutions = [c for c in recorder.calls if c.operation is torch.ops.aten.convolution.default]
    outputs = [prepared(c, torch.float32, torch.channels_last)() for c in convolutions]
    assert sorted(o.shape[1] for o in outputs) == [4, 8]


def test_ways_to_fuse_and_to_pool_agree():
    inputs, weights = [torch.randn(1, 4, 6, 6) for _ in range(3)], torch.rand(3)
    for way in (added, accumulated):
        assert torch.allclose(way(inputs, weights), stacked(inputs, weights), atol=1e-6)
    for size in ((8, 8), (7, 10)):
        x = torch.randn(1, 4, *size)
        assert torch.equal(padded_pool(x), max_pool_same(x))


def test_encoded_boxes_decode_to_themselves():
    box = torch.tensor([10.0, 20.0, 50.0, 45.0])
    anchors = torch.tensor([[0.0, 0, 32, 32], [20, 10, 80, 60]])
    assert torch.allclose(decode_boxes(encode(box, anchors), anchors), box.expand(2, 4), atol=1e-4)


def test_maps_flatten_to_what_they_were_made_of():
    like = [torch.zeros(1, 6, 4, 4), torch.zeros(1, 6, 2, 2)]
    flat = torch.randn(40, 3)
    maps = as_maps(flat, like)
    assert torch.equal(torch.cat([flatten_map(m, 3) for m in maps], 1)[0], flat)


def test_gradients_have_a_least_largest_value():
    model = nn.Linear(2, 1)
    model(torch.tensor([[1000.0, 0.0]])).sum().backward()
    bias, weight = gradients(model, {})
    assert bias.tolist() == [1.0, 1.0]
    assert weight.tolist() == [1000.0, 0.0, 1.0]
