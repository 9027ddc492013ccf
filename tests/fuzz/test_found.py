"""Defects that fuzzing and bombs found: the smallest input of each, and what happened.

All are of 2026-11. Most need size, which bombs have and most mutants do not; the seed is given
where mutants found them.
"""

import itertools
import time
from unittest import mock

import pytest

from fpncompiler.diagnostics import SpecError
from fpncompiler.diagnostics.suggestions import rename
from fpncompiler.diagnostics.text import MAX_WIDTH
from fpncompiler.pipeline import Options, check_spec
from fpncompiler.spec import reading

HEAD = "fpnc: 1\nname: found\nlevels: 3..7\ndepth: 1\n"
SECONDS = 10.0  # each of these took longer than a minute, or would have


def codes(text: str) -> set[str]:
    """The codes of a spec's faults, in bounded time."""
    start = time.process_time()
    try:
        check_spec(text, Options())
    except SpecError as error:
        str(error)
        return {d.code for d in error.diagnostics}
    finally:
        assert time.process_time() - start < SECONDS
    return set()


SPACES = " " * 900_000
FOUND = {
    # seed 3000, 9,000th execution: no node at all, so nobody looked at `outputs`: a VerifyError
    "no_node_in_the_only_layer": (
        f"{HEAD}k: 1..depth\noutputs: out\nnodes:\n  f(l, k even): in(l)\n",
        {"F202"},
    ),
    # an open parenthesis took every word behind it, each time copied: 335 s for 1 MiB
    "open_parenthesis": ("a: [" + "(," * 500_000 + "]\n", {"F105"}),
    "one_open_parenthesis": (f"{HEAD}a: [(" + "x," * 12_000 + ")]\n", {"F201", "F202"}),
    # the pattern of a declaration tried every split of its spaces: minutes
    "spaces_in_a_declaration": (f"{HEAD}nodes:\n  ? 'n(l{SPACES},'\n  : in(l)\noutputs: n\n", None),
    # and so did that of a reference
    "spaces_in_a_reference": (f"{HEAD}nodes:\n  n(l): in(l)\noutputs: 'n({SPACES}'\n", {"F206"}),
    # each constant copied all those before it: 55 s for 20,000 of them
    "constants": (
        f"{HEAD}let:\n" + "".join(f"  c{i}: 1\n" for i in range(12_000)),
        {"F505"},
    ),
    # fusions within fusions were no nodes, nor their operands edges: minutes and 1 GiB
    "nested_fusions": (
        f"{HEAD}outputs: n0\nnodes:\n"
        + "".join(f"  n{i}(l): [{'{sum: [' * 14}in(l){']}' * 14}, in(l)]\n" for i in range(700)),
        {"F505"},
    ),
    # a reference to several levels of several layers counted as one or the other
    "all_to_all": (
        f"{HEAD}k: 1..64\noutputs: n\nnodes:\n  n(l, 1): in(*)\n  n(l, k): n(*, 1..k-1)\n",
        {"F505"},
    ),
    # names of nested fusions were looked for from 1 on, every time
    "names_of_nested_fusions": (
        f"{HEAD}outputs: n0\nnodes:\n"
        + "".join(f"  n{i}(l): [{', '.join(['{sum: [in(l)]}'] * 99)}]\n" for i in range(20)),
        set(),
    ),
    # a pass could be named 40,000 times, and each copied the graph: 2.2 GiB
    "passes": (f"{HEAD}passes: [{', '.join(['prune_single_input'] * 12_000)}]\n", {"F202", "F505"}),
    # 64 layers of different widths, each lowered by itself: 20 s and 455 MiB
    "layers_that_differ": (
        HEAD.replace("depth: 1", "depth: 64")
        + "outputs: n\nfusion: concat\nop: none\nnodes:\n  n(l): [in(l), in(l-1), in(l+1)]\n"
        + "".join(f"  m{i}(l): [in(l), n(l)]\n" for i in range(1000)),
        {"F505"},
    ),
    # all readers moved from node to node along a chain: quadratic
    "pruned_chain": (
        f"{HEAD}passes: [prune_single_input]\noutputs: m0\nnodes:\n  n0(l): [in(l), in(l+9)]\n"
        + "".join(f"  n{i}(l): [n{i - 1}(l), in(l+9)]\n" for i in range(1, 1000))
        + "".join(f"  m{i}(l): [n999(l), in(l)]\n" for i in range(1000)),
        set(),
    ),
    # 60,000 outputs were read before the second was found to be one too many
    "outputs": (
        f"{HEAD}nodes: {{n(l): in(l)}}\noutputs: [{', '.join(['n'] * 12_000)}]\n",
        {"F505"},
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_mended(name):
    text, expected = FOUND[name]
    found = codes(text)
    assert found if expected is None else found <= expected and bool(found) == bool(expected)


def test_of_a_very_long_line_a_part_is_shown():
    nodes = ", ".join(f"n{i}(l): zz{i}(l)" for i in range(2000))
    with pytest.raises(SpecError) as caught:
        check_spec(f"{HEAD}outputs: n0\nnodes: {{{nodes}}}\n", Options())
    lines = str(caught.value).splitlines()  # 100 faults, each with the whole line: 9 s
    assert max(map(len, lines)) < 2 * MAX_WIDTH
    shown = [(line, below) for line, below in itertools.pairwise(lines) if "^" in below]
    assert len(shown) == 100
    line, below = shown[-1]
    assert line[below.index("^") : below.rindex("^") + 1] == "zz99(l)"


def test_names_are_suggested_among_very_many():
    start = time.process_time()
    choices = [f"node_number_{i}" for i in range(20_000)]
    for _ in range(20):  # once a fault; every choice was compared with the word
        assert rename(None, "node_number_1x", choices, safe=False)
    assert time.process_time() - start < SECONDS


def test_names_that_nothing_resembles_are_not_looked_for_without_end():
    """A family declared twice keeps such names from being told, and from ending the run."""
    families = "".join(f"  bbbbbb{i}(3): in(3)\n" for i in range(600))
    names = (", ".join(f"zzqqww{i}x{j}(3)" for j in range(15)) for i in range(100))
    nodes = "".join(f"  n{i}(3): [{listed}]\n" for i, listed in enumerate(names))
    twice = "  td(l): [in(l)]\n" * 2
    text = f"{HEAD}nodes:\n{twice}{families}{nodes}outputs: td\n"
    looked = []
    nearest = "fpncompiler.spec.resolve.nearest"
    looking = mock.patch(nearest, lambda word, known: looked.append(word))
    with looking, pytest.raises(SpecError):
        check_spec(text, Options())
    assert 0 < len(looked) <= 101


def test_a_faulty_key_of_a_setting_is_suggested_for_once():
    """At 12 levels and 64 layers the same 90 keys took 20 s."""
    keys = ", ".join(f"activatio{i}: 1" for i in range(90))
    text = f"fpnc: 1\nname: mine\nlevels: 1..12\ndepth: 1\nk: 1..64\nop: {{conv: full, {keys}}}\n"
    text += "nodes: {f(l, k): in(l)}\noutputs: f\n"
    words = []
    original = reading.meant_key

    def counted(entry, known):
        words.append(entry.key.text)
        return original(entry, known)

    with mock.patch.object(reading, "meant_key", counted), pytest.raises(SpecError):
        check_spec(text, Options())
    assert len(words) == len(set(words)) == 90
