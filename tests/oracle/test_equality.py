"""Generated code means what its spec says: equal, bit for bit, to the interpreter of the IR."""

import os
import sys
from collections import Counter

from hypothesis import HealthCheck, given, settings

from fpncompiler import compile_spec
from fpncompiler.diagnostics import SpecError
from tests.oracle.equality import assert_costs, assert_equal, generated_module
from tests.oracle.specs import Spec, specs

HEAVY = bool(os.environ.get("FPNC_HEAVY"))
EXAMPLES = int(os.environ.get("N", 2000 if HEAVY else 200))

REFUSED: dict = {}


def test_generated_networks_equal_the_interpreter():
    seen, refused = Counter(), Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=not HEAVY,
        suppress_health_check=list(HealthCheck),
    )
    @given(specs())
    def check(spec: Spec) -> None:
        try:
            compiled = compile_spec(spec.text, **dict(spec.options))
        except SpecError as error:
            codes = {diagnostic.code for diagnostic in error.diagnostics}
            refused.update(codes)
            assert codes <= set(REFUSED), error
            return
        seen.update(spec.constructs)
        module = generated_module(spec.text, **dict(spec.options))
        assert_costs(compiled, module)
        assert_equal(compiled, module)
        del sys.modules[module.__name__]

    check()
