import importlib.util
import re

import onnx
import pytest
import torch

from fpncompiler.detection import export_postprocess
from fpncompiler.detection.demo import set_norms
from fpncompiler.detection.exporting import load_module
from tests.export.conftest import compiled
from tests.test_architecture import loaded_after

SUFFIXES = {"onnx": "onnx", "torch-export": "pt2", "openvino": "xml"}
DOUBTFUL = "too little for a comparison"


def relative_differences(out):
    return [float(each) for each in re.findall(r"relative (\S+)", out)]


@pytest.mark.parametrize(
    ("format", "dynamic"),
    [("onnx", "both"), ("torch-export", "both"), ("openvino", "none")],
)
def test_maps_equal_pytorch_in_every_runtime(small, export, tmp_path, format, dynamic):
    code, out, err = export(small, "--format", format, "--dynamic", dynamic)
    assert code == 0, err
    assert (tmp_path / "build" / f"small.{SUFFIXES[format]}").exists()
    assert max(relative_differences(out)) < 1e-4
    assert len(relative_differences(out)) == 2 * 6  # two batches, P3 to P5 of two heads
    assert DOUBTFUL not in out
    assert "weights: random (seed 0)" in out
    assert ("multiples of 32, from 64 up" if dynamic == "both" else "1 image, 64x96") in out


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("onnx", ["--score-threshold", "0.02", "--dynamic", "batch"]),
        ("onnx", ["--dynamic", "none"]),
        ("torch-export", ["--dynamic", "batch"]),
        ("openvino", ["--max-detections", "30"]),
    ],
)
def test_detections_equal_those_of_detect(small, export, format, options):
    code, out, err = export(small, "--format", format, "--postprocess", *options)
    assert code == 0, err
    counts = re.findall(r"(\d+) of (\d+) detections are the same", out)
    assert len(counts) == 2
    assert all(int(same) > 20 for same, _ in counts)
    assert "outputs: boxes, scores, labels, image" in out


def test_onnx_names_what_is_open_and_how_images_are_normalized(small, export, tmp_path):
    arguments = ("--format", "onnx", "--no-check", "-o", "a/b.onnx", "--dynamic", "batch")
    assert export(small, *arguments)[0] == 0
    model = onnx.load(tmp_path / "a/b.onnx")
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert [axis.dim_param or axis.dim_value for axis in shape] == ["batch", 3, 64, 96]
    assert [o.name for o in model.graph.output][:2] == ["class_logits_p3", "class_logits_p4"]
    assert {p.key: p.value for p in model.metadata_props}["image_mean"] == "0.485,0.456,0.406"


def test_training_form_exports_as_well(small, export):
    code, out, err = export(small, "--format", "onnx", "--training-form", "--dynamic", "none")
    assert code == 0, err
    assert max(relative_differences(out)) < 1e-4


def test_segmentation_gives_logits_or_labels(tmp_path, export):
    file = compiled(tmp_path, "lcnet_035", "--model", "segmentation")
    for options, name in (
        (["--dynamic", "none"], "logits"),
        (["--postprocess", "--dynamic", "batch"], "labels"),
    ):
        code, out, err = export(file, "--format", "onnx", *options)
        assert code == 0, err
        assert f"outputs: {name}\n" in out


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_weights_are_loaded_and_misfits_named(small, export, tmp_path, suffix):
    save = torch.save
    if suffix == ".safetensors":
        save = pytest.importorskip("safetensors.torch").save_file
    model = load_module(small).EfficientDet(num_classes=2)
    path = tmp_path / f"weights{suffix}"
    save(model.state_dict(), path)
    arguments = ("--format", "torch-export", "--weights", str(path), "--dynamic", "none")
    code, out, err = export(small, *arguments, "--classes", "2")
    assert code == 0, err
    assert "random" not in out
    code, _, err = export(small, *arguments)
    assert code == 2
    assert "2 other shape (class_head.predict." in err
    state = {f"x.{k}" if k.startswith("box") else k: v for k, v in model.state_dict().items()}
    save(state, path)
    code, _, err = export(small, *arguments, "--classes", "2")
    assert code == 2
    assert re.search(r"missing \(box_head\..*unexpected \(x\.box_head\.", err)


def test_weights_that_are_none_are_told(small, export, tmp_path):
    (tmp_path / "w.pt").write_bytes(b"nothing")
    code, _, err = export(small, "--format", "onnx", "--weights", "w.pt")
    assert code == 2
    assert "w.pt is no file of weights" in err
    assert "Traceback" not in err


