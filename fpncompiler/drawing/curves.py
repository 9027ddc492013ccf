"""Lines from place to place: level at both ends, with a head, as SVG path data."""

from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Toward = Literal["right", "left", "up", "down"]

HEAD = 7.0  # length of an arrow's head
_HALF_HEAD = 3.5
_SOFTNESS = 0.45  # of the way across that a curve stays near its ends' heights


@dataclass(frozen=True, slots=True)
class Route:
    """An arrow's line, its head, the place of its first mark, and whether others are below it."""

    line: str
    head: str
    mark: Point
    is_upright: bool = False


@dataclass(slots=True)
class Pen:
    """Draws one line, from where it begins."""

    at: Point
    line: str = ""
    middle: Point = (0.0, 0.0)

    def __post_init__(self) -> None:
        self.line = f"M{pair(self.at)}"

    def straight(self, to: Point) -> None:
        """A straight piece; nothing where the pen is there."""
        if to == self.at:
            return
        self.middle = _between(self.at, to)
        x, y = to
        if y == self.at[1]:
            self.line += f"H{number(x)}"
        elif x == self.at[0]:
            self.line += f"V{number(y)}"
        else:
            self.line += f"L{pair(to)}"
        self.at = to

    def across(self, to: Point) -> None:
        """A curve that is level at both ends; straight where the heights are equal."""
        if to[1] == self.at[1]:
            self.straight(to)
            return
        reach = (to[0] - self.at[0]) * _SOFTNESS
        self._curve((self.at[0] + reach, self.at[1]), (to[0] - reach, to[1]), to)

    def around(self, to: Point, bulge: float) -> None:
        """A curve out to the right and back."""
        x = max(self.at[0], to[0]) + bulge
        self._curve((x, self.at[1]), (x, to[1]), to)

    def _curve(self, first: Point, second: Point, to: Point) -> None:
        self.line += f"C{pair(first)} {pair(second)} {pair(to)}"
        middle = _between(_between(self.at, first), _between(first, second))
        other = _between(_between(first, second), _between(second, to))
        self.middle = _between(middle, other)
        self.at = to


def head_at(tip: Point, toward: Toward) -> str:
    """A head that ends in a point, as path data."""
    x, y = tip
    match toward:
        case "right":
            back = (x - HEAD, y - _HALF_HEAD), (x - HEAD, y + _HALF_HEAD)
        case "left":
            back = (x + HEAD, y - _HALF_HEAD), (x + HEAD, y + _HALF_HEAD)
        case "up":
            back = (x - _HALF_HEAD, y + HEAD), (x + _HALF_HEAD, y + HEAD)
        case "down":
            back = (x - _HALF_HEAD, y - HEAD), (x + _HALF_HEAD, y - HEAD)
    return f"M{pair(tip)}L{pair(back[0])}L{pair(back[1])}Z"


def number(value: float) -> str:
    """At most one digit behind the point: the same text for the same drawing everywhere."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def pair(point: Point) -> str:
    """Both numbers of a point."""
    return f"{number(point[0])} {number(point[1])}"


def _between(first: Point, second: Point) -> Point:
    return (first[0] + second[0]) / 2, (first[1] + second[1]) / 2
