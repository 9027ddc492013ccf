"""Why weights cannot be had."""

from fpncompiler.diagnostics import UserError


class WeightsError(UserError):
    """Weights cannot be read, or do not fit: the message says why, `help` what to do."""


def some(words: list[str], count: int = 3) -> str:
    """The first of many, as a list in a sentence."""
    return ", ".join(words[:count]) + (", ..." if len(words) > count else "")
