"""New inputs out of known ones: half of them as text, half as trees of YAML.

Mutants of text have bytes, tokens and lines changed, and are often no YAML at all. Mutants of trees
always are, with keys and values of one spec in another, nested fusions, numbers at their limits.
"""

import random
import re
from collections.abc import Callable

import yaml

MAX_BYTES = 1 << 16
BLOWN_UP = 0.02  # of the mutants of text, which take long
NUMBERS = """0 1 2 3 5 7 8 12 13 16 48 63 64 65 199 200 201 512 8191 8192 8193 65536 1e3 1e9 1e99
    1e-99 -1 0.5 1.5 99999999999999999999 2147483648 0x10 010 1_000 .5 5. +1 -0 nan .inf""".split()
FORMULAS = """phi l k depth phi/0 2**phi 2**31 2**64 64*2**(l-3) round_to(phi,8) round_to(1,0)
    min(1,2) max(l,k) floor(1.5) ceil(phi) 0**-1 (-1)**0.5 9**9**9 ((((1)))) 1+ -l+5 wide*2
    1..depth 1..2*depth 1..64 1..65""".split()
LEVELS = "3..7 0..12 2..6 3..3 3..12 7..3 0..13 1..4 2..4 5..8 l .. ..5 6.. 3.. l..".split()
REFERENCES = """in(l) in(l+1) in(l-1) in(l-1..l+1) in(l-12..l+12) in(3) in(7) in(*) td(l) td(l+1)
    td(*) td(3) out(l) out(l-1) out out(*) backbone(l) backbone(5) backbone(*) gp f(l,k-1) f(l,last)
    f(l,all) f(l,1..k-1) f(l,k-2..k-1) f(*,k-1) f(l+1,k) f(l,k+1) f(3,2) in(l,k) x(l""".split()
DECLARATIONS = """td(l) td(3) td(..4) td(5..) td(4..6) out(l) out(7) f(l,k) f(l,1) f(l,2..) s(3,k)
    f(l,k~even) f(3,k~odd) gp in(l) in(6) backbone(l) class __a x_to_y shared_x p3_td
    nested""".split()
WORDS = """sum weighted softmax fast_normalized concat max mean gate spatial_softmax channel pixel
    scalar conv1x1 conv3x3 full separable depthwise act conv norm silu relu relu6 leaky_relu mish
    hard_swish gelu sigmoid identity c2f c3 csp_stage csp_rep residual rep_conv l2_norm deconv
    pixel_shuffle carafe nearest bilinear max_pool avg_pool avg same symmetric none resample true
    false yes null ~ per_edge per_source per_source_level prune_single_input add_same_level_skip
    panet bifpn fpn base fuzzed first last detection segmentation resnet50 resnet18 resnext
    tf_efficientnet_b0 vgg16_bn efficientdet""".split()
KEYS = """fpnc name title source levels inputs nodes outputs width depth k let prologue after
    parallel passes extends model fusion gate op activation norm redundant_bias adapters
    up down padding keep share level via from kind granularity eps conv kernel order
    bias stride pool block shortcut expansion scale hidden formula published mirror by
    momentum sharing backbone channels taps drop_path_rate resolution heads classes
    prior anchors aspect_ratios octaves image mean std override variants phi phi_prefix
    sum max concat weighted softmax spatial_softmax <<""".split()
SYNTAX = """[ ] { } : , - # | > & * ! % @ ` ' " ? -- --- ... << &a *a !!python/name:os.system \\ ( )
    .. ~ = %YAML""".split()
TOKENS = [*NUMBERS, *FORMULAS, *LEVELS, *REFERENCES, *DECLARATIONS, *WORDS, *KEYS, *SYNTAX]
VALUES = [*NUMBERS, *FORMULAS, *LEVELS, *REFERENCES, *WORDS]
FUSIONS = "sum weighted softmax fast_normalized concat max mean gate spatial_softmax".split()
MARKS = [b"#=== base\n", b"#=== model\n", b"#=== phi 6\n", b"#=== phi 0\n"]
_TOKEN = re.compile(rb"[A-Za-z_0-9.]+(?:\([^()\n]*\))?|[^\sA-Za-z_0-9]")

Tree = dict | list | str
Random = random.Random


