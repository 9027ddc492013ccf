"""The gate bites: with the earlier defences switched off, each planted fault is refused.

Planted are faults of the compiler itself: a template that prints a text as it is, an emit function
that forgets something, a lowering that names what it should not.
"""

import ast
import dataclasses
from pathlib import Path

import jinja2
import pytest

import fpncompiler
from fpncompiler import pipeline, provenance
from fpncompiler.codegen import allowlist, blocks, describe, emission, gate, lower, modules, render
from fpncompiler.codegen.allowlist import RenderError
from fpncompiler.codegen.layout import Call
from fpncompiler.codegen.shape import check_header, check_shape, declares_encoding

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "fpncompiler/codegen/templates"
CODE = "import os; os.system('touch pwned')"


@pytest.fixture
def detector(monkeypatch):
    """What a small file is rendered from."""
    return captured("specs/bifpn.yaml", monkeypatch)


def captured(spec, monkeypatch, **options):
    kept = []
    original = provenance.render_body

    def keep(detector):
        kept.append(detector)
        return original(detector)

    with monkeypatch.context() as patch:
        patch.setattr(provenance, "render_body", keep)
        pipeline.compile_spec(ROOT / spec, pipeline.Options(**options))
    return kept[0]


@pytest.fixture
def undefended(monkeypatch):
    """Templates print anything; free text goes in as it is."""
    monkeypatch.setattr(emission, "_gate", lambda value: value)
    emission.environment.cache_clear()
    monkeypatch.setattr(describe, "plain_text", lambda text: text)
    yield
    emission.environment.cache_clear()


def templates(monkeypatch, **changed):
    """Templates of which some are changed: `old` text by `new`."""
    found = {path.name: path.read_text() for path in TEMPLATES.glob("*.j2")}
    for name, (old, new) in changed.items():
        file = f"{name}.py.j2"
        assert old in found[file]
        found[file] = found[file].replace(old, new, 1)
    environment = emission.environment().overlay(loader=jinja2.DictLoader(found))
    monkeypatch.setattr(render, "environment", lambda: environment)


def with_title(detector, title):
    return dataclasses.replace(detector, title=title)


def with_backbone(detector, name):
    backbone = dataclasses.replace(detector.model.backbone, name=name)
    return dataclasses.replace(
        detector, model=dataclasses.replace(detector.model, backbone=backbone)
    )


# Texts


@pytest.mark.parametrize(
    "title",
    [
        f'"""\n{CODE}\n"""',
        f'x"""\n    {CODE}\n    """',
        'x"""; x = 1; """',
        '"""',
        "x\\",
        '\\"""',
        "a\rb",
        "a\0b",
        "a\u2028b",
        "a\x0cb",
        "\uff02",
    ],
)
def test_text_that_is_not_emitted_as_text_is_refused(title, detector, undefended):
    with pytest.raises(RenderError):
        render.render_body(with_title(detector, title))


def test_harmless_text_passes_without_any_defence_before_the_gate(detector, undefended):
    assert "Some Title" in render.render_body(with_title(detector, "Some Title"))


@pytest.mark.parametrize(
    ("template", "old", "new"),
    [
        ("head", "LEVELS = {{ levels }}", "LEVELS = {{ levels }}  # {{ title }}"),
        ("head", "LEVELS = {{ levels }}", "{{ title }}\nLEVELS = {{ levels }}"),
        ("head", "LEVELS = {{ levels }}", "LEVELS = {{ levels }}\nTITLE = {{ title }}"),
        ("detector", "super().__init__()", "super().__init__()\n        {{ title }}"),
    ],
)
@pytest.mark.parametrize(
    "title", [f"x\n{CODE}", "x\nX = 1", "(1, 2)", "x", "print(1)", "None", "7", "x\n        y = 1"]
)
def test_template_that_prints_a_title_is_refused(
    template, old, new, title, detector, undefended, monkeypatch
):
    templates(monkeypatch, **{template: (old, new)})
    constants, context = render._constants, render._model_context
    monkeypatch.setattr(render, "_constants", lambda d: {**constants(d), "title": d.title})
    monkeypatch.setattr(
        render, "_model_context", lambda d, code: {**context(d, code), "title": d.title}
    )
    with pytest.raises(RenderError):
        render.render_body(with_title(detector, title))


