"""New texts of graphs out of known ones: characters, words, lines and pieces of others changed."""

import random
import re
from collections.abc import Callable

Random = random.Random
MAX_CHARACTERS = 20_000
CHARACTERS = (
    "=,[]()>*/^~?@-#.:;'\"\\ \t\n\r\x0b\x0c\x1c\x85\u2028\u00e9\u00b2\u0664\U0001f600\0axX019_"
)
NUMBERS = """0 1 2 3 5 7 30 31 64 99 100 256 1000 1001 1048576 1048577 1e-05 1e-4 1e99 1e400 0.5 1.5
    .5 5. -1 00 007 999999999999999999999999 9999999999999999999999999 1_000""".split()
WORDS = """graph with outputs network taps extra layer input backbone fuse unary adapter width takes
    takes=any share=a keep nested up=bilinear up=carafe up=pixel_shuffle up=deconv down=avg_pool
    down=full3/2 down=full3/2*64 padding=none adapters(norm=false) adapters(sharing=per_source)
    adapters(eps=0.1,bias=false) activation=relu unused_activation=mish eps=0.1 momentum=0.5
    redundant_bias=false sum concat max mean gate spatial_softmax weighted softmax fast_normalized
    softmax/channel softmax/pixel fast_normalized(eps=0.1,fixed) gate(by=first) ^1 ^2 ^30 v1 v2 v30
    v31 ^1(bilinear) v1(avg_pool,padding=none) *64 *128(norm=false) *1048576 ~ relu norm silu
    silu-full3*64-norm full3/2*64 full3(valid) depthwise5-act full1-relu norm-relu-full1
    separable3*64(bias=true,activation=relu) maxpool3 maxpool3/2 avgpool2/2 maxpool4/2 c2f c2f*96
    c3*64(depth=2,shortcut=false) @c2f @v2 l2_norm deconv carafe pixel_shuffle rep_conv residual x1
    x3 x1000 p3 p4 p3=p3_in c3=40 p3_in p4_in p3_td p4_td p5_out p3_in=1 identity""".split()
STEPS = """^1 ^2(bilinear) v1 v2(avg_pool,padding=none) *64 *32(norm=false) *64(eps=0.1) ~ relu mish
    silu-full3*64-norm full3/2 full1(valid) depthwise5-relu norm-relu-full1 maxpool3/2 avgpool2/2
    separable3*64(bias=false,activation=relu) c2f c3*64(depth=2,shortcut=false,activation=relu)
    l2_norm deconv carafe pixel_shuffle rep_conv(eps=0.1) residual
    full3(momentum=0.5)-norm""".split()
TRAITS = """takes=any takes=64 share=a keep nested up=bilinear up=carafe up=pixel_shuffle
    down=avg_pool down=full3/2 down=separable3/2-norm padding=none padding=symmetric
    adapters(norm=false)
    adapters(sharing=per_source) adapters(bias=false,eps=0.1) adapters(momentum=0.5)""".split()
SETTINGS = """activation=relu unused_activation=mish eps=0.5 momentum=0.5 redundant_bias=false
    up=bilinear up=carafe down=avg_pool down=full3/2 padding=none adapters(norm=false)
    adapters(bias=false,sharing=per_source_level)""".split()
_TOKEN = re.compile(r"[A-Za-z_0-9.]+|[^\sA-Za-z_0-9]")


def mutate(text: str, other: str, rng: Random) -> str:
    """A text made of one, with parts of another."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        text = rng.choice(_CHANGES)(text, other, rng)
    return text[:MAX_CHARACTERS]


def _characters(text: str, _other: str, rng: Random) -> str:
    at = rng.randrange(len(text) + 1)
    new = "".join(rng.choice(CHARACTERS) for _ in range(rng.choice((0, 1, 1, 2, 4))))
    return text[:at] + new + text[at + rng.choice((0, 1, 1, 3)) :]


def _word(text: str, _other: str, rng: Random) -> str:
    """A word put in the place of another, or before it."""
    found = [*_TOKEN.finditer(text)]
    if not found:
        return text
    match = rng.choice(found)
    known = NUMBERS if match.group()[0].isdigit() and rng.random() < 0.8 else WORDS
    end = match.end() if rng.random() < 0.7 else match.start()
    return f"{text[: match.start()]}{rng.choice(known)}{' ' * (end == match.start())}{text[end:]}"


def _said(text: str, _other: str, rng: Random) -> str:
    """A step, a setting of a node or one of a graph, where it may stand."""
    pattern, words, form = rng.choice(
        (
            (r"(?<=[a-z0-9_)])(?=[,\]])", STEPS, " {}"),
            (r"(?<=\])$|(?<=\]) > [^#\n]+$", STEPS, " > {}"),
            (r"(?<= )(?=\[)", TRAITS, "{} "),
            (r"(?<=^graph )\w+$", SETTINGS, "mine\n  with {}"),
        )
    )
    found = [*re.finditer(pattern, text, re.MULTILINE)]
    if not found:
        return text
    match = rng.choice(found)
    said = " ".join(rng.sample(words, rng.choice((1, 1, 2))))
    return f"{text[: match.start()]}{form.format(said)}{text[match.end() :]}"


def _swapped_words(text: str, _other: str, rng: Random) -> str:
    """Two words change places: nodes that read each other, levels, widths."""
    found = [*_TOKEN.finditer(text)]
    if len(found) < 2:
        return text
    left, right = sorted(rng.sample(found, 2), key=lambda match: match.start())
    between = text[left.end() : right.start()]
    ends = text[: left.start()], text[right.end() :]
    return f"{ends[0]}{right.group()}{between}{left.group()}{ends[1]}"


def _lines(text: str, other: str, rng: Random) -> str:
    """Lines dropped, doubled, moved or taken from another text."""
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            del lines[at : at + rng.choice((1, 1, 2, 5))]
        case 1:
            lines[at:at] = lines[at : at + rng.choice((1, 3))] * rng.choice((1, 1, 20))
        case 2:
            lines.insert(rng.randrange(len(lines)), lines.pop(at))
        case 3:
            theirs = other.split("\n")
            start = rng.randrange(len(theirs))
            lines[at:at] = theirs[start : start + rng.choice((1, 3, 10))]
        case 4:
            to = rng.randrange(len(lines))
            lines[at], lines[to] = lines[to], lines[at]
    return "\n".join(lines)


def _piece(text: str, other: str, rng: Random) -> str:
    at, start = rng.randrange(len(text) + 1), rng.randrange(len(other) + 1)
    return text[:at] + other[start : start + rng.choice((4, 20, 200))] + text[at:]


def _blown_up(text: str, _other: str, rng: Random) -> str:
    """A character or a word, many times."""
    found = [*_TOKEN.finditer(text)]
    if not found or rng.random() < 0.7:
        return text
    match = rng.choice(found)
    many = rng.choice((30, 300, 2000))
    what = rng.choice((match.group(), f"{match.group()} ", " ", "-", "(", "p3_in, ", "relu "))
    return text[: match.start()] + what * many + text[match.start() :]


_CHANGES: list[Callable[[str, str, Random], str]] = [
    _said, _said, _said, _said, _characters, _word, _word, _swapped_words, _lines, _lines, _piece,
    _blown_up,
]  # fmt: skip
