"""References -> the nodes that they mean at the place of their reader.

    p4_td:   in(l)   ->  p4_in        td(l+1)  ->  p5_td      in(l-1..l+1)  ->  p3_in p4_in p5_in
    p4_f2:   f(l, k-1)  ->  p4_f1     f(l, last)  ->  p4_f3   gp  ->  gp

A neighbour beyond the range drops out; every other reference must exist.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fpncompiler.diagnostics import Label, Sink, nearest, rename, suggest
from fpncompiler.diagnostics.sink import MAX_FAULTS
from fpncompiler.spec.names import name_fault
from fpncompiler.spec.node_specs import Nodes, NodeSpec
from fpncompiler.spec.nodes import INPUT_FAMILIES
from fpncompiler.spec.reading import Levels
from fpncompiler.spec.references import Earlier, Everywhere, Exactly, Last, Neighbour, Reference
from fpncompiler.spec.tree import SAYS_THE_SAME

Place = tuple[int, int | None]  # level and layer index
_INPUT = re.compile(r"(c|p|x|input|inputs|feat|feats|feature|features)([0-9]{1,2})?", re.ASCII)
_NODE_ID = re.compile(r"p([0-9]{1,2})_(\w+)", re.ASCII)


@dataclass(slots=True)
class Resolver:
    """The nodes of a layer by their names and places, and what references mean among them."""

    nodes: Nodes
    levels: Levels
    layers: int
    sink: Sink
    nodes_of: dict[str, dict[Place, str]] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    ranges: dict[str, tuple[int, ...]] = field(default_factory=dict)
    missed: int = 0
    blamed: dict[str, int] = field(default_factory=dict)  # unknown families -> whose fault

    def __post_init__(self) -> None:
        for family in self.nodes.families.values():
            self.nodes_of[family.name] = {}
            if family.ranged:
                self.ranges[family.name] = family.levels

    def add_inputs(self, source: str, names: dict[int, str]) -> None:
        """Maps that the layer is given, level -> node."""
        self.nodes_of[source] = {(level, None): node for level, node in names.items()}
        self.ranges[source] = tuple(names)

    def add(self, spec: NodeSpec, node: str) -> None:
        """The node that a declaration makes."""
        if spec.by_name:
            self.named[spec.family] = node
        else:
            self.nodes_of.setdefault(spec.family, {})[spec.level, spec.layer] = node

    def resolve(self, reference: Reference, spec: NodeSpec) -> tuple[str, ...]:
        """The nodes that a reference means at a node's place, in order."""
        if reference.family in self.nodes.broken:
            return ()
        if reference.level is None:
            return self._by_name(reference)
        known = self.nodes_of.get(reference.family)
        if known is None:
            self._unknown(reference)
            return ()
        if not self._indexed_alike(reference) or not self._has_layer(reference, spec):
            return ()
        found = []
        for place in self._places(reference, spec, known):
            if place in known:
                found.append(known[place])
            elif not self._drops_out(reference, place):
                self._missing(reference, place, known)
        return tuple(found)

    def is_beyond(self, reference: Reference, spec: NodeSpec) -> bool:
        """Whether all that a reference means drops out."""
        if reference.family in self.nodes.broken or reference.level is None:
            return False
        known = self.nodes_of.get(reference.family)
        if known is None or (spec.layer is None and _counts_layers(reference)):
            return False
        places = [*self._places(reference, spec, known)]
        return all(self._drops_out(reference, place) for place in places)

    def resolve_output(self, reference: Reference) -> tuple[str, ...]:
        """The nodes that a reference under `outputs` means: of layers, those of the last."""
        family = reference.family
        if family in self.nodes.broken:
            return ()
        if family in INPUT_FAMILIES:
            message = f"`{family}` is what the layer is given, and is no output"
            self.sink.error("F305", message, reference.span, help="name a family of nodes")
            return ()
        known = self.nodes_of.get(family)
        if known is None and family not in self.named:
            message = f"`outputs` names `{family}`, which is not defined"
            self._undefined(reference, message, [*self.nodes.families, *self.named])
            return ()
        if self._is_indexed(family) and reference.layer is None:
            reference = replace(reference, layer=Last())
        if reference.level is None and known is not None:
            reference = replace(reference, level=Everywhere())
        if isinstance(reference.level, Neighbour) or _counts_layers(reference):
            help = f"write `{family}` for all levels, or `{family}(3)`"
            self.sink.error("F206", "an output has no `l` and no `k`", reference.span, help=help)
            return ()
        found = self.resolve(reference, self.nodes.specs[0])
        if not found and self._is_indexed(family) and isinstance(reference.level, Everywhere):
            message = f"`{family}` has no node in the last layer, which is what a network returns"
            self.sink.error("F302", message, reference.span)
        return found

    def _is_indexed(self, family: str) -> bool:
        known = self.nodes.families.get(family)
        return known is not None and known.indexed

    def _by_name(self, reference: Reference) -> tuple[str, ...]:
        family = reference.family
        if family in self.named:
            return (self.named[family],)
        if family in self.nodes_of:
            message = f"`{family}` has a node at several levels; say which"
            help = f"write `{family}(l)` or `{family}(3)`"
            fix = self.sink.rewriting(reference.span, reference.text, f"{family}(l)")
            self.sink.error("F206", message, reference.span, help=help, fix=fix)
        else:
            self._unknown(reference)
        return ()

    def _indexed_alike(self, reference: Reference) -> bool:
        indexed = self._is_indexed(reference.family)
        if indexed is (reference.layer is not None):
            return True
        family = reference.family
        has = "has a layer index" if indexed else "has no layer index"
        help = f"write `{family}(l, k)`" if indexed else f"write `{family}(l)`"
        message = f"`{reference.text}`: `{family}` {has}"
        self.sink.error("F206", message, reference.span, help=help)
        return False

    def _has_layer(self, reference: Reference, spec: NodeSpec) -> bool:
        if spec.layer is not None or not _counts_layers(reference):
            return True
        message = f"`{reference.text}` is relative to `k`, which `{spec.family}` does not have"
        help = f"write `{reference.family}(l, last)`, or declare `{spec.family}(l, k)`"
        self.sink.error("F206", message, reference.span, help=help)
        return False

    def _places(
        self, reference: Reference, spec: NodeSpec, known: dict[Place, str]
    ) -> Iterator[Place]:
        for layer in self._layers(reference, spec):
            match reference.level:
                case Everywhere():
                    yield from sorted(place for place in known if place[1] == layer)
                case Exactly(index):
                    yield index, layer
                case Neighbour(low, high):
                    for level in range(spec.level + low, spec.level + high + 1):
                        yield level, layer
                case None:
                    raise AssertionError("a node by name has no places")

    def _layers(self, reference: Reference, spec: NodeSpec) -> tuple[int | None, ...]:
        here = spec.layer or 0
        match reference.layer:
            case None:
                return (None,)
            case Everywhere():
                return tuple(range(1, self.layers + 1))
            case Exactly(index):
                return (index,)
            case Last():
                return (self.layers,)
            case Earlier(high):
                return tuple(range(1, here + high + 1))
            case Neighbour(low, high):
                return tuple(range(here + low, here + high + 1))

    def _drops_out(self, reference: Reference, place: Place) -> bool:
        """Whether a place lies beyond the range that a relative reference runs over."""
        level, layer = place
        if isinstance(reference.layer, Neighbour) and not 1 <= (layer or 0) <= self.layers:
            return True
        if not isinstance(reference.level, Neighbour):
            return False
        reach = self.ranges.get(reference.family)
        if reach is None:
            return level not in self.levels
        return not min(reach) <= level <= max(reach) if reach else True

    def _missing(self, reference: Reference, place: Place, known: dict[Place, str]) -> None:
        level, layer = place
        family = reference.family
        at = f"level {level}" + ("" if layer is None else f" of layer {layer}")
        message = f"`{reference.text}` reads {at}, where `{family}` has no node"
        levels = ", ".join(str(found) for found, other in sorted(known) if other == layer)
        label = "no such level" if levels or layer is None else "no such layer"
        help = f"`{family}` has nodes at the levels {levels}" if levels else ""
        if layer is not None:
            help = f"{help} of layer {layer}" if levels else f"the layers are 1..{self.layers}"
        self.sink.error("F302", message, reference.span, label=label, help=help)

    def _unknown(self, reference: Reference) -> None:
        family = reference.family
        if family in self.named:
            message = f"`{reference.text}`: `{family}` is one node, and has no index"
            self.sink.error("F206", message, reference.span, help=f"write `{family}`")
            return
        message = f"`{reference.text}` refers to `{family}`, which is not defined"
        self._undefined(reference, message, [*self.nodes_of, *self.named, *INPUT_FAMILIES])

    def _undefined(self, reference: Reference, message: str, known: list[str]) -> None:
        # Looking takes time, and is of no use at another level or for ever more names.
        if ("F204", reference.span) in self.sink.seen or self.missed > MAX_FAULTS:
            return
        choices = [name for name in known if not name_fault(name) or name in INPUT_FAMILIES]
        if (found := _NODE_ID.fullmatch(reference.text)) and found[2] in choices:
            meant = f"{found[2]}({found[1]})"
            help = f"a spec calls that node `{meant}`"
            fix = self.sink.rewriting(reference.span, reference.text, meant)
            self.sink.error("F204", message, reference.span, help=help, fix=fix)
            return
        self.missed += 1
        meant = _input_meant(reference)
        if meant and "in" in choices:
            fix = self.sink.rewriting(reference.span, reference.text, meant)
            help = f"specs call it `{meant}`"
            self.sink.error("F204", message, reference.span, help=help, fix=fix)
            return
        if not nearest(reference.family, choices) and self._is_blamed(reference):
            return
        help = suggest(reference.family, choices)
        other = rename(reference.span, reference.family, choices, safe=False)
        label = "no node of this name"
        self.sink.error("F204", message, reference.span, label=label, help=help, fix=other)

    def _is_blamed(self, reference: Reference) -> bool:
        """Whether a declaration that is given twice may be meant as the unknown one; told there.

        Each stands for one name, and only if it differs from the first of its key.
        """
        if reference.family in self.blamed:
            return True
        for index, found in enumerate(self.sink.diagnostics):
            if found.code != "F106" or "(" not in found.message or index in self.blamed.values():
                continue
            if found.help.startswith(SAYS_THE_SAME):
                continue
            text = f"`{reference.family}` is not defined: is it what was meant?"
            labels = (*found.labels, Label(reference.span, text))
            self.sink.diagnostics[index] = replace(found, labels=labels)
            self.blamed[reference.family] = index
            return True
        return False


def _input_meant(reference: Reference) -> str:
    """What the layer is given, where a reference has a word of papers or other tools for it."""
    found = _INPUT.fullmatch(reference.family.lower())
    if found is None:
        return ""
    if found[2]:
        return f"in({int(found[2])})" if reference.level is None else ""
    _, opened, rest = reference.text.partition("(")
    return f"in({rest}" if opened and reference.layer is None else "in(l)"


def _counts_layers(reference: Reference) -> bool:
    """Whether a layer index is relative to the reader's own."""
    return isinstance(reference.layer, Neighbour | Earlier)
