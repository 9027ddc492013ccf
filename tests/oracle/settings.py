"""Draws of settings, of the network or of a node, and of steps, on nodes or on edges."""

from typing import Any

from tests.oracle.draws import Draws

ACTIVATIONS = "silu relu relu6 leaky_relu hard_swish mish gelu sigmoid identity".split()
PLAIN = ("sum", "concat", "max", "mean")
WEIGHTED = ("weighted", "softmax", "fast_normalized")
GRANULARITIES = ("scalar", "channel", "pixel")
BLOCKS = ("c2f", "c3", "csp_stage", "csp_rep", "rep_conv", "residual", "l2_norm")
DOUBLING = ("deconv", "pixel_shuffle", "carafe")
ORDERS = ("act conv norm", "conv norm act", "conv norm", "conv act", "act conv", "norm act conv")
ORDERS += ("norm conv", "conv", "act norm conv", "conv act norm")
DOWNS = ("max_pool", "avg_pool", "bilinear", "conv3x3", "convolution")
PADDINGS = ("same", "symmetric", "none")
SHARINGS = ("per_edge", "per_source", "per_source_level")
WIDTHS = (4, 6, 8, 12)


class Settings(Draws):
    """Draws settings; `constants` are those of `let`."""

    constants: dict[str, int]

    # Settings of the network or of a node

    def formula(self, counted: bool = False) -> str:
        self.saw("width by level")
        formulas = ["4 + l", "max(4, 12 - 2 * l)", "round_to(3 * l, 2) + 2", "2 * l + phi"]
        formulas += ["base + step * l"] * 3 if self.constants else []
        formulas += ["2 * k + 2", "l + k"] if counted else []
        return self.pick(formulas)

    def activation(self) -> str:
        word = self.pick(ACTIVATIONS)
        self.saw(f"activation {word}")
        return word

    def padding(self) -> str:
        word = self.pick(PADDINGS)
        self.saw(f"padding {word}")
        return word

    def adapters(self) -> dict[str, Any]:
        sharing = self.pick(SHARINGS)
        norm = self.chance(2)
        self.saw(f"adapters {sharing}", "adapters normed" if norm else "adapters plain")
        settings = {"sharing": sharing, "norm": norm}
        return settings | ({"bias": self.chance(2)} if self.chance(4) else {})

    def up(self) -> Any:
        word = self.pick(["nearest", "bilinear", *DOUBLING])
        self.saw(f"up {word}")
        if word == "carafe":
            return {"block": "carafe", "kernel": self.pick([1, 2, 3]), "hidden": self.pick([2, 4])}
        return {"block": word} if word in DOUBLING and self.chance(3) else word

    def down(self) -> Any:
        word = self.pick(DOWNS)
        self.saw(f"down {word}")
        return self.convolution() if word == "convolution" else word

    def convolution(self) -> dict[str, Any]:
        kind = self.pick(["separable", "full", "depthwise"])
        order = self.pick(ORDERS)
        self.saw(f"conv {kind}", f"order {order}")
        fields: dict[str, Any] = {"conv": kind, "kernel": self.pick([1, 3, 3, 5])}
        fields["order"] = order.split()
        if self.chance(3):
            fields["activation"] = self.activation()
        if self.chance(4):
            fields["bias"] = self.chance(2)
        # What a spec leaves out, it takes from the network's own.
        if self.chance(4):
            del fields[self.pick(["kernel", "order"])]
        return fields

    def fusion(self, arity: int | None = None, weighted_outside: bool = False) -> Any:
        kinds = [*PLAIN, *WEIGHTED, *WEIGHTED, "spatial_softmax"]
        kinds += ["gate"] * 3 if arity == 2 else []
        kind = self.pick(kinds)
        self.saw(f"fusion {kind}")
        if kind in WEIGHTED:
            granularity = self.pick(GRANULARITIES)
            self.saw(f"granularity {granularity}")
            fields = {"kind": kind, "granularity": granularity}
            if kind == "fast_normalized" and self.chance(4):
                fields["eps"] = 0.01
            if weighted_outside and self.chance(4):
                self.saw("fusion completed")
                del fields["kind"]
            return kind if granularity == "scalar" and self.chance(2) else fields
        if kind == "spatial_softmax":
            return {"kind": kind, "hidden": self.pick([2, 4])}
        if kind == "gate" and self.chance(2):
            return {"kind": kind, **self.gate_options()}
        return kind

    def gate_options(self) -> dict[str, str]:
        by, pool = self.pick([(by, pool) for by in ("first", "last") for pool in ("max", "avg")])
        self.saw(f"gate {by} {pool}")
        return {"by": by, "pool": pool}

    # Steps

    def block(self) -> Any:
        name = self.pick(BLOCKS)
        self.saw(f"block {name}")
        fields: dict[str, Any] = {"block": name}
        if name in ("c2f", "c3", "csp_stage", "csp_rep", "residual"):
            if self.chance(2):
                self.saw("block depth")
                fields["depth"] = self.pick([1, 2])
            if self.chance(3):
                fields["expansion"] = self.pick([0.25, 1.0])
        if name in ("c2f", "c3") and self.chance(2):
            fields["shortcut"] = True
        if name not in ("residual", "l2_norm") and self.chance(4):
            self.saw("step width")
            fields["width"] = self.pick(WIDTHS)
        if name != "l2_norm" and self.chance(4):
            fields["activation"] = self.activation()
        return fields if len(fields) > 1 else self.pick([name, fields])

    def pool_step(self, stride: int) -> dict[str, Any]:
        kind = self.pick(["max", "avg"])
        kernels = [1, 3, 5, *([stride, stride] if stride > 1 else [])]
        self.saw(f"pool {kind}", f"pool stride {stride}")
        fields = {"pool": kind, "kernel": self.pick(kernels), "stride": stride}
        if self.chance(4):
            del fields["kernel"]
        return fields

    def level_step(self, change: int) -> Any:
        """A step that changes the level; a positive change is towards coarser levels."""
        if change < 0:
            mode = self.pick(["nearest", "bilinear", *(DOUBLING if change == -1 else ())])
            self.saw("step doubling" if mode in DOUBLING else "step up")
            if mode == "carafe":
                return {"block": "carafe", "kernel": 3, "hidden": 2}
            return mode if mode in DOUBLING else {"up": mode, "levels": -change}
        how = self.pick(["conv", "pool", "down"])
        if how == "conv":
            self.saw("step stride")
            return self.convolution() | {"stride": 2**change}
        if how == "pool":
            return self.pool_step(2**change)
        self.saw("step down")
        mode = self.pick(["max_pool", "avg_pool", "bilinear"])
        fields: dict[str, Any] = {"down": mode, "levels": change}
        return fields | ({"padding": self.padding()} if self.chance(2) else {})

    def step(self) -> Any:
        """A step at its own level."""
        what = self.pick(["word", "conv", "conv", "activation", "block", "block", "pool"])
        match what:
            case "word":
                word = self.pick(["conv1x1", "conv3x3"])
                self.saw(word)
                return word
            case "activation":
                self.saw("activation step")
                return self.activation()
            case "conv":
                fields = self.convolution()
                if fields["conv"] != "depthwise" and self.chance(4):
                    self.saw("step width")
                    fields["width"] = self.pick(WIDTHS)
                return fields
            case "block":
                return self.block()
            case _:
                return self.pool_step(1)

    def node_op(self, levels: list[int]) -> Any:
        """What follows the fusion of a node that is at some levels."""
        shape = self.pick(["none", "one", "one", "chain", "chain"])
        if shape == "none":
            self.saw("op none")
            return "none"
        if shape == "one":
            return self.step()
        self.saw("op chain")
        steps = [self.step() for _ in range(self.number(1, 3))]
        change = 0
        if self.chance(2):
            most, least = min(levels) - 1, max(levels) - 8
            change = self.pick([c for c in (-2, -1, 1, 1, 2) if least <= c <= most] or [0])
        if change:
            self.saw("op changes level")
            steps.insert(self.number(0, len(steps)), self.level_step(change))
        return steps

    def via(self, levels: list[int]) -> list[Any]:
        """Steps on an edge whose sources are at some levels."""
        self.saw("via")
        steps = [self.step() for _ in range(self.number(0, 2))]
        if self.chance(3):
            changes = [c for c in (-2, -1, 1, 2) if min(levels) + c >= 1 and max(levels) + c <= 8]
            if changes:
                self.saw("via changes level")
                steps.insert(self.number(0, len(steps)), self.level_step(self.pick(changes)))
        if self.chance(2) or not steps:
            self.saw("via resample")
            steps.insert(self.number(0, len(steps)), "resample")
        return steps


def kind_of(fusion: Any) -> str:
    """The kind of a fusion, in its short or its long form."""
    return fusion if isinstance(fusion, str) else fusion.get("kind", "sum")
