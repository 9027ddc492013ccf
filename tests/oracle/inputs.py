"""Draws of what nodes read: references that mean something, edges with steps, nested fusions."""

from typing import Any

from tests.oracle.references import Extent, Family, Place, Ref, fits, many, means, references
from tests.oracle.settings import GRANULARITIES, PLAIN, WEIGHTED, Settings


class Inputs(Settings):
    """Draws inputs among the families so far."""

    extent: Extent
    given: tuple[Family, ...]
    families: list[Family]
    layers: int

    def reads(self, family, places, own) -> tuple[list[Any], set[int] | None]:
        """Inputs, and how many maps they are at each place; None if one reference is all."""
        chosen = self.chosen(self.candidates(family, places, own), places)
        inputs: list[Any] = []
        counts = dict.fromkeys(places, 0)
        several = False
        while chosen:
            ref = chosen.pop(0)
            nested = len(chosen) > 0 and self.chance(8)
            refs = [ref, chosen.pop(0)] if nested else [ref]
            for place in places:
                found = sum(len(means(r, place, self.extent)) for r in refs)
                counts[place] += min(1, found) if nested else found
            if nested:
                inputs.append(self.nested(refs, places))
            else:
                several = several or many(ref)
                inputs.append(self.edge(ref, places) if self.chance(5) else ref.text)
        unary = len(inputs) == 1 and not several
        return inputs, None if unary else set(counts.values())

    def chosen(self, candidates: list[Ref], places: list[Place]) -> list[Ref]:
        """Some references, at least one of which means something at every place."""
        full = [r for r in candidates if all(means(r, place, self.extent) for place in places)]
        chosen = [self.pick(full)]
        for _ in range(self.pick([0, 0, 1, 1, 1, 2, 3])):
            chosen.insert(self.number(0, len(chosen)), self.pick(candidates))
        if self.chance(8):
            chosen.append(self.pick(chosen))
        if len({ref.text for ref in chosen}) < len(chosen):
            self.saw("parallel edges")
        for ref in chosen:
            self.note(ref)
        return chosen

    def edge(self, ref: Ref, places: list[Place]) -> dict[str, Any]:
        """A reference with steps on the way."""
        found = [source for place in places for source in means(ref, place, self.extent)]
        return {"from": ref.text, "via": self.via([level for level, _ in found])}

    def nested(self, refs: list[Ref], places: list[Place]) -> dict[str, Any]:
        self.saw("nested")
        exactly_two = all(sum(len(means(r, p, self.extent)) for r in refs) == 2 for p in places)
        kinds = [*PLAIN, *WEIGHTED, "spatial_softmax", *(["gate"] * 4 if exactly_two else [])]
        kind = self.pick(kinds)
        self.saw(f"nested {kind}")
        items: list[Any] = [ref.text for ref in refs]
        if self.chance(6):
            items[0] = self.edge(refs[0], places)
        fields: dict[str, Any] = {kind: items}
        if kind == "gate":
            return fields | (self.gate_options() if self.chance(2) else {})
        if kind == "spatial_softmax":
            return fields | {"hidden": 4}
        if kind in WEIGHTED and self.chance(2):
            return fields | {"granularity": self.pick(GRANULARITIES)}
        return fields

    def note(self, ref: Ref) -> None:
        if ref.level == "all":
            self.saw("all levels")
        if ref.family.name == "backbone":
            self.saw("backbone")
        if ref.layer is not None:
            self.saw(f"layer {ref.layer if isinstance(ref.layer, str) else ref.layer[0]}")
        if ref.family.by_name:
            self.saw("read by name")

    def candidates(self, family: Family, places, own: set[Place]) -> list[Ref]:
        """References that are valid at all the places and that mean something at one of them."""
        me = Family(family.name, family.index, family.stage, own, family.ranged, family.direction)
        readable = [*self.given, *self.families]
        readable += [me] if own and not family.by_name else []
        found = []
        for other in readable:
            for ref in references(other, self.layers):
                if fits(ref, me, places, self.extent):
                    found.append(ref)
        return found


def nests(item: Any) -> bool:
    """Whether an input is a fusion, of which nobody says the width but the node."""
    return isinstance(item, dict) and "from" not in item
