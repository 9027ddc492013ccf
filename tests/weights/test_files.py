"""Files of weights are read without running them, and whatever is wrong is said in one line."""

import argparse
import json
import os
import pickle
import random
import struct
import zipfile

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save, save_file

from fpncompiler.codegen.files import WriteRefusedError
from fpncompiler.weights.files import (
    WeightsError,
    open_weights,
    read_weights,
    write_safetensors,
)
from fpncompiler.weights.kinds import LARGEST

ONES = torch.ones(3)
BOTH = pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "plain pickle"])


def saved(path, found, as_zip=True):
    torch.save(found, path, _use_new_zipfile_serialization=as_zip)
    return path


def fault(path):
    """The message and the help that a file earns."""
    with pytest.raises(WeightsError) as caught:
        open_weights(path)
    text = f"{caught.value} | {caught.value.help}"
    assert "\n" not in text
    return text


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self.witness),)


class Stranger:
    """A class that only the program knows which saved it."""


@BOTH
def test_a_state_dict_is_read(tmp_path, as_zip):
    state = {"a.weight": torch.randn(2, 3), "a.count": torch.tensor(4)}
    found = open_weights(saved(tmp_path / "w.pth", state, as_zip))
    assert found.state.keys() == state.keys()
    assert all(torch.equal(found.state[key], state[key]) for key in state)
    assert (found.part, found.prefix, found.dropped) == ("", "", ())


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_safetensors_are_known_by_their_bytes(tmp_path, name):
    save_file({"a": ONES}, tmp_path / name, {"who": "me"})
    found = open_weights(tmp_path / name)
    assert torch.equal(found.state["a"], ONES)
    assert found.metadata == {"who": "me"}


def checkpoint(**entries):
    """What timm's and effdet's training scripts save."""
    return {
        "epoch": 3,
        "arch": "tf_efficientdet_d0",
        "args": argparse.Namespace(model="tf_efficientdet_d0", lr=0.1),
        "metric": np.float64(0.3),
        "version": 2,
        "optimizer": {"state": {0: {"momentum_buffer": ONES}}, "param_groups": []},
        **entries,
    }


@BOTH
def test_averaged_weights_of_a_training_script_are_preferred(tmp_path, as_zip):
    both = {"state_dict": {"w": ONES}, "state_dict_ema": {"w": 2 * ONES}}
    path = saved(tmp_path / "w.pth.tar", checkpoint(**both), as_zip)
    found = open_weights(path)
    assert torch.equal(found.state["w"], 2 * ONES)
    assert found.part == "state_dict_ema"
    assert found.dropped == (
        "arch", "args", "epoch", "metric", "optimizer", "state_dict", "version",
    )  # fmt: skip
    assert torch.equal(open_weights(path, averaged=False).state["w"], ONES)


@pytest.mark.parametrize(
    "found",
    [
        {"module.w": ONES},
        {"_orig_mod.module.w": ONES},
        {"model.w": ONES, "anchors.boxes": torch.ones(8, 4)},
        {"model": {"module.w": ONES}},
        {"model": {"state_dict": {"w": ONES}}},
        {"state_dict": {"w": ONES}, "state_dict_ema": None},
        {"w": torch.nn.Parameter(ONES)},
    ],
    ids=["ddp", "compiled", "bench", "model", "nested", "no average", "parameter"],
)
def test_wrappers_come_off(tmp_path, found):
    state = read_weights(saved(tmp_path / "w.pt", found))
    assert list(state) == ["w"]
    assert not state["w"].requires_grad


def test_the_anchors_of_a_bench_are_dropped_by_name(tmp_path):
    state = {"model.w": ONES, "anchors.boxes": torch.ones(8, 4)}
    found = open_weights(saved(tmp_path / "w.pth", state))
    assert (found.prefix, found.dropped) == ("model.", ("anchors.boxes",))


@BOTH
@pytest.mark.parametrize("place", ["state", "beside", "alone"])
def test_a_pickle_that_would_run_is_refused_unrun(tmp_path, as_zip, place):
    bomb = Bomb(tmp_path / "ran")
    found = {"state": {"w": bomb}, "beside": {"state_dict": {"w": ONES}, "x": bomb}, "alone": bomb}
    text = fault(saved(tmp_path / "w.pth", found[place], as_zip))
    assert "is refused: it asks for posix.mkdir" in text
    assert ".safetensors" in text
    assert not (tmp_path / "ran").exists()
    with open(tmp_path / "proof", "wb") as file:
        pickle.dump(bomb, file)
    pickle.loads((tmp_path / "proof").read_bytes())  # so it is a bomb
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_bare_pickle_of_any_protocol_is_refused_unrun(tmp_path, protocol):
    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "ran"), protocol))
    fault(path)
    assert not (tmp_path / "ran").exists()


