"""What a change breaks, by category; each kind of it has a code.

B81x weights, B82x interface, B83x numerics, B84x what is no breakage.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Category = Literal["weights", "api", "numerics", "source"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
BREAKING: tuple[Category, ...] = ("weights", "api", "numerics")

MESSAGES = {
    "B811": "weights of the checkpoint that the new model does not have",
    "B812": "weights of the new model that the checkpoint does not have",
    "B813": "weights of another shape",
    "B814": "another backbone: its weights are not compared one by one",
    "B815": "parts whose weights cannot be told from the code",
    "B821": "classes or methods that are gone",
    "B822": "constants that are gone or have other values",
    "B823": "the model takes or gives other maps",
    "B824": "calls that are made otherwise",
    "B831": "maps are fused otherwise",
    "B832": "nodes read other maps, or in another order",
    "B833": "another activation",
    "B834": "other constants of modules",
    "B835": "maps are resampled otherwise",
    "B836": "other steps, or other settings of theirs",
    "B837": "images are normalized otherwise",
    "B838": "other anchors: boxes are decoded otherwise",
    "B839": "code that differs, of which reading does not tell whether it does the same",
    "B841": "the text of the file differs, and not what it does",
    "B842": "training goes another way; the outputs of equal weights are equal",
}


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
    changes: tuple[Change, ...]

    @property
    def message(self) -> str:
        """What the code stands for."""
        return MESSAGES[self.code]

    @property
    def category(self) -> Category:
        """The category that its code is of."""
        return CATEGORIES[int(self.code[2]) - 1]
