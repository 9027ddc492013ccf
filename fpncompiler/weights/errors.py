"""Why weights cannot be had."""


class WeightsError(Exception):
    """Weights cannot be read, or do not fit: the message says why, `help` what to do."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def some(words: list[str], count: int = 3) -> str:
    """The first of many, as a list in a sentence."""
    return ", ".join(words[:count]) + (", ..." if len(words) > count else "")