def test_shape_alone_refuses_a_title_as_a_literal(detector, undefended, monkeypatch):
    """The lists allow a number; that it is a text's makes the difference."""
    templates(monkeypatch, head=("LEVELS = {{ levels }}", "LEVELS = {{ title }}"))
    constants = render._constants
    monkeypatch.setattr(render, "_constants", lambda d: {**constants(d), "title": d.title})
    with pytest.raises(RenderError, match="shape depends on a text"):
        render.render_body(with_title(detector, "(3, 4, 5, 6, 7)"))


@pytest.mark.parametrize(
    "name",
    [
        'x"',
        f'x"; {CODE}; "',
        'x" + "y',
        "x\\",
        'x"\nY = "z',
        "x'\n",
        'x"; Y = 1; Z = "',
        "x\r",
        '""',
    ],
)
def test_backbone_that_ends_its_string_is_refused(name, detector):
    with pytest.raises(RenderError):
        render.render_body(with_backbone(detector, name))


# Names


@pytest.mark.parametrize(
    "node",
    [
        "eval",
        "exec",
        "__class__",
        "x.y",
        "x; import os; y",
        "x\n        import os\n        y",
        "x = y",
        "x: int",
        "(x)",
        "x[0]",
        "p3 if 1 else p4",
        "*x",
        "nn",
        "torch",
        "self.__class__",
        "\u0430",
        "\uff45val",
        "lambda: 0",
        "print",
        "",
        "1",
        "None",
    ],
)
def test_node_name_that_is_none_is_refused(node, detector, monkeypatch):
    name = next(iter(detector.network.layers[0].graph.computed()))
    original = lower.statement

    def renamed(prefix, expr, indent, comment=""):
        text = original(prefix, expr, indent, comment)
        return text.replace(name, node)

    monkeypatch.setattr(lower, "statement", renamed)
    with pytest.raises(RenderError):
        render.render_body(detector)


@pytest.mark.parametrize(
    "module",
    [
        "__import__",
        "eval",
        "exec",
        "compile",
        "open",
        "getattr",
        "setattr",
        "globals",
        "vars",
        "input",
        "breakpoint",
        "type",
        "nn.Module.__subclasses__",
        "nn.Linear",
        "torch.load",
        "torch.hub.load",
        "torch.ops.load_library",
        "torch.classes.load_library",
        "torch.utils.data",
        "torch.compile",
        "torch.jit.load",
        "torch.compiler.is_compiling",
        "timm.create_model",
        "timm.models.load_checkpoint",
        "math.log",
        "os.system",
        "self.load_state_dict",
        "self.__init__",
        "self.forward.__globals__",
        "(lambda: 0)",
        "nn.ReLU()",
        "[nn.ReLU][0]",
        "super().__getattribute__",
        "super().__init__.__globals__",
        "().__class__",
        "''.join",
        "Tensor.__subclasses__",
    ],
)
def test_module_that_is_not_on_the_list_is_refused(module, detector, monkeypatch):
    monkeypatch.setattr(lower, "sequence", lambda run: Call(module, ()))
    with pytest.raises(RenderError):
        render.render_body(detector)


@pytest.mark.parametrize(
    "argument",
    [
        "__import__('os')",
        "eval",
        "lambda: 0",
        "(yield)",
        "(x := 1)",
        "*[1]",
        "**{}",
        "b'x'",
        "1j",
        "1e999",
        "-1e999",
        "9" * 30,
        "f'{1!r}'",
        "f'{1:>9}'",
        "{1: 2}.items()",
        "{1}",
        "[x for x in nn.Module.__subclasses__()]",
        "__debug__",
        "__name__",
        "torch",
        "nn",
        "not 1",
        "1 << 99",
        "unknown",
    ],
)
def test_argument_that_is_not_on_the_list_is_refused(argument, detector, monkeypatch):
    monkeypatch.setattr(lower, "sequence", lambda run: Call("nn.Identity", (argument,)))
    if argument == "*[1]":  # which is what the language has
        render.render_body(detector)
        return
    with pytest.raises(RenderError):
        render.render_body(detector)


