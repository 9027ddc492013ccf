"""effdet's checkpoints in generated models: equal outputs, or every misfit by name."""

import argparse
import copy
import json
import re

import numpy as np
import pytest
import torch
from effdet import DetBenchPredict
from safetensors.torch import save_file

from fpncompiler.cli import main
from fpncompiler.detectors.checkpoints import open_detector, save_detector
from fpncompiler.detectors.code import build, code_of, code_of_spec
from fpncompiler.detectors.importing import import_checkpoint
from fpncompiler.options import Options
from fpncompiler.weights.coco_names import COCO_NAMES
from fpncompiler.weights.errors import WeightsError
from fpncompiler.weights.files import open_weights
from tests.conftest import ROOT
from tests.helpers import flatten_outputs, generate
from tests.references.effdet_peer import check_equal, effdet_model, lively, random_images

D0, D0_FILE = "tf_efficientdet_d0", str(ROOT / "generated/bifpn_d0.py")
SIZE = (128, 128)
LITE = [f"lite{number}" for number in range(5)]
VARIANTS = [*(f"d{phi}" for phi in range(8)), "d7x", *LITE, "lite3x"]


@pytest.fixture(scope="module")
def reference():
    return lively(effdet_model(D0, SIZE))


def imported(path, variant="d0", **options):
    compiled = generate("bifpn", variant=variant).compiled
    code = code_of(compiled, "bifpn", Options(variant=variant))
    return import_checkpoint(path, code, compiled, **options)


def outputs_of(model, images):
    with torch.no_grad():
        return flatten_outputs(model.eval()(images))


def run(capsys, *arguments):
    code = main(["weights", *map(str, arguments)])
    found = capsys.readouterr()
    return code, found.out, found.err


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_model_of_the_compiler_takes_effdets_weights(tmp_path, variant):
    size = (256, 256) if variant == "d7x" else SIZE
    peer = lively(effdet_model(f"tf_efficientdet_{variant}", size))
    torch.save(peer.state_dict(), tmp_path / "w.pth")
    found = imported(tmp_path / "w.pth", variant)
    assert found.matching.fits
    assert len(found.matching.state) == len(peer.state_dict())
    assert found.detector.classes == COCO_NAMES
    images = random_images(peer, 1)
    exact = variant[0] == "l" or variant in ("d6", "d7", "d7x")
    check_equal(outputs_of(peer, images), outputs_of(found.detector.model, images), exact)


def training_checkpoint(model):
    """What timm's and effdet's training scripts save."""
    averaged = {key: value + 1 for key, value in model.state_dict().items()}
    return {
        "epoch": 3,
        "args": argparse.Namespace(model=D0),
        "metric": np.float64(0.3),
        "optimizer": torch.optim.SGD(model.parameters(), 0.1).state_dict(),
        "state_dict": averaged,
        "state_dict_ema": model.state_dict(),
    }


FORMS = {
    "plain": lambda model: model.state_dict(),
    "train.py": training_checkpoint,
    "bench": lambda model: DetBenchPredict(model).state_dict(),
    "DDP": lambda model: {f"module.{k}": v for k, v in model.state_dict().items()},
    "half": lambda model: copy.deepcopy(model).half().state_dict(),
    "double": lambda model: copy.deepcopy(model).double().state_dict(),
    "no counters": lambda model: {
        k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")
    },
}

TRAINED = ("train.py", "safetensors")


# safetensors holds tensors alone, and nothing beside them
@pytest.mark.parametrize(
    ("form", "suffix"),
    [(f, s) for f in FORMS for s in (".pth", ".safetensors") if (f, s[1:]) != TRAINED],
)
def test_every_form_of_checkpoint_gives_the_same_outputs(tmp_path, reference, form, suffix):
    state, path = FORMS[form](reference), tmp_path / f"w{suffix}"
    (torch.save if suffix == ".pth" else save_file)(state, path)
    found = imported(path)
    assert found.matching.fits
    images = random_images(reference, 2)
    expected = outputs_of(reference, images)
    actual = outputs_of(found.detector.model, images)
    if form == "half":
        for one, other in zip(expected, actual, strict=True):
            assert (one - other).abs().max() < 0.05 * one.abs().max()
        return
    check_equal(expected, actual, exact=False)


def test_norms_nested_by_level_are_known_by_their_keys(tmp_path):
    peer = lively(effdet_model(D0, SIZE, head_bn_level_first=True))
    torch.save(peer.state_dict(), tmp_path / "w.pth")
    found = imported(tmp_path / "w.pth")
    assert found.matching.fits
    images = random_images(peer, 2)
    check_equal(outputs_of(peer, images), outputs_of(found.detector.model, images), exact=False)