NODE = "        self.p4_td = Node("


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ("x * torch.linalg.svdvals(x)[..., :1, None]", r"onnx has no `aten\.\w*svd"),
        ("x * x.mean().item() if x.mean() > 0 else x", "cannot be traced"),
    ],
)
def test_what_onnx_lacks_is_named_with_its_place(small, export, tmp_path, operation, what):
    text = small.read_text()
    line = next(each for each in text.splitlines() if each.startswith(NODE))
    odd = (
        "class Odd(nn.Module):\n"
        "    def forward(self, *maps):\n"
        "        x = maps[0]\n"
        f"        return {operation}\n\n\n"
        "class FeatureNetwork"
    )
    wrong = line.replace("Node(", "Odd() if True else Node(")
    text = text.replace(line, wrong).replace("class FeatureNetwork", odd, 1)
    file = tmp_path / "odd.py"
    file.write_text(text)
    number = next(i for i, each in enumerate(text.splitlines(), 1) if f"return {operation}" in each)
    code, _, err = export(file, "--format", "onnx", "--dynamic", "none")
    assert code == 1, err
    assert "Traceback" not in err
    assert re.search(what, err)
    assert f"odd.py:{number} (module `network.layers.0.p4_td`)" in err
    assert "--training-form" in err
    assert ("--format torch-export" in err) == ("traced" not in what)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.py", "--format", "onnx"], "there is no file none.py"),
        (["mine.py", "--format", "onnx"], "mine.py was not generated by fpnc"),
        (["FILE", "--format", "onnx", "-o", "a.txt"], "ends in .onnx"),
        (["FILE", "--format", "onnx", "--half"], "--half is for --format openvino"),
        (["FILE", "--format", "onnx", "--weights", "no.pt"], "there is no file no.pt"),
        (["FILE", "--format", "onnx", "--size", "64"], "write HEIGHTxWIDTH"),
        (["FILE", "--format", "onnx", "--size", "16x64"], "sides have 32 pixels or more"),
        (["FILE", "--format", "onnx", "--size", "64x80"], "multiples of 32"),
        (["FILE", "--format", "onnx", "--iou-threshold", "2"], "not in 0..1"),
    ],
)
def test_wrong_arguments_are_told(small, export, tmp_path, arguments, message):
    (tmp_path / "mine.py").write_text("class EfficientDet: pass\n")
    code, _, err = export(*(str(small) if a == "FILE" else a for a in arguments))
    assert code == 2
    assert message in err


def test_missing_package_says_what_to_install(small, export, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "openvino" else found(name)
    )
    code, _, err = export(small, "--format", "openvino")
    assert code == 2
    assert "needs openvino" in err
    assert "pip install 'fpnc[export]'" in err


def test_other_outputs_are_a_finding(small, export):
    code, _, err = export(small, "--format", "onnx", "--dynamic", "none", "--tolerance", "1e-12")
    assert code == 1
    assert "gives other outputs than" in err


def test_torch_stays_unloaded_until_arguments_are_good(tmp_path):
    for arguments in (["export", "--help"], ["export", "none.py", "--format", "onnx"]):
        code = f"from fpncompiler.cli import main; main({arguments})"
        assert loaded_after(code, tmp_path) == set()


def test_anchors_of_open_sizes_equal_make_anchors(small):
    module = load_module(small)
    for height, width in (64, 96), (32, 32), (160, 64):
        maps = [torch.empty(1, 1, height >> level, width >> level) for level in module.LEVELS]
        right = export_postprocess.make_anchors(module, (height, width))
        assert torch.equal(export_postprocess.anchors_of_maps(module, maps), right)


def test_batched_detections_equal_those_of_detect(small):
    torch.manual_seed(0)
    module = load_module(small)
    model = module.EfficientDet(num_classes=7).eval()
    images = torch.randn(3, 3, 128, 96)
    set_norms(model, images)
    with torch.no_grad():
        threshold = model.detect(images)[0]["scores"][40].item()
        options = {"score_threshold": threshold, "iou_threshold": 0.4, "max_detections": 30}
        wrapped = export_postprocess.Detections(model, module, image_size=(128, 96), **options)
        boxes, scores, labels, image = wrapped(images)
        expected = model.detect(images, **options)
    assert image.tolist() == sorted(image.tolist())
    assert len(expected[0]["scores"]) == 30
    for index, right in enumerate(expected):
        own = image == index
        torch.testing.assert_close(boxes[own], right["boxes"])
        torch.testing.assert_close(scores[own], right["scores"])
        assert torch.equal(labels[own], right["labels"])
