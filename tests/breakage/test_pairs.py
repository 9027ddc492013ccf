"""`breaking` says what really happens when the state dict of one model goes into the other.

22 pairs; 220 with FPNC_HEAVY.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from types import ModuleType

import pytest
import torch

from fpncompiler.breakage.compare import Breakage, breaking
from fpncompiler.detection.weights import rename_keys
from fpncompiler.difference.detectors import difference
from fpncompiler.pipeline import Compiled
from tests.breakage.models import (
    common_size,
    constants,
    detector,
    imported,
    lively,
    loaded,
    outputs,
    signatures,
)
from tests.breakage.pairs import KINDS, drawn

COUNT = 10 * len(KINDS) if os.environ.get("FPNC_HEAVY") else len(KINDS)
OF_FORWARD = {"B831", "B832", "B833", "B834", "B835", "B836"}


@dataclass
class Facts:
    """What is said of a pair, by code -> keys."""

    said: Breakage
    old: Compiled
    new: Compiled
    modules: tuple[ModuleType, ModuleType]
    keys: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = {f.code: {change.key for change in f.changes} for f in self.said.findings}

    def of(self, *codes: str) -> set[str]:
        return set().union(*(self.keys.get(code, set()) for code in codes))


def assert_weights(facts: Facts, models: tuple) -> str:
    """The keys are those that PyTorch names, the backbone's aside where another one is said."""
    unexpected, missing, misshapen, works = loaded(*models)
    told = facts.said.of("weights")
    if "B814" in facts.keys:

        def without(keys: set[str]) -> set[str]:
            return {key for key in keys if not key.startswith("backbone.")}

        unexpected, missing, misshapen = map(without, (unexpected, missing, misshapen))
    else:
        assert works == (not told)
    assert facts.of("B811") == unexpected
    assert facts.of("B812") == missing
    assert facts.of("B813") == misshapen
    assert "B815" not in facts.keys
    return "loads" if works else "does not load"


def assert_api(facts: Facts, models: tuple) -> None:
    old, new = facts.modules
    before, after = constants(old), constants(new)
    changed = {name for name in before if name not in after or before[name] != after[name]}
    assert facts.of("B822", "B837", "B838") == changed, changed
    assert (type(models[0]).__name__ != type(models[1]).__name__) == (
        type(models[0]).__name__ in facts.of("B821")
    )
    for kinds in (map(type, models), (old.FeatureNetwork, new.FeatureNetwork)):
        first, second = kinds
        left, right = signatures(first, old.BACKBONE), signatures(second, new.BACKBONE)
        for method, signature in left.items():
            key = first.__name__ if method == "__init__" else f"{first.__name__}.{method}"
            if first.__name__ != second.__name__:
                continue
            assert (key in facts.of("B821")) == (method not in right)
            if method in right:
                assert (key in facts.of("B824")) == (signature != right[method])


def assert_outputs(facts: Facts, models: tuple, size: tuple[int, int]) -> None:
    shapes = [
        [tuple(each.shape) for each in outputs(model, compiled, size)]
        for model, compiled in zip(models, (facts.old, facts.new), strict=True)
    ]
    said = {key for key in facts.of("B823") if key.startswith("output")}
    assert (shapes[0] != shapes[1]) == bool(said), (shapes, said)


def assert_numerics(facts: Facts, models: tuple, size: tuple[int, int]) -> str:
    """With the same weights outputs differ where it is said, and nowhere else."""
    old, new = models
    lively(old)
    state = old.state_dict()
    if facts.said.key_map:
        state = rename_keys(state, facts.said.key_map)
    new.load_state_dict(state, strict=True)
    pairs = zip(outputs(old, facts.old, size), outputs(new, facts.new, size), strict=True)
    equal = all(torch.equal(left, right) for left, right in pairs)
    said = facts.of(*OF_FORWARD)
    if facts.of("B839"):
        return "undecided"
    assert equal == (not said), said
    if equal:
        return "equal outputs"
    return "other outputs"


def check(seed: int, folder) -> Counter:
    pair, old, new = drawn(seed, folder / "specs")
    said = breaking(old.source, new.source)
    with (
        imported(old.source, f"old_{seed}", folder) as first,
        imported(new.source, f"new_{seed}", folder) as second,
    ):
        facts = Facts(said, old, new, (first, second))
        try:
            models = (detector(first), detector(second))
            size = common_size(old, new)
            results = Counter([assert_weights(facts, models)])
            assert_api(facts, models)
            assert_outputs(facts, models, size)
            if said.numerics_compared:
                results[assert_numerics(facts, models, size)] += 1
                results["renamed"] += bool(said.key_map)
        except AssertionError as error:
            error.add_note(f"{seed}: {pair} {facts.keys}")
            raise
    codes = set(facts.keys)
    assert codes == {"B841"} or pair.kind != "text"
    # without a finding files are the same, headers aside
    assert bool(codes) == (old.source.split("\n")[3:] != new.source.split("\n")[3:])
    if not {"inference", "pretrained_backbone"} & {*pair.new.options}:
        breaks = codes - {"B841", "B842"}
        assert difference(old, new).is_empty <= (not breaks), breaks
    results[f"kind {pair.kind}"] += 1
    return results


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter:UserWarning")
def test_generated_pairs_behave_as_is_said(tmp_path):
    total = Counter()
    for seed in range(COUNT):
        total += check(seed, tmp_path)
    print(total)
    for result in ("loads", "does not load", "equal outputs", "other outputs", "renamed"):
        assert total[result], total
    assert total["undecided"] <= COUNT // 20
