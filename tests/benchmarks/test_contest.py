import pytest
import torch

from benchmarks.speed.contest import UnequalError, Variant, check_equal, contest, largest_difference
from benchmarks.speed.results import Setting
from fpncompiler.timing import Budget

SETTING = Setting(phi=0, threads=1, allocator="default", side=64)
BUDGET = Budget(rounds=2, seconds=0.0, least=2)


def variant(name, value, **options):
    return Variant(name, "ours", lambda: ([torch.tensor([1.0, value])], torch.ones(2)), **options)


def rows_of(*variants):
    table = contest("Sums", SETTING, variants, BUDGET)
    assert (table.baseline, table.rounds) == (variants[0].name, 2)
    return {row.name: row for row in table.rows}


def test_equal_variants_have_times_and_the_baseline_ratio_one():
    rows = rows_of(variant("effdet", 2.0), variant("fpnc", 2.0))
    assert rows["effdet"].ratio.median == 1
    assert rows["fpnc"].seconds.median > 0
    assert rows["fpnc"].ratio.median > 0


def test_unequal_variant_is_not_timed():
    runs = []

    def wrong():
        runs.append(1)
        return [torch.tensor([1.0, 2.1])], torch.ones(2)

    rows = rows_of(variant("effdet", 2.0), Variant("fpnc", "ours", wrong))
    assert rows["fpnc"].seconds is None
    assert rows["fpnc"].ratio is None
    assert rows["fpnc"].note.startswith("refused")
    assert len(runs) == 1


def test_three_times_the_noise_of_the_peer_is_allowed():
    peer = [variant("effdet", 2.0), variant("again", 2.001, measures_noise=True)]
    rows = rows_of(*peer, variant("near", 2.0025), variant("far", 2.01))
    assert rows["near"].note == ""
    assert rows["far"].note.startswith("refused")


def test_noise_of_one_precision_allows_nothing_in_another():
    peer = [variant("effdet", 2.0), variant("half", 3.0, precision="bf16", measures_noise=True)]
    rows = rows_of(*peer, variant("near", 2.9, precision="bf16"), variant("far", 2.9))
    assert rows["near"].note == ""
    assert rows["far"].note.startswith("refused")


def test_absent_variant_says_why():
    rows = rows_of(variant("effdet", 2.0), Variant("fpnc", "ours", None, note="not there"))
    assert (rows["fpnc"].seconds, rows["fpnc"].note) == (None, "not there")


def test_difference_is_a_share_of_the_largest_value():
    assert largest_difference([torch.tensor([4.0, 0])], [torch.tensor([4.0, 1.0])]) == 0.25


@pytest.mark.parametrize("other", [[torch.ones(3)], [], [torch.tensor([1.0, torch.nan])]])
def test_other_shapes_and_nans_are_infinitely_far(other):
    assert largest_difference([torch.ones(2)], other) == float("inf")


def test_refusal_is_an_error_with_both_figures():
    check_equal(1e-5, 1e-5)
    with pytest.raises(UnequalError, match=r"2\.0e-05 .* over 1\.0e-05"):
        check_equal(2e-5, 1e-5)
    with pytest.raises(UnequalError):
        check_equal(float("nan"), 1e-5)
