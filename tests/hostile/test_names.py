"""Names that mean something in Python or torch: refused in every field that names something."""

import ast
import builtins
import keyword
import random
import unicodedata
from pathlib import Path

import pytest
from torch import nn

import fpncompiler
from fpncompiler.diagnostics import SpecError
from fpncompiler.spec.names import name_fault
from tests.hostile.payloads import Payload
from tests.hostile.sinks import SINKS

ROOT = Path(__file__).resolve().parents[2]
WORDS = sorted(
    {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *dir(nn.Module), *vars(nn.Module())}
)
NAMING = (
    "topology name",
    "topology family",
    "topology named node",
    "topology named output",
    "topology let name",
    "topology node's share",
    "topology prologue name",
    "model model",
    "model phi_prefix",
    "model variant name",
)
FIELDS = {sink.name: sink for sink in SINKS if sink.name in NAMING}


def test_every_field_that_names_is_here():
    assert {*FIELDS} == {*NAMING}
    assert len(WORDS) > 250


def identifiers(source):
    """What a file gives a name to: variables, attributes, functions, classes."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.ClassDef):
            yield node.name


@pytest.mark.parametrize("field", NAMING)
def test_words_of_python_and_torch_are_refused_or_get_a_prefix(field, tmp_path):
    sink = FIELDS[field]
    (tmp_path / "models").mkdir()
    of_modules = {*dir(nn.Module), *vars(nn.Module())}
    harmless = None
    seen = set()
    for payload in [sink.twin, *map(Payload, WORDS)]:
        word = payload.text
        for name, text in sink.files(payload).items():
            (tmp_path / name).write_text(text)
        try:
            source = fpncompiler.compile_spec(tmp_path / "t.yaml").source
        except SpecError:
            continue
        if source in seen:
            continue
        seen.add(source)
        harmless = harmless or set(identifiers(source))
        made = set(identifiers(source)) - harmless
        assert payload is sink.twin or word not in made
        assert not made & {*keyword.kwlist, *dir(builtins)}
        attributes = {
            node.attr
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }
        assert not attributes & of_modules


@pytest.mark.parametrize("word", WORDS)
def test_no_such_word_is_a_name(word):
    assert name_fault(word)


def test_no_name_is_what_a_layer_has_already():
    """The parameters of its methods, and the modules that it reads."""
    taken = {"nn", "torch"}
    for spec in ("bifpn", "nas_fpn", "unet", "yolov8_pan"):
        tree = ast.parse(fpncompiler.compile_spec(ROOT / f"specs/{spec}.yaml").source)
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Layer"):
                taken |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    # `c3` is a parameter of `__init__`, where no node's name stands alone.
    assert {name for name in taken if not name_fault(name)} <= {f"c{level}" for level in range(13)}


def test_homoglyphs_and_their_like_are_no_names():
    draw = random.Random(0)
    letters = [
        chr(c)
        for c in range(0x80, 0x110000)
        if unicodedata.category(chr(c)) in ("Ll", "Lu", "Lo", "Lm", "Nd", "Nl", "Mn", "Cf", "Pc")
    ]
    for _ in range(5_000):
        word = [*draw.choice(["td", "out", "eval", "p3_in", "lateral"])]
        word[draw.randrange(len(word))] = draw.choice(letters)
        assert name_fault("".join(word))