def test_another_number_of_classes_leaves_the_prediction_alone(tmp_path, reference):
    torch.save(reference.state_dict(), tmp_path / "w.pth")
    found = imported(tmp_path / "w.pth", classes=["red", "white", "platelets"])
    assert found.matching.fits
    initial = found.matching.of("initial")
    assert [key.ours.rpartition(".")[0] for key in initial] == [
        "class_head.predict.depthwise", "class_head.predict.pointwise",
        "class_head.predict.pointwise",
    ]  # fmt: skip
    assert {key.detail for key in initial} == {"90 classes there, 3 here"}
    assert found.detector.classes == ("red", "white", "platelets")
    images = random_images(reference, 2)
    boxes = [outputs_of(each, images)[5:] for each in (reference, found.detector.model)]
    check_equal(*boxes, exact=False)
    again = imported(tmp_path / "w.pth", classes=3).detector.model.state_dict()
    assert all(torch.equal(v, again[k]) for k, v in found.detector.model.state_dict().items())


def test_a_checkpoint_of_other_classes_brings_their_number(tmp_path):
    peer = effdet_model(D0, SIZE, num_classes=3)
    torch.save(peer.state_dict(), tmp_path / "w.pth")
    found = imported(tmp_path / "w.pth")
    assert found.detector.classes == ("class 1", "class 2", "class 3")
    assert len(found.matching.state) == 784


def state_of(name=D0, **changes):
    return effdet_model(name, SIZE, **changes).state_dict()


def without(state, key):
    del state[key]
    return state


MISFITS = {
    "another phi": (
        lambda: state_of("tf_efficientdet_d1"),
        "the checkpoint has 88 channels, 4 layers, this model has 64 channels, 3 layers",
    ),
    "no redundant biases": (lambda: state_of(redundant_bias=False), "`redundant_bias: false`"),
    "another family": (lambda: state_of("efficientdet_d0"), "models without `tf_`"),
    "lite": (lambda: state_of("tf_efficientdet_lite0"), "its backbone is another"),
    "sums": (lambda: state_of(fpn_name="bifpn_sum"), "it has no fusion weights"),
    "another topology": (lambda: state_of(fpn_name="pan_sum"), "has 10 nodes a layer, this"),
    "deeper heads": (lambda: state_of(box_class_repeats=4), "4 convolutions a head, this"),
    "anchors": (lambda: state_of(num_scales=2), ""),
    "a key too few": (lambda: without(state_of(), "box_net.predict.conv_pw.bias"), ""),
    "a key too many": (lambda: {**state_of(), "fpn.extra": torch.ones(1)}, ""),
    "numbers of another kind": (
        lambda: {**state_of(), "backbone.bn1.weight": torch.ones(32, dtype=torch.int64)},
        "",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_misfits_are_named_and_nothing_is_written(tmp_path, capsys, case):
    state, hint = MISFITS[case]
    torch.save(state(), tmp_path / "w.pth")
    out = tmp_path / "out.safetensors"
    options = ("--to", D0_FILE, "-o", out, "--classes", "90")
    code, told, err = run(capsys, "import", tmp_path / "w.pth", *options)
    assert code == 1
    assert "does not fit" in err
    assert "nothing is written" in err
    assert hint in err
    assert re.search(r"\d (missing in the|of the|of another)", told)
    assert not out.exists()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"conv_stem.weight": torch.ones(3)}, "is no EfficientDet of effdet: its keys are conv_s"),
        ({"backbone.conv_stem.weight": torch.ones(3)}, "has no weights of fpn and class_net and"),
        (
            {"fpn.a": torch.ones(1), "class_net.b": torch.ones(1), "box_net.c": torch.ones(1)},
            "does not say how many classes it knows",
        ),
        (
            {
                "fpn.a": torch.ones(1),
                "box_net.c": torch.ones(1),
                "class_net.predict.conv_pw.bias": torch.ones(1).expand(9 * 10**8),
            },
            "has 100,000,000 classes, 100,000 are the most",
        ),
    ],
)
def test_files_of_something_else_are_told(tmp_path, state, message):
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=message):
        imported(tmp_path / "w.pth")


def test_the_command_writes_a_detector_that_opens_anywhere(project, capsys, reference):
    torch.save(reference.state_dict(), "w.pth")
    code, out, err = run(capsys, "import", "w.pth", "--to", D0_FILE)
    assert code == 0, err
    assert "352 loaded under the same name" in out
    assert "432 loaded under another name" in out
    assert "wrote build/bifpn_d0.safetensors: 784 of 784 tensors from the checkpoint" in out
    first = (project / "build/bifpn_d0.safetensors").read_bytes()
    detector = open_detector(project / "build/bifpn_d0.safetensors")
    assert detector.classes == COCO_NAMES
    assert detector.image_size == (512, 512)
    assert detector.provenance["imported_from"] == "w.pth"
    images = random_images(reference, 2)
    expected = outputs_of(reference, images)
    check_equal(expected, outputs_of(detector.model, images), exact=False)
    assert run(capsys, "import", "w.pth", "--to", D0_FILE)[0] == 0
    assert (project / "build/bifpn_d0.safetensors").read_bytes() == first