def mutate(data: bytes, other: bytes, rng: Random) -> bytes:
    """An input made of one, with parts of another; at most MAX_BYTES."""
    if rng.random() < 0.6 and (mutant := _of_trees(data, other, rng)) is not None:
        return mutant[:MAX_BYTES]
    if rng.random() < BLOWN_UP:
        return _blown_up(data, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        data = rng.choice(_TEXTUAL)(data, other, rng)
    return data[:MAX_BYTES]


def _bytes(data: bytes, _other: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    new = bytes(
        rng.choice((rng.randrange(256), rng.choice(b"[]{}:,-#\n \t'\"&*!")))
        for _ in range(rng.choice((0, 1, 1, 2, 4)))
    )
    return data[:at] + new + data[at + rng.choice((0, 1, 1, 3)) :]


def _token(data: bytes, _other: bytes, rng: Random) -> bytes:
    found = [*_TOKEN.finditer(data)]
    if not found:
        return data
    match = rng.choice(found)
    new = rng.choice(TOKENS).replace("~", " ").encode()
    return data[: match.start()] + new + data[rng.choice((match.start(), match.end())) :]


def _lines(data: bytes, other: bytes, rng: Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[at : at + rng.choice((1, 2, 5))]
        case 1:
            lines[at:at] = lines[at : at + rng.choice((1, 3))] * rng.choice((1, 2, 20))
        case 2:
            lines.insert(rng.randrange(len(lines)), lines.pop(at))
        case 3:
            lines[at] = rng.choice((b" ", b"  ", b"\t", b"- ")) + lines[at]
        case 4:
            lines[at] = lines[at].removeprefix(b"  ")
        case 5:
            theirs = other.split(b"\n")
            start = rng.randrange(len(theirs))
            lines[at:at] = theirs[start : start + rng.choice((1, 3, 10))]
    return b"\n".join(lines)


def _slices(data: bytes, other: bytes, rng: Random) -> bytes:
    at, start = rng.randrange(len(data) + 1), rng.randrange(len(other) + 1)
    return data[:at] + other[start : start + rng.choice((4, 20, 200))] + data[at:]


def _blown_up(data: bytes, rng: Random) -> bytes:
    """A character, a token or a line, thousands of times: what takes quadratic time shows."""
    found = [*_TOKEN.finditer(data)]
    if not found:
        return data
    match = rng.choice(found)
    at = rng.choice((match.start(), match.end(), rng.randrange(match.start(), match.end())))
    what = rng.choice((b" ", b"(", b")", b"1", b"a", b",", b"..", b"+1", b"in(l),", b"\n", b"#"))
    if rng.random() < 0.3:
        what = rng.choice((match.group(), data[at : at + 8], b"-", b"[", b"\\", b"''"))
    many = rng.choice((60, 300, 5_000, MAX_BYTES // max(1, len(what))))
    return (data[:at] + what * many + data[at:])[:MAX_BYTES]


def _marks(data: bytes, other: bytes, rng: Random) -> bytes:
    return data + b"\n" + rng.choice(MARKS) + rng.choice((b"", other, data))


_TEXTUAL: list[Callable[[bytes, bytes, Random], bytes]] = [
    _bytes, _token, _token, _token, _lines, _lines, _slices, _marks,
]  # fmt: skip
_PARTS = re.compile(rb"^(#=== [^\n]*\n)", re.MULTILINE)
_trees: dict[bytes, Tree | None] = {}


def _tree_of(text: bytes) -> Tree | None:
    if text not in _trees:
        if len(_trees) > 5000:
            _trees.clear()
        try:
            _trees[text] = yaml.load(text, Loader=yaml.CBaseLoader)
        except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: not UTF-8
            _trees[text] = None
    return _trees[text]


def _of_trees(data: bytes, other: bytes, rng: Random) -> bytes | None:
    parts = _PARTS.split(data)
    at = rng.randrange(0, len(parts), 2)
    tree = _tree_of(parts[at])
    theirs = _tree_of(_PARTS.split(other)[0])
    if not isinstance(tree, dict) or not tree:
        return None
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        tree = _changed(tree, theirs, rng)
    parts[at] = yaml.dump(
        tree, Dumper=_Dumper, default_flow_style=rng.choice((None, None, True)),
        sort_keys=False, width=10_000,
    ).encode()  # fmt: skip
    return b"".join(parts)


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="'" if _needs_quotes(text) else ""))  # fmt: skip


def _needs_quotes(text: str) -> bool:
    return not re.fullmatch(r"[A-Za-z0-9_.()+*/ -]+(?: [A-Za-z0-9_.()]+)*", text) or "- " in text


def _changed(tree: Tree, theirs: Tree | None, rng: Random) -> Tree:
    """The tree with one change at a place that is chosen on the way down."""
    if not isinstance(tree, dict | list) or not tree or rng.random() < 0.12:
        return _replaced(tree, theirs, rng)
    keys = [*tree] if isinstance(tree, dict) else [*range(len(tree))]
    key = rng.choice(keys)
    new = tree.copy()
    match rng.randrange(24):
        case 0:
            del new[key]
        case 1 if isinstance(new, dict):
            new[rng.choice(KEYS if rng.random() < 0.5 else DECLARATIONS).replace("~", " ")] = (
                _value(theirs, rng)
            )
        case 2 if isinstance(new, dict):
            kept = new.pop(key)
            new[rng.choice(KEYS if rng.random() < 0.5 else DECLARATIONS).replace("~", " ")] = kept
        case 3 if isinstance(new, list):
            new[key:key] = [_value(theirs, rng)] * rng.choice((1, 1, 2, 30))
        case 4 if isinstance(new, list):
            new = new * rng.choice((2, 3, 20))
        case 5 if isinstance(new, dict):
            for number in range(rng.choice((2, 5, 40))):
                new[f"n{number}(l)"] = new[key]
        case 6 if isinstance(theirs, dict) and isinstance(new, dict):
            new |= theirs if rng.random() < 0.3 else dict([rng.choice([*theirs.items()])])
        case _:
            new[key] = _changed(new[key], theirs, rng)
    return new


def _replaced(tree: Tree, theirs: Tree | None, rng: Random) -> Tree:
    match rng.randrange(8):
        case 0:
            for _ in range(rng.choice((1, 1, 2, 8, 40))):
                tree = {rng.choice(FUSIONS): tree if isinstance(tree, list) else [tree, "in(l)"]}
                tree = tree if rng.random() < 0.5 else [tree, rng.choice(REFERENCES)]
            return tree
        case 1:
            return {"from": tree, "via": _value(theirs, rng)}
        case 2:
            return {"formula": rng.choice(FORMULAS), "published": [tree] * rng.choice((1, 9))}
        case 3:
            return [tree, _value(theirs, rng)]
        case 4:
            return {"inputs": tree, rng.choice(KEYS): _value(theirs, rng)}
        case _:
            return _value(theirs, rng)


def _value(theirs: Tree | None, rng: Random) -> Tree:
    while isinstance(theirs, dict | list) and theirs and rng.random() < 0.8:
        theirs = rng.choice([*theirs.values()] if isinstance(theirs, dict) else theirs)
    if theirs and rng.random() < 0.5:
        return theirs
    return rng.choice(VALUES).replace("~", " ")
