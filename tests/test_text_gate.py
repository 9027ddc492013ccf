"""Free text of a spec cannot become code in a generated file."""

import ast
import unicodedata

import pytest

import fpncompiler
from fpncompiler.codegen.describe import plain_text

SPEC = """\
fpnc: 1
name: stranger
{field}: {text}
levels: 3..5
nodes:
  td(l): [in(l), td(l+1)]
outputs: td
"""
PAYLOADS = [
    '"X\\"\\"\\"; print(1); \\"\\"\\"Y"',
    '"X\uff02\uff02\uff02; print(1); \uff02\uff02\uff02Y"',
    '"X\uff3c\uff02\uff02\uff02\ufe68"',
    '"a\\nimport os"',
    '"{{ 7 * 7 }}"',
    '"\\x1b[31m"',
]


def shape(source):
    """The kinds of all nodes of a file: equal for equal code around other text."""
    return [type(node).__name__ for node in ast.walk(ast.parse(source))]


@pytest.mark.parametrize("field", ["title", "source"])
@pytest.mark.parametrize("text", PAYLOADS)
def test_text_leaves_the_shape_of_the_code_as_it_is(field, text):
    harmless = fpncompiler.compile_spec(SPEC.format(field=field, text="word"))
    source = fpncompiler.compile_spec(SPEC.format(field=field, text=text)).source
    assert shape(source) == shape(harmless.source)
    assert source.isascii()


def test_no_character_becomes_a_quote_or_a_backslash():
    dangerous = [
        chr(code)
        for code in range(0x110000)
        if not 0xD800 <= code <= 0xDFFF and set(unicodedata.normalize("NFKD", chr(code))) & {*'"\\'}
    ]
    assert len(dangerous) > 2
    assert not {*'"\\'} & set(plain_text("".join(dangerous)))
