"""Free text: every code point, and random text, leaves a file's shape as it is."""

import ast
import dataclasses
import os
import random

import pytest

import fpncompiler
from fpncompiler import provenance
from fpncompiler.codegen.render import render_body
from tests.hostile.payloads import yaml_text

HEAVY = bool(os.environ.get("FPNC_HEAVY"))
SPEC = """\
fpnc: 1
name: stranger
title: {title}
source: {source}
model: {model}
levels: 3..4
nodes: {{td(l): [in(l), td(l+1)]}}
outputs: td
"""
MODEL = """\
fpnc: 1
model: lab
title: {title}
source: {source}
backbone: lcnet_035
resolution: 64
width: 8
depth: 1
"""
POINTS = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
BATCH = 8192  # code points in a text; what breaks a batch is a fault all the same


def body(source):
    return source.split("\n", 3)[3]


def shape(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def own(source):
    """The part that texts could reach: all but the blocks, which are copied."""
    blocks = source.index("\n\n\n"), source.index("class FeatureNetwork(")
    return source[: blocks[0]] + "\n" + source[blocks[1] :]


@pytest.fixture
def compiled(tmp_path):
    """Compiles a spec with a text in one of its fields."""
    (tmp_path / "models").mkdir()

    def compile(field, text):
        kind, _, key = field.partition(" ")
        words = {"title": "word", "source": "word"}
        mine, other = {**words, key: yaml_text(text)}, words
        spec, model = (mine, other) if kind == "topology" else (other, mine)
        (tmp_path / "t.yaml").write_text(SPEC.format(**spec, model="lab"))
        (tmp_path / "models/lab.yaml").write_text(MODEL.format(**model))
        return fpncompiler.compile_spec(tmp_path / "t.yaml").source

    return compile


@pytest.fixture
def detector(compiled, monkeypatch):
    """What a small file is rendered from, so that texts may be longer than specs have them."""
    kept = []
    original = provenance.render_body
    monkeypatch.setattr(provenance, "render_body", lambda d: kept.append(d) or original(d))
    compiled("topology title", "word")
    return kept[0]


def with_text(detector, field, text):
    kind, _, key = field.partition(" ")
    if kind == "topology":
        return dataclasses.replace(detector, **{key: text})
    return dataclasses.replace(detector, model=dataclasses.replace(detector.model, **{key: text}))


FIELDS = ("topology title", "topology source", "model title", "model source")


@pytest.mark.parametrize("field", FIELDS)
def test_no_code_point_changes_the_shape(field, detector):
    harmless = shape(own(render_body(with_text(detector, field, "word"))))
    for start in range(0, len(POINTS), BATCH):
        text = "".join(map(chr, POINTS[start : start + BATCH]))
        source = render_body(with_text(detector, field, text))
        assert shape(own(source)) == harmless, f"{start:x}"
        assert source.isascii()
        assert not {*source} & {*map(chr, range(32))} - {"\n"}


@pytest.mark.parametrize("field", FIELDS)
def test_code_points_that_matter_are_tried_one_by_one(field, detector):
    """At the end of a text and twice, where one quote or backslash would be enough."""
    harmless = shape(own(render_body(with_text(detector, field, "word"))))
    for code in [*range(0x30), 0x5C, *range(0x7F, 0xA1), 0x2028, 0x2029, 0x2033, 0xFF02, 0xFF3C]:
        text = f"a{chr(code)} {chr(code) * 3}x{chr(code)}\nb{chr(code)}"
        assert shape(own(render_body(with_text(detector, field, text)))) == harmless, hex(code)


ALPHABET = "\"'\\\n\r\t#{}%$`()[];:=,._- \x00\x0c\x1b\x85\u2028\uff02\uff3cabcnNuUx01é\U0001f4a3"


@pytest.mark.parametrize("seed", range(20_000 if HEAVY else 60))
def test_random_text_leaves_the_shape(seed, compiled):
    draw = random.Random(seed)
    field = draw.choice(["topology title", "topology source", "model title", "model source"])
    text = "".join(draw.choices(ALPHABET, k=draw.choice([3, 30, 300])))
    assert shape(compiled(field, text)) == shape(compiled(field, "word"))
