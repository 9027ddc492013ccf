"""Sizes, in pixels of the drawing: of boxes, of the room between them, of texts.

A text is measured by the widest of the fonts that viewers commonly have (DejaVu and Verdana), so
that it fits in any.
"""

from dataclasses import dataclass

from fpncompiler.drawing.picture import Box

BOX_HEIGHT = 30.0
CORNER = 7.0  # radius of a box's corners
BADGE = 9.0  # radius of the disc with a fusion's letter
ADAPTER = 8.0  # half the diagonal of an adapter
NESTED = 12.0  # radius of a fusion within the inputs of another
MARK = 4.0  # half the size of a mark on an arrow
MARK_PITCH = 2 * MARK + 1
CLEARANCE = 9.0  # between a box and an arrow that passes it
LANE = 8.0  # between arrows side by side
LABEL, CAPTION, SMALL, TITLE = 12.0, 13.0, 11.0, 16.0  # sizes of fonts
LONGEST_LABEL = 190.0

_NARROW = frozenset(" !'(),-./:;I[]ijl|tf")
_WIDE = frozenset("%@MWmw+<=>~&#^")
_BOLD = 1.15  # times as wide
_MONOSPACE = 0.61  # of the size of the font


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something is: its centre and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        """Its left side."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """Its upper side."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """Its lower side."""
        return self.y + self.height / 2


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is at most."""
    total = sum(_advance(letter) for letter in text)
    return total * size * (_BOLD if bold else 1.0)


def label_width(text: str, size: float = LABEL) -> float:
    """How wide a text of one width a letter is at most."""
    return sum(_MONOSPACE if letter.isascii() else 1.1 for letter in text) * size


def fitted(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """The text, cut where it would be wider."""
    if width_of(text, size, bold=bold) <= width:
        return text
    while text and width_of(f"{text}...", size, bold=bold) > width:
        text = text[:-1]
    return f"{text.rstrip()}..."


def fitted_label(text: str) -> str:
    """A label, cut where it would make its box too wide."""
    fits = int(LONGEST_LABEL / (_MONOSPACE * LABEL))
    return text if len(text) <= fits else f"{text[: fits - 3]}..."


def box_size(box: Box) -> tuple[float, float]:
    """Width and height of a box."""
    match box.role:
        case "nested":
            return 2 * NESTED, 2 * NESTED
        case "adapter":
            return 2 * ADAPTER, 2 * ADAPTER
        case _:
            badge = 2 * BADGE + 4 if box.symbol else 0.0
            return label_width(fitted_label(box.label)) + badge + 16, BOX_HEIGHT


def _advance(letter: str) -> float:
    """Of the size of the font."""
    if not letter.isascii():
        return 1.1
    if letter in _NARROW:
        return 0.42
    if letter in _WIDE:
        return 1.0
    return 0.8 if letter.isupper() else 0.65