@pytest.mark.parametrize(
    "option", ['"last" + __import__("os")', '"last"; import os', "last", "open('x')"]
)
def test_option_of_a_block_that_is_no_literal_is_refused(option, monkeypatch):
    detector = captured("specs/nas_fpn.yaml", monkeypatch)
    monkeypatch.setattr(modules, "_values", lambda options: {"by": option})
    blocks.call_arguments.cache_clear()
    with pytest.raises((RenderError, SyntaxError)):  # or where it is compared with its default
        render.render_body(detector)


# Statements and definitions

METHOD = "class X(nn.Module):\n    def f(self) -> None:\n        "


@pytest.mark.parametrize(
    "line",
    [
        "print(1)",
        "import os",
        "from os import path",
        "import torch as t",
        "from torch import *",
        "from torch import load",
        "from . import x",
        "import torch.hub",
        "if LEVELS:\n    X = 1",
        "for X in LEVELS:\n    Y = X",
        "try:\n    X = 1\nfinally:\n    Y = 2",
        "with x:\n    pass",
        "while 1:\n    pass",
        "del LEVELS",
        "global X",
        "assert LEVELS",
        "X: int = 1",
        "X += 1",
        "X = Y = 1",
        "X, Y = 1, 2",
        "x = 1",
        "X = len(LEVELS)",
        "X = LEVELS",
        "X = [1]",
        "X = {}",
        "X = lambda: 0",
        "X = 1 + 1",
        "X = b''",
        "X = 1j",
        "X = 1e999",
        "X = f'{LEVELS}'",
        "def f():\n    return 1",
        "async def f():\n    return 1",
        "LEVELS = (1,)",
        "nn = 1",
        "__X__ = 1",
        "class X:\n    pass",
        "class X(nn.Module, nn.Module):\n    pass",
        "class X(nn.Module, metaclass=type):\n    pass",
        "class X(nn.Linear):\n    pass",
        "class X(type('Y', (), {})):\n    pass",
        "class X(nn.Module):\n    pass",
        "class X(nn.Module):\n    x = 1",
        "class X(nn.Module):\n    class Y(nn.Module):\n        '''x'''",
        "class X(nn.Module):\n    print(1)",
        "class eval(nn.Module):\n    '''x'''",
        "@staticmethod\nclass X(nn.Module):\n    '''x'''",
        "class ConvNorm(nn.Module):\n    '''x'''",
        "class X(nn.Module):\n    @torch.compile\n    def f(self) -> None:\n        return None",
        "class X(nn.Module):\n    @property\n    def f(self) -> None:\n        return None",
        "class X(nn.Module):\n    def __getattr__(self) -> None:\n        return None",
        "class X(nn.Module):\n    def f(self, **words: int) -> None:\n        return None",
        "class X(nn.Module):\n    def f(self, x: int = print(1)) -> None:\n        return None",
        "class X(nn.Module):\n    def f(self) -> open('x'):\n        return None",
        f"{METHOD}import os",
        f"{METHOD}global LEVELS",
        f"{METHOD}nonlocal x",
        f"{METHOD}yield 1",
        "class X(nn.Module):\n    async def f(self) -> None:\n        await self",
        f"{METHOD}x = lambda: 0",
        f"{METHOD}nn.Module.forward = self",
        f"{METHOD}self.x.y = 1",
        f"{METHOD}self.__class__ = 1",
        f"{METHOD}LEVELS[0] = 1",
        f"{METHOD}[self.y, x] = 1, 2",
        f"{METHOD}self",
        f"{METHOD}x = torch\n        x.load(x)",
        f"{METHOD}def g():\n            return 1",
        f"{METHOD}try:\n            x = 1\n        except ValueError:\n            x = 2",
        f"{METHOD}with torch.no_grad():\n            x = 1",
    ],
)
def test_code_that_no_template_has_is_refused(line, detector, monkeypatch):
    templates(monkeypatch, head=("{% if segments %}", f"{line}\n{{% if segments %}}"))
    with pytest.raises(RenderError):
        render.render_body(detector)


def test_a_block_is_the_text_of_the_library_and_no_other(detector, monkeypatch):
    changed = "def max_pool_same(x: Tensor, stride: int = 2) -> Tensor:\n    return x"
    original = render.closure

    def closure(names):
        found = original(names)
        return tuple(
            dataclasses.replace(b, source=changed) if b.name == "max_pool_same" else b
            for b in found
        )

    monkeypatch.setattr(render, "closure", closure)
    with pytest.raises(RenderError, match="`max_pool_same` is not the block of this name"):
        render.render_body(detector)


