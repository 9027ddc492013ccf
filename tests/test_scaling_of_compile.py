"""How the work of compiling grows, counted in function calls: the same on every machine."""

import cProfile
import pstats
from pathlib import Path

import pytest

from benchmarks.compile_time import chain_spec, exponent, fan_in_spec, wide_spec
from fpncompiler.diagnostics import SpecError
from fpncompiler.pipeline import Options, compile_spec

BIFPN = Path(__file__).parents[1] / "specs/bifpn.yaml"
LINEAR = 1.1  # the exponent, with room for what is sorted


def unknown_keys(count: int) -> str:
    return "fpnc: 1\n" + "".join(f"key{i}: 1\n" for i in range(count))


def unknown_references(count: int) -> str:
    nodes = "".join(f"  n{i}(l): [in(l), zzz{i}(l)]\n" for i in range(count))
    return f"fpnc: 1\nname: bad\nlevels: 3..7\noutputs: n0\nnodes:\n{nodes}"


def calls(spec: str | Path, **options) -> int:
    """How many functions a compilation calls, generators each time that they go on."""
    compile_spec(BIFPN, Options())  # reads blocks, templates and backbones, once a process
    profile = cProfile.Profile()
    profile.enable()
    try:
        compile_spec(spec, Options(**options))
    except SpecError:
        pass
    finally:
        profile.disable()
    return pstats.Stats(profile).total_calls


def growth(make, sizes: tuple[int, ...]) -> float:
    return exponent(sizes, [calls(make(size)) for size in sizes])


@pytest.mark.parametrize(
    ("make", "sizes"),
    [
        (chain_spec, (100, 200, 400)),
        (wide_spec, (100, 200, 400)),
        (fan_in_spec, (100, 200, 400)),
        (unknown_keys, (100, 200, 400)),
        (unknown_references, (200, 400, 800)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_work_is_linear_in_the_size_of_the_spec(make, sizes):
    assert growth(make, sizes) < LINEAR


def test_work_does_not_depend_on_phi():
    work = [calls(BIFPN, phi=phi) for phi in range(8)]
    assert max(work) < 1.1 * min(work)


def test_file_does_not_grow_with_phi():
    lines = [compile_spec(BIFPN, Options(phi=phi)).source.count("\n") for phi in range(6)]
    assert max(lines) == min(lines)


def test_work_is_the_same_each_time():
    assert calls(BIFPN, phi=3) == calls(BIFPN, phi=3)


def test_compiling_stays_within_a_budget_of_calls():
    """A third of them are for reading the rendered file again, as if a stranger had written it."""
    assert calls(BIFPN, phi=3) < 250_000
