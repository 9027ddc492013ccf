"""YAML's own tricks: tags, merge keys, anchors, directives, encodings. All end in a diagnostic."""

import codecs

import pytest

import fpncompiler
from fpncompiler.diagnostics import Sink, SpecError
from fpncompiler.spec.tree import parse_tree

PYTHON_TAGS = """
    bool bytes complex dict float int list long none str tuple unicode
    name:os.system name:builtins.eval name:builtins.exec name:subprocess.Popen name:os module:os
    module:subprocess module:sys module:builtins module:ctypes module:fpncompiler
    object:os.system object:subprocess.Popen object:builtins.object
    object/apply:os.system object/apply:os.popen object/apply:os.execl object/apply:subprocess.Popen
    object/apply:subprocess.check_output object/apply:builtins.eval object/apply:builtins.exec
    object/apply:builtins.open object/apply:builtins.getattr object/apply:builtins.__import__
    object/apply:time.sleep object/apply:importlib.import_module object/apply:pathlib.Path
    object/apply:torch.load object/apply:torch.hub.load object/apply:pickle.loads
    object/apply:yaml.unsafe_load object/apply:webbrowser.open object/apply:socket.create_connection
    object/new:os.system object/new:type object/new:tuple object/new:subprocess.Popen object/new:str
    object/new:frozenset object/new:bytes object/new:yaml.Node
""".split()
CORE_TAGS = (
    "str int float bool null map seq set omap pairs binary timestamp merge value yaml".split()
)
SHORT = [f"!!python/{name}" for name in PYTHON_TAGS] + [f"!!{name}" for name in CORE_TAGS]
LONG = [f"!<tag:yaml.org,2002:{tag[2:]}>" for tag in SHORT]
LOCAL = [
    "!", "!x", "!os.system", "!include", "!env", "!ENV", "!eval", "!exec", "!python", "!secret",
    "!Ref", "!Sub", "!GetAtt", "!vault", "!file", "!url", "!reference", "!import", "!ruby/object:X",
    "!java.lang.Runtime", "!!javax.script.ScriptEngineManager", "!!com.sun.rowset.JdbcRowSetImpl",
    "!<!x>", "!<x>", "!<tag:x,2000:y>", "!%21", "!a!b", "!x%2fy",
]  # fmt: skip
TAGS = [*SHORT, *LONG, *LOCAL]
PLACES = ("a: {} x", "{} a: x", "a: [{} x]", "a: {} {{b: c}}", "a:\n  - {} [x]")


def codes(text):
    sink = Sink()

    def read():
        parse_tree(text if isinstance(text, bytes) else text.encode(), "s.yaml", sink)
        sink.stop_on_errors()

    with pytest.raises(SpecError) as caught:
        read()
    return {d.code for d in caught.value.diagnostics}


def test_there_are_enough_tags():
    assert len(set(TAGS)) * len(PLACES) >= 200


@pytest.mark.parametrize("tag", TAGS)
def test_tags_are_refused_everywhere(tag):
    for place in PLACES:
        if tag == "!":  # the tag of what is no tag
            continue
        assert codes(place.format(tag) + "\n") <= {"F101", "F104"}, place


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: 1\na: 2\n", "F106"),
        ("{a: 1, a: 2}\n", "F106"),
        ('a: 1\n"a": 2\n', "F106"),
        ('a: 1\n"\\x61": 2\n', "F106"),
        ("a: {b: 1, c: 2, b: 3}\n", "F106"),
        ("? a\n: 1\n? a\n: 2\n", "F106"),
        ("<<: {a: 1}\n", "F104"),
        ("a: 1\n<<: {a: 2}\n", "F104"),
        ('"<<": {a: 1}\n', "F104"),
        ("a: &x 1\n", "F104"),
        ("&x a: 1\n", "F104"),
        ("a: *x\n", "F104"),
        ("*x : 1\n", "F104"),
        ("a: &x {b: *x}\n", "F104"),
        ("a: &x [*x]\n", "F104"),
        ("&a [*a]\n", "F104"),
        ("%YAML 1.1\n---\na: 1\n", "F104"),
        ("%YAML 1.2\n---\na: 1\n", "F104"),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", "F104"),
        ("%TAG !e! tag:x,2000:\n---\na: !e!y 1\n", "F104"),
        ("%FOO bar\n%YAML 1.1\n---\na: 1\n", "F101"),
        ("a: 1\n---\nb: 2\n", "F104"),
        ("a: 1\n...\n---\nb: 2\n", "F104"),
        ("--- a: 1\n--- b: 1\n", "F101"),
        ("? [a]\n: 1\n", "F104"),
        ("? {a: 1}\n: 1\n", "F104"),
        ("{[a]: 1}\n", "F104"),
        ("? |\n  a\n? |\n  a\n", "F106"),
        ("- a\n", "F103"),
        ("a\n", "F103"),
        ("", "F103"),
        ("# nothing\n", "F103"),
        ("---\n", "F103"),
        ("\ufeffa: 1\n", "F102"),
        ("a: 1\0\n", "F102"),
        ("a: \x1b[31m\n", "F102"),
        ("a: 1\rb: 2\n", "F102"),
        ("a: 1\x85b: 2\n", "F102"),
        ("a: 1\u2028b: 2\n", "F102"),
        ("a: \u202e1\n", "F102"),
        ("a: 1".encode("utf-16"), "F102"),
        (b"a: 1".decode().encode("utf-16-le"), "F102"),
        ("a: 1\n".encode("utf-32"), "F102"),
        (codecs.BOM_UTF8 + b"a: 1\n", "F102"),
        (b"a: \xed\xa0\x80\n", "F102"),  # a lone surrogate
        (b"a: \xc0\xaf\n", "F102"),  # a slash that is too long
        (b"a: \xff\n", "F102"),
        (b"\x80", "F102"),
        (b"a: \xf4\x90\x80\x80\n", "F102"),  # beyond Unicode
        ("a: [" * 1000, "F105"),
        ("{" * 1000, "F105"),
        ("a: " + "[" * 100 + "]" * 100, "F105"),
        ("a: 'b\n", "F101"),
        ("a: [1\n", "F101"),
        ("\ta: 1\n", "F101"),
        ("a: `x`\n", "F101"),
        ("a: @x\n", "F101"),
        ("a: %x\n", "F101"),
    ],
)
def test_what_specs_do_not_have_is_refused(text, code):
    assert code in codes(text)


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff", "\\ud83d\\ude00"])
def test_escaped_surrogates_do_no_harm(escape):
    """PyYAML makes a lone surrogate of them, which no file could hold."""
    spec = f'fpnc: 1\nname: mine\nextends: panet\ntitle: "a{escape}b"\n'
    try:
        source = fpncompiler.compile_spec(spec).source
    except SpecError as error:
        source = str(error)
    assert source.isascii()
