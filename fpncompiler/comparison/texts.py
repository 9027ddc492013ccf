"""Figures as people read them."""

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
UNKNOWN = "-"


def amount(number: float | None) -> str:
    """Four digits and a prefix: `1.234 M`; small counts as they are."""
    if number is None:
        return UNKNOWN
    if abs(number) < 1000:
        return f"{number:.0f}"
    for scale, prefix in PREFIXES:
        # what rounds up to the next power has a digit more in front
        if abs(number) >= scale * 0.99995:
            return f"{_four_digits(number / scale)} {prefix}"
    return f"{number:.0f}"


def duration(seconds: float | None) -> str:
    """Milliseconds, four digits."""
    return UNKNOWN if seconds is None else _four_digits(seconds * 1000)


def precision(mean: float | None, deviation: float | None = None) -> str:
    """AP as `0.410`, or with its standard deviation as `0.410 ± 0.012`."""
    if mean is None:
        return UNKNOWN
    return f"{mean:.3f}" + ("" if deviation is None else f" ± {deviation:.3f}")


def share(ratio: float | None) -> str:
    """A ratio with two decimals, of which a small one has more."""
    if ratio is None:
        return UNKNOWN
    if ratio >= 99.95:
        return f"{ratio:.0f}"
    return f"{ratio:.2f}" if ratio >= 0.1 or ratio == 0 else f"{ratio:.2g}"


def figure(number: float | None) -> str:
    """A figure beside a published one: three decimals, where it is small."""
    if number is None:
        return UNKNOWN
    return amount(number) if number >= 1000 else f"{number:.3f}"


def signed(number: float | None) -> str:
    """A difference of two of them."""
    return UNKNOWN if number is None else f"{number:+.3f}"


def answer(known: bool | None) -> str:
    """`yes` or `no`, if it is known."""
    return UNKNOWN if known is None else "yes" if known else "no"


def cut(text: str, width: int) -> str:
    """A name that fits, its end kept: names of one family begin alike."""
    if len(text) <= width:
        return text
    kept = width - 3
    return f"{text[: kept - kept // 2]}...{text[-(kept // 2) :]}"


def _four_digits(number: float) -> str:
    decimals = 3 if number < 9.9995 else 2 if number < 99.995 else 1 if number < 999.95 else 0
    return f"{number:.{decimals}f}"