def test_stand_ins_for_what_is_beside_weights_run_nothing(tmp_path):
    """A pickle may call `numpy.dtype` and the like with what it wants; it gets nobody."""
    path = tmp_path / "w.pth"
    body = b"\x80\x02cnumpy\ndtype\nX\x05\x00\x00\x00V9999\x85Rcposix\nmkdir\n."
    path.write_bytes(body)
    assert "posix.mkdir" in fault(path) or "damaged" in fault(path)
    assert "Namespace" not in repr(torch.serialization.get_safe_globals())


@BOTH
def test_a_class_of_another_program_is_named(tmp_path, as_zip):
    text = fault(saved(tmp_path / "w.pth", {"state_dict": {"w": Stranger()}}, as_zip))
    assert "it asks for tests.weights.test_files.Stranger" in text


def test_a_whole_pickled_model_is_refused_with_the_way_out(tmp_path):
    text = fault(saved(tmp_path / "w.pth", torch.nn.Linear(2, 2)))
    assert "torch.nn.modules.linear.Linear" in text
    assert "save `model.state_dict()` alone" in text


ODD = {
    "no tensor": ({"w": ONES, "v": 3}, "1 of 2 entries are no tensors: v (int)"),
    "NaN": ({"w": ONES * float("nan"), "v": ONES}, "1 of 2 entries have NaN or infinite values: w"),
    "infinite": ({"w": ONES.half() / 0}, "NaN or infinite values: w"),
    "NaN in 8 bits": ({"w": (ONES * float("nan")).to(torch.float8_e5m2)}, "NaN or infinite"),
    "sparse": ({"w": ONES.to_sparse()}, "w (sparse)"),
    "complex": ({"w": ONES * 1j}, "w (complex)"),
    "meta": ({"w": ONES.to("meta")}, "w (on device meta)"),
    "numbers as names": ({1: ONES}, "entries without a name: 1"),
    "nothing": ({}, "holds no weights"),
    "a list": ([ONES], "no state dict, but an object `list`"),
    "a tensor": (ONES, "no state dict, but an object `Tensor`"),
    "an optimizer": (checkpoint(), "no state dict, but entries `arch`, `args`, `epoch`"),
    "endless": ({"w": ONES[:1].expand(1 << 50)}, "has weights of 4,503,599,627,370,496 bytes"),
    "a name that steers": ({"a\n  = help: b\x1b[2J": 3, "w": ONES}, r"a\n  = help: b\x1b[2J (int)"),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_no_weight_is_named(tmp_path, case):
    found, message = ODD[case]
    assert message in fault(saved(tmp_path / "w.pth", found))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"nothing at all", "is no file of weights: it begins with b'nothing '"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"<!DOCTYPE html><html>Not found", "is a web page"),
        (b"\x1f\x8b\x08\x00", "is packed by gzip"),
        (b"\x89HDF\r\n\x1a\n", "is HDF5, as Keras writes it"),
        (b"a" * 257 + b"ustar\x0000", "is a tar archive"),
        (b"\x80\x02", "is cut short or damaged"),
        (b"PK\x03\x04" + bytes(99), "is cut short or damaged"),
    ],
)
def test_other_files_are_told_by_how_they_begin(tmp_path, data, message):
    (tmp_path / "w.pth").write_bytes(data)
    assert message in fault(tmp_path / "w.pth")