def test_a_block_of_ours_is_on_the_lists_too(detector, monkeypatch):
    source = "def max_pool_same(x: Tensor, stride: int = 2) -> Tensor:\n    return open(x)"
    block = blocks.library().blocks["max_pool_same"]
    monkeypatch.setitem(
        blocks.library().blocks,
        "max_pool_same",
        dataclasses.replace(block, source=source, uses=block.uses | {"open"}),
    )
    with pytest.raises(RenderError, match="the name `open`"):
        render.render_body(detector)


def test_a_fault_names_its_line(detector, monkeypatch):
    templates(monkeypatch, head=("{% if segments %}", "X = open('x')\n{% if segments %}"))
    with pytest.raises(RenderError) as caught:
        render.render_body(detector)
    monkeypatch.undo()
    lines = render.render_body(detector).split("\n")
    number = next(i for i, text in enumerate(lines, 1) if text.startswith("SMALLEST_SIDE"))
    assert f"line {number + 1} of the generated file: " in str(caught.value)


# The header

HEADER = "# Code generated by fpnc from {} (phi=0). DO NOT EDIT.\n# b\n# c\n"


def test_header_of_three_comments_passes():
    check_header(HEADER.format("specs/bifpn.yaml") + "X = 1\n", "X = 1\n")


@pytest.mark.parametrize(
    "spec",
    [
        "a\nimport os #",
        "a\rimport os #",
        "a\0",
        "a\x0c",
        "\u2028",
        "\u0430",
        "coding=utf_7 +AAo-print(1)#",
        r"coding:unicode_escape \nprint(1)#",
        "-*- coding: latin-1 -*-",
        "encoding=x",
    ],
)
def test_header_that_is_more_than_a_comment_is_refused(spec):
    with pytest.raises(RenderError, match="header"):
        check_header(HEADER.format(spec) + "X = 1\n", "X = 1\n")


def test_header_stands_in_front_of_its_body():
    with pytest.raises(RenderError):
        check_header("# a\n# b\n# c\nX = 1\n", "Y = 1\n")
    with pytest.raises(RenderError):
        check_header("# a\n# b\nX = 1\n", "X = 1\n")


def test_stamping_goes_through_the_check_of_the_header(monkeypatch, tmp_path):
    """A file's name could declare an encoding in which the comment ends, and was code then."""
    spec = tmp_path / r"coding=unicode_escape \nprint(1)#.yaml"
    spec.write_text("fpnc: 1\nname: mine\nextends: panet\n")
    with pytest.raises(fpncompiler.spec.loading.SpecNotFoundError, match="declare an encoding"):
        fpncompiler.compile_spec(spec)
    monkeypatch.setattr(provenance, "declares_encoding", lambda comment: False)
    with pytest.raises(RenderError, match="declares an encoding"):
        fpncompiler.compile_spec(spec)


def test_python_reads_no_encoding_that_we_do_not_see(tmp_path):
    import tokenize

    for comment in ("coding=ascii", "coding: ascii", "x coding:ascii", "encoding=ascii"):
        path = tmp_path / "x.py"
        path.write_text(f"# {comment}\n")
        with path.open("rb") as file:
            assert tokenize.detect_encoding(file.readline)[0] == "ascii"
        assert declares_encoding(comment)


# The comparison of shapes


@pytest.mark.parametrize(
    ("text", "twin", "same"),
    [
        ('X = "a"\n', 'X = "word"\n', True),
        ('X = "a"  # b\n', 'X = "word"  # c\n', False),
        ('X = "a" "b"\n', 'X = "word"\n', False),
        ('X = "a\\n"\n', 'X = "word"\n', False),
        ('X = "a" + "b"\n', 'X = "word"\n', False),
        ('X = ("a", "b")\n', 'X = ("word", "word")\n', True),
        ('X = ("a", "b")\n', 'X = ("word",)\n', False),
        ('"""a\nb"""\nX = 1\n', '"""word"""\nX = 1\n', True),
        ('"""a"""\nX = 1\n', '"""word"""\nX = 2\n', False),
        ('"""a"""\nX = 1\nY = 2\n', '"""word"""\nX = 1\n', False),
        ('"""a"""\n', '"""word"""\nX = 1\n', False),
        ("X = 1\n", 'X = "word"\n', False),
        ('X = "a"\n', "X = 1\n", False),
        ('X = f"{1}a"\n', 'X = f"{1}a"\n', True),
        ('X = f"{1}a"\n', 'X = f"{2}a"\n', False),
        ("", "", True),
    ],
)
def test_shapes_differ_in_all_but_strings(text, twin, same):
    if same:
        check_shape(text, ast.parse(text), twin, ())
        return
    with pytest.raises(RenderError):
        check_shape(text, ast.parse(text), twin, ())


