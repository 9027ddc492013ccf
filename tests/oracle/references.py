"""What a reference means, told from the language and not from the compiler."""

from dataclasses import dataclass, field
from typing import Any

Place = tuple[int, int | None]  # level, and layer index where there is one
MISSING = "missing"  # what a reference means that the compiler refuses


@dataclass(frozen=True)
class Extent:
    """The levels where nodes may be, and how many layers `k` counts."""

    low: int
    high: int
    layers: int


@dataclass
class Family:
    """The nodes of one name: their places, and the order in which they are computed.

    `stage` is 1 for families with a layer index, 0 for those that come first, 2 for those that come
    last. `ranged` as soon as one declaration is for more than a single level; `direction` is where
    the nodes of one level may read others of their own family: -1 finer, 1 coarser.
    """

    name: str
    index: int
    stage: int
    places: set[Place] = field(default_factory=set)
    ranged: bool = False
    direction: int = 0
    by_name: bool = False

    @property
    def levels(self) -> list[int]:
        return sorted({level for level, _ in self.places})

    @property
    def indexed(self) -> bool:
        return self.stage == 1

    def rank(self, place: Place) -> tuple[int, int, int, int]:
        """Smaller is computed before."""
        return self.stage, place[1] or 0, self.index, -self.direction * place[0]


@dataclass(frozen=True)
class Ref:
    """A reference: its text, and the offsets or numbers that it has for level and layer."""

    family: Family
    text: str
    level: Any  # ("rel", low, high), ("at", n), "all", None by name
    layer: Any = None  # ("rel", low, high), ("at", n), "all", "last", ("upto", high)


def references(family: Family, layers: int) -> list[Ref]:
    """References to a family, valid or not."""
    if not family.places:
        return []
    if family.by_name:
        return [Ref(family, family.name, None)]
    level_forms: list[tuple[str, Any]] = [
        ("l", ("rel", 0, 0)),
        ("l+1", ("rel", 1, 1)),
        ("l-1", ("rel", -1, -1)),
        ("l+2", ("rel", 2, 2)),
        ("l-1..l+1", ("rel", -1, 1)),
        ("l-2..l", ("rel", -2, 0)),
        ("l..l+1", ("rel", 0, 1)),
        ("l+1..l+2", ("rel", 1, 2)),
        ("*", "all"),
        *((str(n), ("at", n)) for n in family.levels),
    ]
    if not family.indexed:
        return [Ref(family, f"{family.name}({text})", form) for text, form in level_forms]
    layer_forms: list[tuple[str, Any]] = [
        ("k", ("rel", 0, 0)),
        ("k-1", ("rel", -1, -1)),
        ("k-2..k-1", ("rel", -2, -1)),
        ("1..k-1", ("upto", -1)),
        ("last", "last"),
        ("*", "all"),
        *((str(n), ("at", n)) for n in range(1, layers + 1)),
    ]
    return [
        Ref(family, f"{family.name}({text}, {layer})", form, of)
        for text, form in level_forms
        for layer, of in layer_forms
    ]


def fits(ref: Ref, reader: Family, places: list[Place], extent: Extent) -> bool:
    """Whether a reference is valid at all places, leads backwards, and means something at one."""
    if reader.stage != 1 and relative_to_layer(ref):
        return False
    found = [means(ref, place, extent) for place in places]
    if MISSING in found or not any(found):
        return False
    return all(
        ref.family.rank(source) < reader.rank(place)
        for place, sources in zip(places, found, strict=True)
        for source in sources
    )


def relative_to_layer(ref: Ref) -> bool:
    """Whether a reference counts from its reader's layer index."""
    return isinstance(ref.layer, tuple) and ref.layer[0] in ("rel", "upto")


def means(ref: Ref, place: Place, extent: Extent) -> Any:
    """The places that a reference means at a reader's; MISSING where it is refused."""
    family = ref.family
    if ref.level is None:
        return sorted(family.places)
    found: list[Place] = []
    for layer in layers_meant(ref, place[1] or 0, extent):
        if ref.level == "all":
            found += sorted(p for p in family.places if p[1] == layer)
            continue
        kind, *numbers = ref.level
        offset = 0 if kind == "at" else place[0]
        for level in range(offset + numbers[0], offset + numbers[-1] + 1):
            if (level, layer) in family.places:
                found.append((level, layer))
            elif kind == "at" or in_reach(family, level, extent):
                return MISSING
    return found


def layers_meant(ref: Ref, here: int, extent: Extent) -> list[int | None]:
    """The layer indices that a reference means; neighbours beyond the first and last drop out."""
    last = extent.layers
    match ref.layer:
        case None:
            return [None]
        case "all":
            return [*range(1, last + 1)]
        case "last":
            return [last]
        case ("at", n):
            return [n]
        case ("upto", high):
            return [*range(1, here + high + 1)]
        case ("rel", low, high):
            return [k for k in range(here + low, here + high + 1) if 1 <= k <= last]
        case _:
            raise AssertionError(ref)


def in_reach(family: Family, level: int, extent: Extent) -> bool:
    """Whether a family should have a node at a level: a neighbour there does not drop out."""
    if family.ranged:
        return min(family.levels) <= level <= max(family.levels)
    return extent.low <= level <= extent.high


def many(ref: Ref) -> bool:
    """Whether a reference may stand for several maps."""
    forms = (ref.level, ref.layer)
    return any(
        form == "all"
        or (isinstance(form, tuple) and form[0] == "upto")
        or (isinstance(form, tuple) and form[0] == "rel" and form[1] != form[2])
        for form in forms
    )
