"""What a change breaks, by category; each kind of it has a code.

B1xx weights, B2xx interface, B3xx numerics, B4xx source text.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

Category = Literal["weights", "api", "numerics", "source"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
BREAKING: tuple[Category, ...] = ("weights", "api", "numerics")
_BY_DIGIT: dict[str, Category] = dict(zip("1234", CATEGORIES, strict=True))


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed: a key of the state dict, a module's path, a name of the interface.

    `before` and `after` are texts, empty where it was or is not there.
    """

    key: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Changes of one kind."""

    code: str
    message: str
    changes: tuple[Change, ...] = field(default=())

    @property
    def category(self) -> Category:
        """The category that its code is of."""
        return _BY_DIGIT[self.code[1]]


def in_category(findings: Iterable[Finding], *categories: Category) -> list[Finding]:
    """The findings of some categories."""
    return [each for each in findings if each.category in categories]
