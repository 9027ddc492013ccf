"""Generated code means what its spec says: equal, bit for bit, to the interpreter of the IR.

Seeds are fixed, unless FPNC_HEAVY asks for many specs; those take `--hypothesis-seed`.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, given, settings

from fpncompiler import compile_spec
from fpncompiler.diagnostics import SpecError
from fpncompiler.pipeline import Compiled
from tests.oracle.equality import assert_costs, assert_equal, assert_memory, generated_module
from tests.oracle.settings import (
    ACTIVATIONS,
    BLOCKS,
    DOUBLING,
    DOWNS,
    GRANULARITIES,
    ORDERS,
    PADDINGS,
    PLAIN,
    SHARINGS,
    WEIGHTED,
)
from tests.oracle.specs import Spec, specs
from tests.test_layout import ruff

HEAVY = bool(os.environ.get("FPNC_HEAVY"))

AT_LEAST = 2000 if HEAVY else 200
EXAMPLES = settings(
    max_examples=AT_LEAST * 41 // 40,  # some are refused
    deadline=None,
    derandomize=not HEAVY,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    database=None,
)

# What is drawn and refused after all, for it shows only when the passes have run.
REFUSED = {
    "F302": "a resampling before a step with a stride leads out of the levels",
    "F307": "a pass gives a gate a third input, or leaves it with one",
    "F404": "at phi 1, images of 640 pixels are no multiple of a level that nothing else gives",
}

CONSTRUCTS = {
    "--levels",
    "add_same_level_skip",
    "after",
    "all levels",
    "backbone",
    "block depth",
    "conv depthwise",
    "conv full",
    "conv separable",
    "conv1x1",
    "conv3x3",
    "depth",
    "exception",
    "extra levels",
    "fusion completed",
    "fusion gate",
    "fusion spatial_softmax",
    "inputs",
    "k",
    "k first",
    "k parity",
    "keep",
    "let",
    "mirror",
    "named node",
    "nested",
    "nested gate",
    "node width",
    "norm",
    "op chain",
    "op changes level",
    "op none",
    "outputs a subset",
    "outputs of several",
    "padding of a convolution",
    "parallel",
    "parallel edges",
    "phi",
    "prologue",
    "prologue of two families",
    "prune_single_input",
    "published",
    "range",
    "range beside l",
    "read by name",
    "redundant_bias",
    "share",
    "share between declarations",
    "single",
    "single level",
    "step doubling",
    "step down",
    "step stride",
    "step up",
    "step width",
    "via",
    "via changes level",
    "via resample",
    "width by level",
    "width same",
    *(f"activation {word}" for word in ACTIVATIONS),
    *(f"adapters {word}" for word in (*SHARINGS, "normed", "plain")),
    *(f"block {word}" for word in BLOCKS),
    *(f"down {word}" for word in DOWNS),
    *(f"fusion {word}" for word in (*PLAIN, *WEIGHTED)),
    *(f"granularity {word}" for word in GRANULARITIES),
    *(f"layer {word}" for word in ("all", "at", "last", "rel", "upto")),
    *(f"nested {word}" for word in (*PLAIN, *WEIGHTED, "spatial_softmax")),
    *(f"order {word}" for word in ORDERS),
    *(f"padding {word}" for word in PADDINGS),
    *(f"pool stride {stride}" for stride in (1, 2, 4)),
    *(f"up {word}" for word in ("nearest", "bilinear", *DOUBLING)),
}


def test_generated_networks_equal_the_interpreter():
    seen, refused, count = Counter(), Counter(), 0

    @EXAMPLES
    @given(specs())
    def check(spec: Spec) -> None:
        nonlocal count
        compiled = compiled_or_refused(spec)
        if isinstance(compiled, set):
            refused.update(compiled)
            return
        count += 1
        seen.update(spec.constructs)
        assert_means_what_it_says(spec, compiled)

    check()
    report = f"{count} compiled, refused: {dict(refused)}"
    print(report)
    assert count >= AT_LEAST, report
    assert not CONSTRUCTS - set(seen), f"never drawn: {sorted(CONSTRUCTS - set(seen))}"


@contextmanager
def shown(spec: Spec) -> Iterator[None]:
    """What fails in here shows the spec."""
    try:
        yield
    except Exception as error:
        error.add_note(repr(spec))
        raise


def compiled_or_refused(spec: Spec) -> Compiled | set[str]:
    """A spec compiled, or the codes for which the compiler may refuse it."""
    with shown(spec):
        try:
            return compile_spec(spec.text, **dict(spec.options))
        except SpecError as error:
            codes = {diagnostic.code for diagnostic in error.diagnostics}
            if codes <= set(REFUSED):
                return codes
            raise


def assert_means_what_it_says(spec: Spec, compiled: Compiled) -> None:
    """A generated network costs what was said, and does what its graphs mean."""
    with shown(spec):
        module = generated_module(spec.text, **dict(spec.options))
        try:
            assert_costs(compiled, module)
            assert_memory(compiled, module)
            assert_equal(compiled, module)
        finally:
            del sys.modules[module.__name__]  # thousands would stay otherwise


def test_the_formatter_leaves_random_networks_alone(tmp_path):
    """Nor has the linter anything to say; and the same spec gives the same file again."""
    (tmp_path / "generated").mkdir()
    drawn: list[Spec] = []

    @settings(EXAMPLES, max_examples=150 if HEAVY else 30)
    @given(specs())
    def write(spec: Spec) -> None:
        compiled = compiled_or_refused(spec)
        if isinstance(compiled, Compiled):
            assert compiled_or_refused(spec).source == compiled.source, spec
            path = tmp_path / "generated" / f"random_{len(drawn)}"
            path.with_suffix(".yaml").write_text(repr(spec))
            path.with_suffix(".py").write_text(compiled.source)
            drawn.append(spec)

    write()
    assert len(drawn) > 20
    assert ruff(tmp_path / "generated", "format", "--diff") == ""
    assert ruff(tmp_path / "generated", "check", "--output-format", "concise") == ""
