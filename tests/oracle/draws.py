"""Draws of a spec's parts, and a note of the constructs that came up."""

from hypothesis import strategies as st


class Draws:
    """What is drawn from, with the constructs that were drawn so far."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.constructs: set[str] = set()

    def pick(self, choices):
        return self.draw(st.sampled_from(list(choices)))

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def saw(self, *constructs: str) -> None:
        self.constructs.update(constructs)
