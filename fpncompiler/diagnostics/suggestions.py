"""Did you mean: the nearest of the words that a place knows."""

from collections.abc import Iterable

from fpncompiler.diagnostics.model import Edit, Fix, Span

MAX_CHOICES = 2000
MAX_WORD = 48


def nearest(word: str, choices: Iterable[str]) -> str:
    """The choice that `word` is most likely a misspelling of; empty if none is near.

    Capitals are no misspelling. Of choices that are equally near, one that begins alike is more
    likely, then one of the same letters in another order, then one of the same length.
    """
    if len(word) > MAX_WORD:
        return ""
    limit = (len(word) > 1) + (len(word) >= 5) + (len(word) >= 10)
    small = word.lower()
    known = [c for c in sorted(set(choices))[:MAX_CHOICES] if _may_be_near(small, c.lower(), limit)]
    ranked = [
        (edit_distance(small, choice.lower()), *_unlikeness(small, choice)) for choice in known
    ]
    distance, *_, best = min(ranked, default=(limit + 1, ""))
    return str(best) if distance <= limit else ""


def _may_be_near(word: str, choice: str, limit: int) -> bool:
    """Whether the letters alone allow the distance; this is quick to tell."""
    if abs(len(choice) - len(word)) > limit:
        return False
    return sum(abs(word.count(c) - choice.count(c)) for c in {*word, *choice}) <= 2 * limit


def _unlikeness(word: str, choice: str) -> tuple[bool, bool, int, str]:
    """What tells equally near choices apart; in the end their order in the alphabet."""
    return (
        word[:1] != choice[:1],
        sorted(word) != sorted(choice),
        abs(len(word) - len(choice)),
        choice,
    )


def suggest(word: str, choices: Iterable[str]) -> str:
    """The help line that names the nearest choice, or all of them when there are few."""
    known = sorted(set(choices))
    if best := nearest(word, known):
        return f"did you mean `{best}`?"
    if 0 < len(known) <= 12:
        return "known: " + ", ".join(f"`{choice}`" for choice in known)
    return ""


def rename(span: Span, word: str, choices: Iterable[str], *, safe: bool) -> Fix | None:
    """The fix that writes the nearest choice in place of `word`, if one is near.

    Args:
        safe: whether the place knows its words by itself. The fix is safe where, besides, a single
            slip of the pen leads to this choice and to no other.
    """
    known = set(choices)
    best = nearest(word, known)
    if not best or best == word:
        return None
    if not safe or len(known) > MAX_CHOICES or len(word) <= 2:
        return Fix((Edit(span, word, best),), safe=False)
    slips = [c for c in known if abs(len(c) - len(word)) <= 1 and edit_distance(word, c) == 1]
    return Fix((Edit(span, word, best),), slips == [best])


def edit_distance(left: str, right: str) -> int:
    """How many letters to insert, drop, replace, or swap with their neighbour."""
    before: list[int] = []
    above = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                row[j] = min(row[j], before[j - 2] + 1)
        before, above = above, row
    return above[-1]