def test_what_was_imported_can_be_imported_again(project, capsys, reference):
    torch.save(reference.state_dict(), "w.pth")
    run(capsys, "import", "w.pth", "--to", D0_FILE, "-o", "a.safetensors")
    code, out, _ = run(capsys, "import", "a.safetensors", "--to", D0_FILE, "-o", "b.safetensors")
    assert code == 0
    assert "784 loaded under the same name" in out
    states = [open_weights(project / f"{name}.safetensors").state for name in "ab"]
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


def test_reports_name_every_key(project, capsys, reference):
    torch.save(training_checkpoint(reference), "w.pth.tar")
    arguments = ("import", "w.pth.tar", "--to", D0_FILE, "-o", "a.safetensors", "--classes", "2")
    code, out, _ = run(capsys, *arguments, "--report", "all")
    assert code == 0
    assert "not used: args, epoch, metric, optimizer, state_dict" in out
    assert len(re.findall(r"^ {10}\S", out, re.MULTILINE)) == 784
    assert "class_net.predict.conv_pw.bias -> class_head.predict.pointwise.bias: 90 cla" in out
    code, out, _ = run(capsys, *arguments, "--json")
    found = json.loads(out)
    assert found["counts"] == {
        "loaded": 352, "renamed": 429, "initial": 3, "missing": 0, "unexpected": 0, "shape": 0,
        "dtype": 0,
    }  # fmt: skip
    assert len(found["keys"]) == 784
    assert (found["part"], found["fits"]) == ("state_dict_ema", True)
    assert found["written"] == "a.safetensors"
    assert found["classes"] == ["class 1", "class 2"]


def test_names_of_classes_come_from_a_file(project, capsys):
    torch.save(state_of(num_classes=2), "w.pth")
    (project / "names.txt").write_text("cat\ndog\n")
    arguments = ("import", "w.pth", "--to", D0_FILE, "-o", "a.safetensors", "--names")
    assert run(capsys, *arguments, "names.txt")[0] == 0
    assert open_detector(project / "a.safetensors").classes == ("cat", "dog")
    (project / "names.txt").write_text("cat\ncat\n")
    code, _, err = run(capsys, *arguments, "names.txt")
    assert code == 2
    assert "names the class" in err


def test_weights_without_averages_on_request(project, capsys, reference):
    checkpoint = training_checkpoint(reference)
    torch.save(checkpoint, "w.pth")
    run(capsys, "import", "w.pth", "--to", D0_FILE, "-o", "a.safetensors", "--no-ema")
    found = open_weights(project / "a.safetensors").state["backbone.bn1.weight"]
    assert torch.equal(found, checkpoint["state_dict"]["backbone.bn1.weight"])


def test_an_edited_file_keeps_its_code(project, capsys, reference):
    torch.save(reference.state_dict(), "w.pth")
    source = (ROOT / "generated/bifpn_d0.py").read_text()
    (project / "mine.py").write_text(source + "\nMINE = 1\n")
    code, _, err = run(capsys, "import", "w.pth", "--to", "mine.py", "-o", "a.safetensors")
    assert code == 0, err
    assert open_detector(project / "a.safetensors").module.MINE == 1


def test_a_spec_that_ships_serves_where_there_is_no_folder_of_specs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.save(state_of(), "w.pth")
    (tmp_path / "mine.py").write_text((ROOT / "generated/bifpn_d0.py").read_text())
    code, _, err = run(capsys, "import", "w.pth", "--to", "mine.py", "-o", "a.safetensors")
    assert code == 0, err
    (tmp_path / "mine.py").unlink()
    assert open_detector(tmp_path / "a.safetensors").code.spec == "bifpn"


