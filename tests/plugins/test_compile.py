"""A spec that uses a plug-in, from YAML to a model that learns without the plug-in."""

import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fpncompiler import compile_spec, load_model
from fpncompiler.cli import main
from fpncompiler.diagnostics import SpecError

SPEC = """\
fpnc: 1
name: shuffled
levels: 3..6
width: 16
depth: 2
op: {block: shuffle_block, depth: 2}
fusion: {kind: squeeze_fusion, reduction: 4}
nodes:
  td(l): [in(l), td(l+1)]
  out(l): {inputs: [td(l), out(l-1)], op: [{block: shuffle_block}, conv3x3]}
outputs: out
"""
OPTIONS = {"backbone": "resnet18", "num_classes": 2}


def test_it_runs_learns_and_costs_what_was_said(example_plugin):
    compiled = compile_spec(SPEC, **OPTIONS)
    model = load_model(SPEC, **OPTIONS)()
    network = model.network
    parameters = sum(p.numel() for p in network.parameters())
    assert parameters == compiled.cost.network.parameters
    features = [torch.randn(1, 2**level * 16, 512 >> level, 512 >> level) for level in (3, 4, 5)]
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        on_meta = type(network)().eval()
        on_meta([torch.empty(feature.shape) for feature in features])
    assert counter.get_total_flops() == 2 * compiled.cost.network.macs
    outputs = network(
        [torch.randn(2, 2**level * 16, 128 >> level, 128 >> level) for level in (3, 4, 5)]
    )
    sum(m.square().mean() for m in outputs).backward()
    assert all(p.grad is not None for p in network.parameters())


def test_the_file_stands_alone(example_plugin, tmp_path):
    source = compile_spec(SPEC, **OPTIONS).source
    assert "class ShuffleBlock(nn.Module):" in source
    assert "fpnc_shuffle" not in source
    assert "import fpncompiler" not in source
    assert "from fpncompiler" not in source
    (tmp_path / "shuffled.py").write_text(source)
    code = "import shuffled; print(len(shuffled.EfficientDet().network.layers))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "2\n"


def test_without_the_plugin_its_words_mean_nothing():
    with pytest.raises(SpecError) as caught:
        compile_spec(SPEC, **OPTIONS)
    assert {d.code for d in caught.value.diagnostics} == {"F207"}
    assert {d.message for d in caught.value.diagnostics} == {
        "`shuffle_block` is no block",
        "`squeeze_fusion` is no fusion",
    }


@pytest.mark.parametrize("fusion", ["{kind: squeeze_fusion, reduction: 0}", "squeeze_fusoin"])
def test_its_settings_are_checked_like_any_other(example_plugin, fusion):
    with pytest.raises(SpecError) as caught:
        compile_spec(SPEC.replace("{kind: squeeze_fusion, reduction: 4}", fusion), **OPTIONS)
    assert {d.code for d in caught.value.diagnostics} <= {"F203", "F207"}


def test_a_plugin_at_fault_is_named(plugin, tmp_path, monkeypatch, capsys):
    plugin("raise RuntimeError('broken')")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(SPEC)
    assert main(["compile", "mine.yaml"]) == 2
    said = capsys.readouterr().err
    assert "`bad-plugin` cannot be used" in said
    assert "fpnc itself failed" not in said
