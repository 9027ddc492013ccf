"""The gate bites: with the earlier defences switched off, each planted fault is refused.

Planted are faults of the compiler itself: a template that prints a text as it is, an emit function
that forgets something, a lowering that names what it should not.
"""

import dataclasses
from pathlib import Path

import jinja2
import pytest

from fpncompiler import pipeline, provenance
from fpncompiler.codegen import blocks, describe, emission, lower, modules, render
from fpncompiler.codegen.allowlist import RenderError
from fpncompiler.codegen.layout import Call

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