# The lists

EVERYTHING = """\
fpnc: 1
name: every
levels: 3..5
nodes:
  td(l): [in(l), {{from: td(l+1), via: [{{kernel: 1}}, {word}]}}]
outputs: td
"""
WORDS = (
    "silu", "relu", "relu6", "leaky_relu", "hard_swish", "mish", "gelu", "sigmoid", "identity",
    "{pool: max, stride: 1, kernel: 3}", "{pool: avg, stride: 1, kernel: 3}", "conv3x3",
    "{conv: full, kernel: 3, order: [norm, act, conv]}",
)  # fmt: skip


@pytest.fixture(scope="module")
def trees():
    """Blocks, the generated files, and a file of each shipped spec and of each small step."""
    sources = [p.read_text() for p in sorted((ROOT / "fpncompiler/blocks").glob("*.py"))]
    sources += [p.read_text() for p in sorted((ROOT / "generated").glob("*.py"))]
    compiled = [fpncompiler.compile_spec(p).source for p in sorted((ROOT / "specs").glob("*.yaml"))]
    steps = [fpncompiler.compile_spec(EVERYTHING.format(word=w)).source for w in WORDS]
    return [ast.parse(text) for text in (*sources, *compiled, *steps)]


def of_models(trees):
    """What templates and lowering make: the classes that are no blocks."""
    known = blocks.library().blocks
    for tree in trees:
        if any(isinstance(n, ast.Assign) for n in tree.body):
            yield from (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name not in known)


def nodes(trees):
    return [node for tree in trees for node in ast.walk(tree)]


def test_every_node_type_of_the_lists_is_used(trees):
    around = {"Module", "Import", "ImportFrom", "alias", "ClassDef", "FunctionDef"}
    assert {type(node).__name__ for node in nodes(trees)} - around == allowlist.BLOCK_NODES
    used = {type(node).__name__ for node in nodes(of_models(trees))}
    assert used - around == allowlist.MODEL_NODES


def test_every_name_of_the_lists_is_used(trees):
    everything = nodes(trees)
    dotted = {gate._dotted(node) for node in everything if isinstance(node, ast.Attribute)}
    assert dotted >= allowlist.LIBRARY
    used = {gate._dotted(n) for n in nodes(of_models(trees)) if isinstance(n, ast.Attribute)}
    assert used >= allowlist.MODEL_LIBRARY
    assert {node.attr for node in everything if isinstance(node, ast.Attribute)} >= (
        allowlist.ATTRIBUTES
    )
    assert {node.id for node in everything if isinstance(node, ast.Name)} >= allowlist.BUILTINS
    used = {
        ast.unparse(decorator)
        for node in everything
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
    }
    assert used == {*allowlist.DECORATORS}


def test_imports_of_the_list_are_those_of_the_blocks():
    from fpncompiler.codegen.definitions import read_imports

    found = set(blocks.EMITTED_IMPORTS)
    for path in (ROOT / "fpncompiler/blocks").glob("*.py"):
        found |= set(read_imports(ast.parse(path.read_text())))
    assert {i for i in found if not i.module.startswith("fpncompiler")} == allowlist.IMPORTS


def test_lists_name_nothing_that_runs_or_loads():
    bad = {"eval", "exec", "compile", "open", "getattr", "setattr", "globals", "vars", "input"}
    bad |= {"load", "hub", "ops", "classes", "utils", "jit", "save", "package", "export"}
    words = {part for name in allowlist.LIBRARY for part in name.split(".")}
    assert not bad & (words | allowlist.ATTRIBUTES | allowlist.BUILTINS)
    assert not any(word.startswith("_") for word in words | allowlist.ATTRIBUTES)
