"""Random specs that are valid by construction, over all that the language has.

A spec is drawn family by family. References are chosen among those that mean something at every
place of the declaration, by the resolver in references.py, and lead backwards, so that there is no
cycle. What cannot be known here (widths after pruning, say) is left to the compiler to refuse.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.oracle.inputs import Inputs, nests
from tests.oracle.references import Extent, Family, Place
from tests.oracle.settings import WEIGHTED, WIDTHS, kind_of

RANGES = (*[(3, 7)] * 3, *[(3, 5)] * 3, *[(2, 5)] * 2, (4, 6), (1, 3), (1, 5), (2, 6), (5, 7))
SINGLE_LEVELS = (1, 2, 4, 5)

# name -> the levels that it has; all of them narrow
BACKBONES = {
    "ghostnet_050": range(1, 6),
    "mobilenetv2_035": range(1, 6),
    "efficientvit_b0": range(2, 6),
    "efficientvit_m0": range(4, 7),
}


@dataclass(frozen=True)
class Spec:
    """A spec's text, the options to compile it with, and the constructs that are in it."""

    text: str
    options: tuple[tuple[str, Any], ...]
    constructs: frozenset[str]

    def __repr__(self) -> str:
        return f"{dict(self.options)}\n{self.text}"


def yaml(value: Any) -> str:
    """Flow style; words with commas in quotes."""
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return "{" + ", ".join(f"{key}: {yaml(v)}" for key, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(yaml(v) for v in value) + "]"
        case str():
            return f'"{value}"' if "," in value or "*" in value else value
        case _:
            return repr(value)


def given(name: str, levels: list[int]) -> Family:
    """A family that the layer is given."""
    return Family(name, -1, -1, {(level, None) for level in levels}, ranged=True)


class Drafter(Inputs):
    """Draws one spec."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.families: list[Family] = []
        self.layers = 0
        self.depth = 1
        self.constants: dict[str, int] = {}
        self.more_options: dict[str, Any] = {}
        self.has_tail = False
        self.shares: list[tuple[str, int, Any]] = []

    # The whole spec

    def spec(self) -> Spec:
        kind = self.pick(["plain"] * 12 + ["after", "parallel"])
        if kind == "parallel":
            return self.parallel()
        self.set_levels(after=kind == "after")
        self.given = (given("in", self.inputs), given("backbone", self.taps))
        head: dict[str, Any] = {"fpnc": 1, "name": self.pick(["random_net", "x", "net2"])}
        if self.chance(4):
            head["title"] = "A random network"
        if kind == "after":
            self.saw("after")
            head["after"] = self.pick(["fpn", "panet", "bifpn"])
        head["levels"] = self.said_levels()
        if self.narrow:
            self.saw("inputs")
            head["inputs"] = f"{self.inputs[0]}..{self.inputs[-1]}"
        self.count_layers(head)
        self.let(head)
        self.network_settings(head)
        nodes = self.nodes()
        outputs, returned = self.outputs()
        head["depth"] = self.said_depth(returned)
        if passes := self.passes():
            head["passes"] = passes
        prologue = self.prologue() if kind == "plain" and self.chance(5) else {}
        return self.finished(head, {"prologue": prologue, "nodes": nodes}, outputs)

    def said_levels(self) -> str:
        """The levels as the text has them; what the command line says wins."""
        levels = f"{self.low}..{self.high}"
        if self.narrow or self.chance(8) is False:
            return levels
        self.saw("--levels")
        self.more_options["levels"] = (self.low, self.high)
        return self.pick(["3..7", "4..5", levels])

    def count_layers(self, head: dict[str, Any]) -> None:
        """How often a layer is repeated, or how many `k` counts."""
        self.depth = self.pick([1, 1, 1, 2, 2, 3, 4])
        if not self.chance(4):
            return
        self.saw("k")
        self.layers = self.pick([1, 2, 3, 4])
        head["k"] = self.pick(["1..depth", f"1..{self.layers}"])

    def said_depth(self, returned: set[int]) -> Any:
        if self.layers:
            self.depth = self.layers
        elif not set(self.inputs) <= returned:
            self.depth = 1  # the next layer would not find its inputs
        if self.depth > 1 and not self.layers:
            self.saw("depth")
        if not self.chance(6):
            return self.depth
        self.saw("published")
        return {"formula": "1 + phi", "published": [self.depth, self.depth]}

    def finished(self, head, blocks, outputs) -> Spec:
        lines = [f"{key}: {yaml(value)}" for key, value in head.items()]
        for name, nodes in blocks.items():
            if nodes:
                lines += [f"{name}:", *(f"  {yaml(k)}: {yaml(v)}" for k, v in nodes.items())]
        if outputs:
            lines.append(f"outputs: {yaml(outputs)}")
        options: dict[str, Any] = {"backbone": self.backbone, "num_classes": 2}
        if self.chance(12):
            self.saw("phi")
            options["phi"] = 1
        options |= self.more_options
        return Spec("\n".join([*lines, ""]), tuple(options.items()), frozenset(self.constructs))

    def parallel(self) -> Spec:
        """Shipped specs side by side, merged by this spec's own settings."""
        self.saw("parallel")
        self.set_levels(after=False, ranges=[(3, 7), (3, 5), (4, 6), (3, 6), (2, 4)], narrow=False)
        branches = []
        for _ in range(self.number(2, 3)):
            name = self.pick(["fpn", "panet", "bifpn"])
            mirrored = self.chance(2)
            self.saw(*(["mirror"] if mirrored else []))
            branches.append({"mirror": name} if mirrored else name)
        self.depth = self.pick([1, 1, 2])
        head = {"fpnc": 1, "name": "side_by_side", "levels": f"{self.low}..{self.high}"}
        head["depth"] = self.depth
        self.let(head)
        self.network_settings(head)
        head |= {"fusion": self.fusion(len(branches)), "parallel": branches}
        if self.chance(4) and kind_of(head["fusion"]) != "gate":
            head["passes"] = ["add_same_level_skip"]
        return self.finished(head, {}, None)

    def set_levels(self, after: bool, ranges=RANGES, narrow: bool | None = None) -> None:
        """Levels, inputs and a backbone that has those; `after` a spec that gives 3 to 7."""
        if after:
            self.low, self.high = self.pick([(3, 7), (3, 5), (4, 6)])
        elif narrow is None and self.chance(10):
            self.saw("single level")
            self.low = self.high = self.pick(SINGLE_LEVELS)
        else:
            self.low, self.high = self.pick(ranges)
        self.backbone = self.pick(
            [name for name, has in BACKBONES.items() if (3 if after else self.low) in has]
        )
        deepest = max(BACKBONES[self.backbone])
        low, high = self.low, self.high
        self.narrow = narrow is None and low < high and self.chance(4)
        if self.narrow:
            low = self.number(low, min(high, deepest))
            high = self.number(low, high)
        self.inputs = [*range(low, high + 1)]
        reads = range(3, 8) if after else self.inputs  # at the backbone's end of the network
        self.taps = [level for level in reads if level in BACKBONES[self.backbone]]
        self.saw(*(["extra levels"] if max(reads) > deepest else []))

    @property
    def extent(self) -> Extent:
        return Extent(self.low, self.high, self.layers)

    def let(self, head: dict[str, Any]) -> None:
        if self.chance(4):
            self.saw("let")
            base = self.pick([2, 4, 6])
            values = [base, {"published": [base, base + 2]}]
            head["let"] = {"base": self.pick(values), "step": 2}
            self.constants = {"base": base, "step": 2}

    def network_settings(self, head: dict[str, Any]) -> None:
        """Settings at the top, which all nodes have unless they say otherwise."""
        head["width"] = self.pick(WIDTHS)
        if self.chance(5):
            head["width"] = self.formula()
        elif self.chance(8):
            self.saw("published")
            head["width"] = {"formula": "round_to(4 * 1.5 ** phi, 2)", "published": [6, 10]}
        if self.chance(2):
            head["fusion"] = self.fusion()
        self.fusion_kind = kind_of(head.get("fusion", "sum"))
        if self.chance(2):
            head["op"] = self.pick(["none", "conv1x1", "conv3x3", *[self.convolution()] * 3])
        if self.chance(3):
            head["up"] = self.up()
        if self.chance(3):
            head["down"] = self.down()
        if self.chance(3):
            head["padding"] = self.padding()
        if self.chance(3):
            head["adapters"] = self.adapters()
        if self.chance(4):
            head["activation"] = self.activation()
        if self.chance(4):
            self.saw("norm")
            head["norm"] = {"eps": self.pick(["1e-5", "1e-2"]), "momentum": self.pick([0.1, 0.3])}
        if self.chance(4):
            self.saw("redundant_bias")
            head["redundant_bias"] = self.chance(2)
        if self.chance(6):
            head["gate"] = {"by": self.pick(["first", "last"]), "pool": self.pick(["max", "avg"])}

    # Nodes

    def nodes(self) -> dict[str, Any]:
        """All declarations, in any order; what is read is declared somewhere."""
        names = self.shuffled(["td", "out", "mid", "a1", "skip", "b", "gp", "sp"])
        declared: list[tuple[str, Any]] = []
        count = self.number(1, 4)
        stages = sorted(self.pick([0, 1, 1, 2]) if self.layers else 0 for _ in range(count))
        if self.layers and 1 not in stages:
            stages[-1] = 1
        may_shrink = self.low < self.high and not self.layers and self.depth == 1
        shrinks = may_shrink and self.chance(6)
        for index, (name, stage) in enumerate(zip(names, sorted(stages), strict=False)):
            family = Family(name, index, stage)
            if stage == 0 and index < count - 1 and self.chance(5):
                declared.append(self.named(family))
            else:
                declared += self.family(family, beside_tail=shrinks and index == count - 1)
            self.families.append(family)
        if shrinks:
            declared.append(self.shrinking_tail())
        if self.chance(3):
            declared = self.shuffled(declared)
        return dict(declared)

    def named(self, family: Family) -> tuple[str, Any]:
        self.saw("named node")
        level = self.number(self.low, self.high)
        family.by_name = True
        body = self.body(family, [(level, None)], set())
        family.places = {(level, None)}
        long = body if isinstance(body, dict) and "inputs" in body else {"inputs": body}
        return family.name, {"level": level, **long}

    def shrinking_tail(self) -> tuple[str, Any]:
        """A convolution without padding, whose map nothing else can be fused with."""
        self.saw("padding of a convolution")
        kind = self.pick(["full", "separable", "depthwise"])
        order = self.pick([["conv"], ["conv", "act"], ["conv", "norm"], ["norm", "conv"]])
        op = {"conv": kind, "kernel": 3, "order": order, "padding": "none"}
        source = f"{self.families[-1].name}({self.high - 1})"
        return f"tail({self.high})", {"inputs": source, "op": op}

    def family(self, family: Family, beside_tail: bool) -> list[tuple[str, Any]]:
        """One family: a declaration for most of its places, and exceptions."""
        family.direction = self.pick([-1, 0, 1])
        low, high = self.low, self.high - beside_tail
        levels = [*range(low, high + 1)]
        declarations: list[tuple[str, list[int]]] = []  # general first
        shape = self.pick(["all"] * 4 + ["range", "range", "singles"])
        if beside_tail:
            self.has_tail = True
            declarations.append((f"..{high}", levels))
        elif shape == "range" and low < high:
            self.saw("range")
            low = self.number(low, high)
            high = self.number(low, high)
            texts = [f"{low}..{high}"]
            texts += [f"..{high}"] if low == self.low else []
            texts += [f"{low}.."] if high == self.high else []
            declarations.append((self.pick(texts), [*range(low, high + 1)]))
        elif shape == "singles":
            self.saw("single")
            chosen = sorted(self.some(levels, 2))
            declarations += [(str(level), [level]) for level in chosen]
        else:
            declarations.append(("l", levels))
            if self.chance(5) and len(levels) > 2:
                self.saw("range beside l")
                middle = self.number(low, high - 1)
                declarations.append((f"{low}..{middle}", [*range(low, middle + 1)]))
        if shape != "singles" and self.chance(3):
            self.saw("exception")
            level = self.pick(levels)
            declarations.append((str(level), [level]))
        taken: dict[int, str] = {}
        for text, covers in declarations:
            taken |= dict.fromkeys(covers, text)
        by_text: dict[str, list[int]] = {}
        for level, text in taken.items():
            by_text.setdefault(text, []).append(level)
        family.ranged = not all(text.isdigit() for text in by_text)
        parts = self.layer_declarations(family, by_text)
        family.places = {place for _, places in parts for place in places}
        return [
            (f"{family.name}({text})", self.body(family, places, family.places))
            for text, places in parts
        ]

    def layer_declarations(self, family, by_text) -> list[tuple[str, list[Place]]]:
        if not family.indexed:
            return [(text, [(n, None) for n in levels]) for text, levels in by_text.items()]
        layers = [*range(1, self.layers + 1)]
        shape = self.pick(["k", "k", "first", "parity"]) if len(by_text) == 1 else "k"
        if shape == "k":
            return [
                (f"{text}, k", [(n, k) for n in levels for k in layers])
                for text, levels in by_text.items()
            ]
        ((text, levels),) = by_text.items()
        self.saw(f"k {shape}")
        if shape == "first":
            parts = {"1": [1], self.pick(["2..", "k"]): layers[1:]}
        else:
            parts = {"k odd": layers[::2], "k even": layers[1::2]}
        return [
            (f"{text}, {k}", [(n, i) for n in levels for i in ks]) for k, ks in parts.items() if ks
        ]

    def body(self, family: Family, places: list[Place], own: set[Place]) -> Any:
        """A declaration's value: what it reads, and settings of its own."""
        settings = self.own_settings(family, [level for level, _ in places])
        inputs, arities = self.reads(family, places, own)
        is_unary = len(inputs) == 1 and arities is None
        fixed_arity = 2 if arities == {2} else None
        if not is_unary and self.chance(2):
            weighted = self.fusion_kind in WEIGHTED
            settings["fusion"] = self.fusion(fixed_arity, weighted_outside=weighted)
        fused = kind_of(settings.get("fusion", self.fusion_kind))
        if is_unary and not nests(inputs[0]) and self.chance(6):
            self.saw("width same")
            settings["width"] = "same"
        elif not is_unary and fused != "concat":
            self.share(settings)
        if len(inputs) == 1 and isinstance(inputs[0], str) and self.chance(2):
            inputs = inputs[0]
        if not settings and self.chance(2):
            return {"inputs": inputs} if isinstance(inputs, dict) else inputs
        return {"inputs": inputs, **settings}

    def own_settings(self, family: Family, levels: list[int]) -> dict[str, Any]:
        """Settings of a declaration, but for its fusion."""
        settings: dict[str, Any] = {}
        if self.chance(2):
            settings["op"] = self.node_op(levels)
        if self.chance(4):
            self.saw("node width")
            settings["width"] = self.pick(WIDTHS)
        elif self.chance(6):
            settings["width"] = self.formula(counted=family.indexed)
        if self.chance(8):
            self.saw("keep")
            settings["keep"] = True
        draws = {"up": self.up, "down": self.down, "padding": self.padding}
        draws |= {"adapters": self.adapters, "activation": self.activation}
        for name, drawn in draws.items():
            if self.chance(8):
                settings[name] = drawn()
        return settings

    def share(self, settings: dict[str, Any]) -> None:
        """Weights of the steps in common, among nodes that have the same ones."""
        if not self.chance(6):
            return
        if self.shares and self.chance(2):
            name, width, op = self.pick(self.shares)
            self.saw("share between declarations")
        else:
            name = f"s{len(self.shares)}"
            width, op = self.pick(WIDTHS), self.pick([self.step(), [self.step(), self.step()]])
            self.shares.append((name, width, op))
        self.saw("share")
        settings |= {"share": name, "width": width, "op": op}
        settings.pop("activation", None)  # the steps would take it

    # What the layer returns, and what comes before it

    def outputs(self) -> tuple[Any, set[int]]:
        families = [f for f in self.families if not f.by_name]
        last = families[-1] if families else self.families[-1]
        if last.by_name:
            return [last.name], set(last.levels)
        last_layer = {p[0] for p in last.places if p[1] in (None, self.layers)}
        if self.has_tail:
            return [last.name, f"tail({self.high})"], set()
        if not last.indexed and self.chance(5) and len(last.levels) > 1:
            self.saw("outputs a subset")
            some = sorted(self.some(last.levels, 9))
            return [f"{last.name}({n})" for n in some], set(some)
        others = [f for f in families[:-1] if not f.indexed and set(f.levels) - last_layer]
        if others and self.chance(2):
            self.saw("outputs of several")
            other = self.pick(others)
            more = [n for n in other.levels if n not in last_layer]
            return [last.name, *(f"{other.name}({n})" for n in more)], last_layer | set(more)
        return last.name, last_layer

    def passes(self) -> list[str]:
        chosen = [name for name in ("prune_single_input", "add_same_level_skip") if self.chance(4)]
        self.saw(*chosen)
        return chosen

    def prologue(self) -> dict[str, Any]:
        """`in(l)` from the backbone, laterals and coarser levels."""
        self.saw("prologue")
        deepest, coarsest = max(self.taps), self.inputs[-1]
        nodes: dict[str, Any] = {}
        source = "backbone(l)"
        if self.chance(2):
            self.saw("prologue of two families")
            nodes[f"lat(..{deepest})"] = {"inputs": "backbone(l)", "op": self.step(), "width": 8}
            source = "lat(l)"
        inputs = [source, "in(l+1)"] if self.chance(2) and coarsest <= deepest else source
        if isinstance(inputs, list) or source == "lat(l)" or self.chance(2):
            nodes[f"in(..{deepest})"] = {"inputs": inputs, "op": self.step(), "fusion": "sum"}
        for level in range(deepest + 1, coarsest + 1):
            above = f"in({level - 1})"
            if level == deepest + 1 and not any(key.startswith("in(") for key in nodes):
                above = f"backbone({level - 1})"
            fields: dict[str, Any] = {"inputs": above}
            if self.chance(2):
                fields["op"] = [self.convolution() | {"stride": 2}]
            nodes[f"in({level})"] = fields
        if not nodes:
            nodes[f"in({deepest})"] = {"inputs": "backbone(l)", "op": self.step()}
        return nodes


def specs() -> st.SearchStrategy[Spec]:
    """Any spec."""
    return st.randoms(use_true_random=True).map(lambda random: Drafter(random).spec())
