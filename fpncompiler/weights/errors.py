"""Why weights cannot be had."""

from collections.abc import Sequence

from fpncompiler.diagnostics import UserError, printable

LONGEST = 120  # characters of a name that are shown


class WeightsError(UserError):
    """Weights cannot be read, or do not fit: the message says why, `help` what to do."""


class MisfitError(WeightsError):
    """Weights can be read, but belong to another model."""

    exit_code = 1


def some(words: Sequence[str], count: int = 3) -> str:
    """The first of many, as a list in a sentence; files name their entries as they like."""
    shown = ", ".join(shortened(word) for word in words[:count])
    return shown + (", ..." if len(words) > count else "")


def shortened(word: str) -> str:
    """A word from a file, on one line and not without end."""
    line = printable(word)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