def test_places_without_a_file_are_told(tmp_path):
    assert "there is no file" in fault(tmp_path / "none.pth")
    assert "is a folder" in fault(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "is no plain file" in fault(tmp_path / "pipe")
    assert "is no name of a file" in fault(tmp_path / "a\0b")


def test_a_file_beyond_all_weights_is_not_opened(tmp_path):
    with open(tmp_path / "w.pth", "wb") as file:
        file.write(b"\x80\x02")
        file.truncate(LARGEST + 1)  # takes no disk
    assert "are read at most" in fault(tmp_path / "w.pth")


def test_a_compressed_archive_is_not_unpacked(tmp_path):
    saved(tmp_path / "w.pth", {"w": torch.zeros(1 << 16)})
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as whole,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for part in whole.infolist():
            packed.writestr(part.filename, whole.read(part))
    assert "is compressed" in fault(tmp_path / "packed.pth")


def test_other_archives_are_told(tmp_path):
    np.savez(tmp_path / "w.npz", w=np.ones(3))
    assert "not of torch.save" in fault(tmp_path / "w.npz")
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("w/data.pkl", b"")
        archive.writestr("w/constants.pkl", b"")
    assert "is a program of TorchScript" in fault(tmp_path / "w.pt")


def safetensors_file(path, header, data=b""):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


WHOLE = {"w": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}


@pytest.mark.parametrize(
    ("changes", "data"),
    [
        ({}, bytes(11)),
        ({}, bytes(13)),
        ({"dtype": "F128"}, bytes(12)),
        ({"dtype": "F64"}, bytes(12)),
        ({"shape": [4]}, bytes(12)),
        ({"shape": [-3]}, bytes(12)),
        ({"shape": [1 << 62, 8]}, bytes(12)),
        ({"data_offsets": [0, 1 << 60]}, bytes(12)),
        ({"data_offsets": [12, 0]}, bytes(12)),
        ({"shape": None}, bytes(12)),
    ],
)
def test_broken_safetensors_are_told(tmp_path, changes, data):
    header = {"w": {**WHOLE["w"], **changes}}
    path = safetensors_file(tmp_path / "w.safetensors", header, data)
    assert "is no safetensors file, cut short or damaged" in fault(path)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 40, 67])
def test_safetensors_that_are_cut_short_are_told(tmp_path, length):
    data = save({"w": ONES})
    (tmp_path / "w.safetensors").write_bytes(data[:length])
    assert "w.safetensors is" in fault(tmp_path / "w.safetensors")


@pytest.mark.parametrize("length", [1 << 60, (1 << 64) - 1, 1 << 32])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_header_of_any_length_is_not_believed(tmp_path, length, name):
    (tmp_path / name).write_bytes(struct.pack("<Q", length) + b'{"w": {}}')
    assert "is no safetensors file" in fault(tmp_path / name)


@pytest.mark.parametrize("kind", ["zip", "plain", "safetensors"])
def test_damaged_files_are_read_or_told(tmp_path, kind):
    """Whatever bytes change, there is a state dict or one line."""
    path, draw = tmp_path / "w.bin", random.Random(kind)
    state = {f"w{i}": torch.ones(3, 4) for i in range(3)}
    if kind == "safetensors":
        save_file(state, path)
    else:
        saved(path, checkpoint(state_dict=state), kind == "zip")
    whole = path.read_bytes()
    told = []
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(draw.choice((1, 2, 5))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(data[: draw.choice((len(data), draw.randrange(len(data))))])
        try:
            assert open_weights(path).state
        except WeightsError as error:
            told.append(str(error))
    assert len(told) > 100
    assert not any("\n" in message for message in told)


def test_written_files_hold_every_name_of_shared_memory(tmp_path):
    whole = torch.arange(12.0).reshape(3, 4)
    state = {"b": whole.T, "a": whole, "part": whole[1:, ::2], "param": torch.nn.Parameter(ONES)}
    write_safetensors(tmp_path / "new" / "w.safetensors", state, {"who": "me"})
    found = read_weights(tmp_path / "new" / "w.safetensors")
    assert {*found} == {*state}
    assert all(torch.equal(found[key], state[key]) for key in state)
    with safe_open(tmp_path / "new" / "w.safetensors", "pt") as file:
        assert file.metadata() == {"who": "me"}


def test_the_same_weights_are_the_same_bytes(tmp_path):
    for name, keys in (("one", "ab"), ("two", "ba")):
        write_safetensors(tmp_path / name, dict.fromkeys(keys, ONES), dict.fromkeys(keys, "x"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_older_file_stays_where_the_new_one_cannot_be_written(tmp_path):
    path = tmp_path / "w.safetensors"
    write_safetensors(path, {"a": ONES})
    before = path.read_bytes()
    path.chmod(0o444)
    with pytest.raises(WriteRefusedError):
        write_safetensors(path, {"a": 2 * ONES})
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["w.safetensors"]