HEADER = "# Regenerate: fpnc compile specs/bifpn.yaml --phi 0\n"
CHANGED = {
    "another spec": ("fpnc compile specs/panet.yaml --phi 0", "the spec does not make this file"),
    "no spec": ("fpncompiler.compile_spec, from its text", "its header names no spec file"),
    "a spec elsewhere": ("fpnc compile ../bifpn.yaml --phi 0", "which is no spec of this folder"),
    "options of nobody": ("fpnc compile specs/bifpn.yaml --phy 0", "its header cannot be read"),
    "a spec that is gone": ("fpnc compile specs/bifbn.yaml --phi 0", "there is no spec `bifbn`"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_headers_that_lead_nowhere_are_told(project, capsys, case):
    command, message = CHANGED[case]
    torch.save(state_of(), "w.pth")
    source = (ROOT / "generated/bifpn_d0.py").read_text()
    assert HEADER in source
    (project / "mine.py").write_text(source.replace(HEADER, f"# Regenerate: {command}\n"))
    arguments = ("import", "w.pth", "--to", "mine.py", "-o", "a.safetensors")
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert message in err
    if case in ("another spec", "no spec", "a spec that is gone"):
        code, _, err = run(capsys, *arguments, "--spec", "bifpn")
        assert code == 0, err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.pth", "--to", D0_FILE], "there is no file none.pth"),
        (["w.pth", "--to", "none.py"], "none.py: No such file"),
        (["w.pth", "--to", "specs/bifpn.yaml"], "no file that fpnc has generated"),
        (["w.pth", "--to", D0_FILE, "-o", "a.pth"], "the file's name ends in .safetensors"),
        (["w.pth", "--to", D0_FILE, "--classes", "0"], "no number of classes"),
        (["w.pth", "--to", D0_FILE, "--classes", "2", "--names", "x"], "not allowed with"),
        (["w.pth", "--to", D0_FILE, "--names", "none.txt"], "none.txt"),
        (["w.pth", "--to", D0_FILE, "--spec", "bifbn"], "there is no spec `bifbn`"),
        (["w.pth", "--to", str(ROOT / "generated/bifpn_d0_inference.py")], "for inference"),
        (["w.pth", "--to", str(ROOT / "generated/unet_segmentation_d0.py")], "detects nothing"),
        (["w.pth", "--to", str(ROOT / "generated/yolov8_pan_d0_cspdarknet53.py")], "cannot have"),
    ],
)
def test_wrong_arguments_are_told(project, capsys, arguments, message):
    torch.save({"fpn.a": torch.ones(1), "class_net.predict.b.bias": torch.ones(9),
                "box_net.c": torch.ones(1)}, "w.pth")  # fmt: skip
    code, _, err = run(capsys, "import", *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not (project / "a.safetensors").exists()


def test_a_file_is_not_imported_over_itself(project, capsys):
    save_file(state_of(), "w.safetensors")
    before = (project / "w.safetensors").read_bytes()
    arguments = ("import", "w.safetensors", "--to", D0_FILE, "-o", "w.safetensors")
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert "this is the checkpoint itself" in err
    assert (project / "w.safetensors").read_bytes() == before


def test_show_lists_what_a_file_holds(project, capsys):
    state = {
        "model.a": torch.ones(2, 3),
        "model.b": torch.tensor(4),
        "anchors.boxes": torch.ones(1),
    }
    torch.save(state, "w.pth")
    code, out, _ = run(capsys, "show", "w.pth")
    assert code == 0
    assert out.splitlines() == [
        "a  float32   [2, 3]",
        "b  int64     []",
        "2 tensors, 7 values, 32 bytes",
        "from a state dict of torch.save; keys began with `model.`; not used: anchors.boxes",
    ]
    save_file({"a": torch.ones(3).half()}, "w.safetensors", {"who": "me\x1b[2J"})
    assert "metadata who: me\\x1b[2J" in run(capsys, "show", "w.safetensors")[1]
    found = json.loads(run(capsys, "show", "w.safetensors", "--json")[1])
    assert found["tensors"] == {"a": {"dtype": "float16", "shape": [3]}}
    assert found["metadata"] == {"who": "me\x1b[2J"}
    code, _, err = run(capsys, "show", "none.pth")
    assert code == 2
    assert "there is no file none.pth" in err


def test_a_run_is_packed_into_half_the_bytes_and_opens_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    detector = build(code_of_spec("bifpn", Options(variant="lite0")), ("cell",), (128, 128))
    run = tmp_path / "run"
    save_detector(run / "best.safetensors", detector, detector.model.state_dict())
    (run / "model.py").write_text(detector.code.source)
    assert main(["weights", "pack", "run", "-o", "small.safetensors"]) == 0
    assert "1 classes" in capsys.readouterr().out
    whole = (run / "best.safetensors").stat().st_size
    assert (tmp_path / "small.safetensors").stat().st_size < 0.55 * whole
    opened = open_detector(tmp_path / "small.safetensors")  # from the spec: no model.py is there
    assert opened.classes == ("cell",)
    for key, value in detector.model.state_dict().items():
        torch.testing.assert_close(opened.model.state_dict()[key], value, rtol=1e-3, atol=1e-6)
    assert main(["weights", "pack", "run", "-o", "full.safetensors", "--full"]) == 0
    assert (tmp_path / "full.safetensors").stat().st_size > 0.95 * whole
    assert main(["weights", "pack", "run", "-o", "small.pth"]) == 2
    assert main(["weights", "pack", "nowhere", "-o", "other.safetensors"]) == 2
    assert not (tmp_path / "other.safetensors").exists()
