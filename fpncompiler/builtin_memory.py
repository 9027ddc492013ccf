"""What the built-in blocks and fusions hold at once, in values per cell of their input map.

The result is counted, what they read is not. Batch norms of a model in eval mode make a new map,
activations overwrite theirs.
"""

from collections.abc import Mapping

from fpncompiler.kinds import Value
from fpncompiler.work import Work, beside, in_turn, make, side_by_side, then

Options = Mapping[str, Value]


def unit(channels: int) -> Work:
    """A convolution, a batch norm, an activation."""
    return then(make(channels), make(channels))


def bottleneck(channels: int, hidden: int, shortcut: bool) -> Work:
    """Two units, added to what they read if `shortcut`."""
    convolved = then(unit(hidden), unit(channels))
    return then(convolved, make(channels)) if shortcut else convolved


def hidden(channels: int, options: Options) -> int:
    """The channels inside a stage."""
    return max(1, int(channels * float(options["expansion"])))


def c2f(in_channels: int, out_channels: int, options: Options) -> int:
    """What C2f holds."""
    inner, depth = hidden(out_channels, options), int(options["depth"])
    chain = [bottleneck(inner, inner, bool(options["shortcut"]))] * depth
    maps = side_by_side([unit(2 * inner), *chain, make((2 + depth) * inner)])
    return then(maps, unit(out_channels)).peak


def _two_ways(chain: list[Work], inner: int) -> Work:
    """A chain of blocks beside a unit."""
    return beside(then(unit(inner), in_turn(chain)), unit(inner))


def c3(in_channels: int, out_channels: int, options: Options) -> int:
    """What C3 holds."""
    inner = hidden(out_channels, options)
    chain = [bottleneck(inner, inner, bool(options["shortcut"]))] * int(options["depth"])
    return then(beside(_two_ways(chain, inner), make(2 * inner)), unit(out_channels)).peak


def csp_stage(in_channels: int, out_channels: int, options: Options) -> int:
    """What CspStage holds."""
    return c3(in_channels, out_channels, {**options, "shortcut": True})


def csp_rep(in_channels: int, out_channels: int, options: Options) -> int:
    """What CspRepStage holds."""
    inner = hidden(out_channels, options)
    chain = [_rep_conv(inner)] * int(options["depth"])
    total = then(_two_ways(chain, inner), make(inner))
    return (then(total, unit(out_channels)) if inner != out_channels else total).peak


def _rep_conv(channels: int) -> Work:
    """Two convolutions with norms, and their sum."""
    return then(side_by_side([unit(channels)] * 2), make(channels))


def rep_conv(in_channels: int, out_channels: int, options: Options) -> int:
    """What RepConv holds."""
    return _rep_conv(out_channels).peak


def residual(in_channels: int, out_channels: int, options: Options) -> int:
    """What Residual holds."""
    inner = hidden(in_channels, options)
    return in_turn([bottleneck(in_channels, inner, True)] * int(options["depth"])).peak


def l2_norm(in_channels: int, out_channels: int, options: Options) -> int:
    """What L2Norm holds."""
    return then(make(in_channels), make(in_channels)).peak


def deconvolution(in_channels: int, out_channels: int, options: Options) -> int:
    """What Deconvolution holds: four cells for one."""
    return 4 * out_channels


def pixel_shuffle(in_channels: int, out_channels: int, options: Options) -> int:
    """What PixelShuffle holds: the channels of four cells, and the cells."""
    return then(make(4 * out_channels), make(4 * out_channels)).peak


def carafe(in_channels: int, out_channels: int, options: Options) -> int:
    """What Carafe holds: scores and weights of every new cell, and the old cells around it."""
    inner, window = int(options["hidden"]), int(options["kernel"]) ** 2
    scores = then(then(make(inner), make(4 * window)), make(4 * window))
    near = [make(in_channels), make(window * in_channels)]
    return side_by_side([scores, make(4 * window), *near, make(4 * in_channels)]).peak


def gate(arity: int, channels: int, options: Options) -> int:
    """What GateFusion holds."""
    return then(make(channels), make(channels)).peak


def spatial_softmax(arity: int, channels: int, options: Options) -> int:
    """What SpatialSoftmaxFusion holds."""
    inner = int(options["hidden"])
    reduced = side_by_side([unit(inner)] * arity)
    weights = in_turn([make(arity * inner), make(arity), make(arity)])
    return side_by_side([reduced, weights, make(channels)]).peak
