"""Generated files are read as PyTorch builds them: random networks, all blocks among them.

30 networks; 400 with FPNC_HEAVY.
"""

import sys

import torch
from hypothesis import given, settings

from fpncompiler.pipeline import Compiled
from fpncompiler.reading.file import read_file
from fpncompiler.reading.values import opaque_modules, state_shapes
from tests.oracle.equality import generated_module
from tests.oracle.specs import Spec, specs
from tests.oracle.test_equality import EXAMPLES, HEAVY, compiled_or_refused, shown


def test_random_networks_have_the_keys_that_are_read():
    @settings(EXAMPLES, max_examples=400 if HEAVY else 30)
    @given(specs())
    def check(spec: Spec) -> None:
        compiled = compiled_or_refused(spec)
        if not isinstance(compiled, Compiled):
            return
        with shown(spec):
            read = read_file(compiled.source)
            assert not read.unclear
            assert [*opaque_modules(read.model)] == ["backbone"]
            module = generated_module(spec.text, **dict(spec.options))
            del sys.modules[module.__name__]
            with torch.device("meta"):
                built = module.FeatureNetwork().state_dict()
            shapes = {f"network.{key}": tuple(tensor.shape) for key, tensor in built.items()}
            prefix = "network."
            found = {k: s for k, s in state_shapes(read.model).items() if k.startswith(prefix)}
            assert found == shapes

    check()
