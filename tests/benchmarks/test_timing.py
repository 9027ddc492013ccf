import pytest

from fpncompiler.timing import Budget, Quartiles, calls_needed, in_turns, quartiles, ratios


def test_measures_take_turns():
    order = []

    def measure(name):
        return lambda: order.append(name) or 1.0

    found = in_turns({name: measure(name) for name in "abc"}, Budget(rounds=3, least=1))
    assert "".join(order) == "abcabcabc"
    assert found == {name: [1.0] * 3 for name in "abc"}


def test_rounds_end_with_the_time_but_not_before_the_least():
    times = in_turns({"a": lambda: 1.0}, Budget(rounds=50, seconds=0.0, least=4))
    assert len(times["a"]) == 4


def test_ratios_are_taken_within_rounds():
    # one slow round of both: the ratio of medians would be the same, the spread not
    assert ratios([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == Quartiles(2.0, 2.0, 2.0)
    assert ratios([1.0, 9.0, 4.0], [1.0, 3.0, 2.0]) == Quartiles(1.5, 2.0, 2.5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], (3.0, 3.0, 3.0)),
        ([1.0, 2.0], (1.25, 1.5, 1.75)),
        ([5.0, 1.0, 4.0, 2.0, 3.0], (2.0, 3.0, 4.0)),
    ],
)
def test_quartiles_interpolate(values, expected):
    assert quartiles(values) == Quartiles(*expected)


@pytest.mark.parametrize(("seconds", "calls"), [(1.0, 1), (0.02, 3), (1e-6, 50), (0.0, 50)])
def test_short_calls_are_repeated(seconds, calls):
    assert calls_needed(seconds) == calls
