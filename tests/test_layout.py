"""Generated code is laid out as `ruff format` would, though no formatter runs."""

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fpncompiler.codegen.layout import WIDTH, Call, Expr, Keyword, List, Sum, flat, statement
from fpncompiler.ir.ops import (
    ACTIVATIONS,
    DOWN_MODES,
    GRANULARITIES,
    PADDINGS,
    PLAIN_FUSIONS,
    SHARINGS,
    UP_MODES,
    WEIGHTED_FUSIONS,
)
from fpncompiler.pipeline import Options, compile_spec

ROOT = Path(__file__).parents[1]


def named(longest: int) -> st.SearchStrategy[str]:
    """Names of every length up to a limit."""
    stems = st.integers(1, longest - 3).map(lambda size: ("nabcdefgh1_" * 5)[:size].strip("_"))
    return st.builds(lambda stem, number: f"{stem}{number}", stems, st.integers(0, 999))


# Longer names, up to 48 letters, are the business of a test of their own below.
names = named(24)
words = names | st.integers(0, 10**6).map(str)
keywords = st.lists(names, max_size=3, unique=True).map(lambda n: [f"{name}=True" for name in n])


def calls(arguments: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    listed = st.lists(arguments, max_size=8).map(tuple)
    return st.builds(Call, names.map(lambda name: f"self.{name}"), listed)


def modules(arguments: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Calls with keywords behind their arguments."""
    parts = st.tuples(st.lists(arguments, max_size=3), keywords)
    return st.builds(lambda name, part: Call(name, (*part[0], *part[1])), names, parts)


def sequences(keys: list[str]) -> st.SearchStrategy[Expr]:
    """Modules by their names, one after another."""
    parts = st.tuples(*(st.builds(Keyword, st.just(key), modules(words)) for key in keys))
    named = st.builds(Call, st.just("OrderedDict"), parts)
    return named.map(lambda inner: Call("nn.Sequential", (inner,)))


def sums(terms: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.builds(Sum, st.lists(terms, min_size=2, max_size=8).map(tuple))


# What lowering makes: resampled and adapted values, sums of them, calls of either, lists of names.
values = st.deferred(lambda: names | calls(names) | calls(names | calls(names)))
expressions = (
    values
    | modules(words)
    | modules(modules(words) | words)
    | sums(values)
    | calls(sums(values))
    | st.lists(names, min_size=1, max_size=3, unique=True).flatmap(sequences)
    | st.builds(List, st.lists(names, min_size=1, max_size=20).map(tuple))
)
prefixes = names.map(lambda name: f"self.{name} = ") | names.map(lambda n: f"{n} = ")
comments = st.sampled_from(["", "P3/8", "P12/4096"])


@given(prefixes, expressions, comments)
def test_statement_is_its_flat_form_over_lines_that_fit(prefix, expr, comment):
    text = statement(prefix, expr, 8, comment)
    parsed = ast.dump(ast.parse(textwrap.dedent(text)))
    assert parsed == ast.dump(ast.parse(prefix + flat(expr)))
    assert all(line.startswith(" " * 8) for line in text.splitlines())
    assert text.count("#") == bool(comment)
    if isinstance(expr, List | Sum):
        longest = max(text.splitlines(), key=len)
        assert len(longest) <= WIDTH or max(map(len, names_of(expr))) > WIDTH - 40


def names_of(expr: Expr) -> list[str]:
    return [part.id for part in ast.walk(ast.parse(flat(expr))) if isinstance(part, ast.Name)]


def ruff(folder: Path, *arguments: str) -> str:
    """The beginning of what ruff says of a folder, with our settings; empty if nothing."""
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "--config"]
    command += [f"{ROOT}/pyproject.toml", folder.name]
    found = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True)
    return (found.stdout + found.stderr)[:3000] if found.returncode else ""


# Not shrunk: one example is a batch for one run of ruff, whose difference shows the fault.
slow = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    derandomize=True,
    phases=[Phase.generate],
)


@st.composite
def statements(draw: st.DrawFn) -> str:
    """As text: to show how a failing example was built takes hypothesis minutes."""
    return statement(draw(prefixes), draw(expressions), 8, draw(comments))


@slow
@given(lines=st.lists(statements(), min_size=40, max_size=40))
def test_formatter_leaves_statements_alone(lines, tmp_path_factory):
    folder = tmp_path_factory.mktemp("statements")
    lines = ["class Layer:", "    def forward(self):", *lines]
    (folder / "statements.py").write_text("\n".join([*lines, ""]))
    assert ruff(folder, "format", "--diff") == ""


styles = st.fixed_dictionaries(
    {},
    optional={
        "fusion": st.sampled_from([*PLAIN_FUSIONS, *WEIGHTED_FUSIONS, "spatial_softmax"])
        | st.tuples(st.sampled_from(WEIGHTED_FUSIONS), st.sampled_from(GRANULARITIES)).map(
            lambda pair: f"{{kind: {pair[0]}, granularity: {pair[1]}, eps: 0.5}}"
        ),
        "op": st.sampled_from(
            [
                "none",
                "conv1x1",
                "{conv: full}",
                "{kernel: 5, order: [conv, norm, act], bias: true}",
                "{order: [norm, act, conv]}",
                "relu",
                "[conv1x1, {pool: max, kernel: 5}, {conv: depthwise, order: [conv, norm]}]",
                "{block: c2f, depth: 3, expansion: 0.25}",
                "[l2_norm, {block: residual, activation: leaky_relu}, conv3x3, sigmoid]",
            ]
        ),
        "up": st.sampled_from([*UP_MODES, "pixel_shuffle", "{block: carafe, kernel: 3}"]),
        "down": st.sampled_from([*DOWN_MODES, "conv3x3", "{conv: full, kernel: 5, bias: true}"]),
        "padding": st.sampled_from(PADDINGS),
        "adapters": st.sampled_from(SHARINGS).map(lambda word: f"{{sharing: {word}}}"),
        "activation": st.sampled_from(ACTIVATIONS),
        "norm": st.sampled_from(["{eps: 1e-5}", "{eps: 1e-4, momentum: 0.1}"]),
        "redundant_bias": st.sampled_from(["true", "false"]),
        "depth": st.integers(1, 4),
        "width": st.sampled_from([8, 64, 200]),
        "passes": st.just("[prune_single_input, add_same_level_skip]"),
    },
)
NODE_KEYS = ("fusion", "op", "up", "down")


@st.composite
def specs(draw: st.DrawFn, family_names: st.SearchStrategy[str], lowest: int) -> str:
    """Wide and deep specs: every family may read all before it, at every level."""
    low = draw(st.integers(2, lowest))
    levels = f"{low}..{draw(st.integers(low + 1, 9))}"
    families = draw(st.lists(family_names, min_size=1, max_size=6, unique=True))
    nodes = []
    for i, family in enumerate(families):
        known = ["in", "backbone", *families[:i]]
        shapes = st.sampled_from(["(*)", "(l)", "(l-1..l+1)", "(l-9..l+9)"])
        plain = st.builds(_reference, st.sampled_from(known), shapes)
        reads = plain | st.builds(
            lambda form, first, second: form.format(first, second),
            st.sampled_from(["{{from: {}, via: [relu, resample, conv1x1]}}", "{{max: [{}, {}]}}"]),
            plain,
            plain,
        )
        inputs = ["in(l)", *draw(st.lists(reads, max_size=5)), *draw(_recursion(family))]
        own = {k: v for k, v in draw(styles).items() if k in NODE_KEYS}
        rest = "".join(f", {key}: {value}" for key, value in own.items())
        nodes.append(f"  {family}(l): {{inputs: [{', '.join(inputs)}], keep: true{rest}}}")
    head = ["fpnc: 1", "name: random", f"levels: {levels}", f"outputs: {families[-1]}"]
    head += [f"{key}: {value}" for key, value in draw(styles).items()]
    return "\n".join([*head, "nodes:", *nodes, ""])


def _reference(family: str, levels: str) -> str:
    return "backbone(*)" if family == "backbone" else family + levels


def _recursion(family: str) -> st.SearchStrategy[list[str]]:
    return st.sampled_from([[], [f"{family}(l-1)"], [f"{family}(l+1)"]])


def assert_clean(texts: list[str], folder: Path) -> None:
    for number, text in enumerate(texts):
        (folder / f"random_{number}.yaml").write_text(text)
        (folder / f"random_{number}.py").write_text(compile_spec(text, Options()).source)
    assert ruff(folder, "format", "--diff") == ""
    assert ruff(folder, "check", "--output-format", "concise") == ""


@slow
@given(texts=st.lists(specs(named(20), 4), min_size=10, max_size=10))
def test_formatter_and_linter_leave_generated_files_alone(texts, tmp_path_factory):
    assert_clean(texts, tmp_path_factory.mktemp("generated"))


N = "p" + "x" * 23  # the longest that a node may have


@pytest.mark.parametrize(
    "text",
    [
        f"fusion: softmax\nnodes:\n  {N}(l): [in(*), {N}(l+1)]\nlevels: 3..5\noutputs: {N}",
        "levels: 5..7\nnodes:\n  td(l): [in(l), td(l+1)]\noutputs: td",
        "levels: 3..5\nwidth: 320\nnodes:\n  td(l): [in(l), td(l+1)]\noutputs: td",
        f"levels: 3..5\nop: none\nnodes:\n  {N}(l): [in(l), {N}(l+1)]\noutputs: {N}",
        f"levels: 2..5\nnodes:\n  {N}(l): [in(l), in(*)]\n  td(l): [{N}(*)]\noutputs: td",
    ],
    ids=["long names", "one backbone level", "unadapted level", "two terms", "wide table"],
)
def test_formatter_and_linter_leave_unusual_files_alone(text, tmp_path):
    (tmp_path / "generated").mkdir()
    assert_clean([f"fpnc: 1\nname: unusual\n{text}\n"], tmp_path / "generated")


def test_a_sum_does_not_break_in_empty_brackets(tmp_path):
    long = "a_value_that_has_a_name_of_forty_letters"
    value = Sum(
        (Call("self.first_module_of_all", (Call("self.inner", (long,)),)), Call("self.g", ()))
    )
    text = statement("a_rather_long_name_of_a_node = ", value, 8)
    assert text.splitlines()[0].endswith("= (")
    (tmp_path / "code").mkdir()
    lines = ["class Layer:", "    def forward(self):", text, ""]
    (tmp_path / "code/layer.py").write_text("\n".join(lines))
    assert ruff(tmp_path / "code", "format", "--diff") == ""
